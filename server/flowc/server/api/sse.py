"""Server-sent events: answers that are sent as they arrive."""

import asyncio
import json
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Receive

from flowc.server.engine.publishing.watchers import ServerStops

_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
# Seconds without an event after which a comment shows proxies that the answer continues.
_SILENCE = 15

HungUp = Callable[[], Coroutine[Any, Any, None]]

# One event of a stream, as OpenAPI describes it.
DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "description": "One event of the stream.",
                    "properties": {
                        "id": {"type": "string"},
                        "event": {"type": "string"},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                    },
                }
            }
        }
    }
}


class EventStream(StreamingResponse):
    """A response of server-sent events; if its client hangs up, `hung_up` is called."""

    media_type = "text/event-stream"
    hung_up: HungUp | None = None

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Return when the client has hung up."""
        await super().listen_for_disconnect(receive)
        if self.hung_up is not None:
            await self.hung_up()


def event(data: Any, kind: str | None = None, id: int | None = None) -> str:
    """Return one event in the format of server-sent events.

    >>> event({"text": "Hi"}, "token")
    'event: token\\ndata: {"text": "Hi"}\\n\\n'
    """
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    named = f"event: {kind}\n" if kind is not None else ""
    numbered = f"id: {id}\n" if id is not None else ""
    return f"{named}data: {text}\n{numbered}\n"


def retry(seconds: int) -> str:
    """Return what makes a browser ask for the events after the last one, some seconds later.

    >>> retry(5)
    'retry: 5000\\n\\n'
    """
    return f"retry: {seconds * 1_000}\n\n"


def stream(
    events: AsyncIterator[str],
    last: Callable[[ServerStops], str],
    until: Coroutine[Any, Any, None] | None = None,
    hung_up: HungUp | None = None,
) -> EventStream:
    """Return a response that sends events as they arrive, `until` something ends it.

    `last` is its last event if the server stops. `hung_up` is called if the client hangs up, and
    perhaps also after the last event.
    """
    found = EventStream(_until_stop(events, last, until), headers=_HEADERS)
    found.hung_up = hung_up
    return found


async def _until_stop(
    events: AsyncIterator[str],
    last: Callable[[ServerStops], str],
    until: Coroutine[Any, Any, None] | None,
) -> AsyncIterator[str]:
    following = asyncio.create_task(_next(events))
    ending = asyncio.create_task(until if until is not None else _never())
    try:
        while True:
            await asyncio.wait([following, ending], timeout=_SILENCE, return_when=FIRST_COMPLETED)
            if ending.done():
                return
            if not following.done():
                yield ": ping\n\n"
            elif (found := following.result()) is None:
                return
            else:
                yield found
                # Only now, so that nothing is read for a client that does not read.
                following = asyncio.create_task(_next(events))
    except ServerStops as stop:
        yield last(stop)
    finally:
        for task in (following, ending):
            task.cancel()
        await asyncio.gather(following, ending, return_exceptions=True)


async def _never() -> None:
    await asyncio.Event().wait()


async def _next(events: AsyncIterator[str]) -> str | None:
    return await anext(events, None)
