"""Server-sent events: answers that are sent as they arrive."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi.responses import StreamingResponse

from flowc.server.engine.publishing.watchers import ServerStops

_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
# Seconds without an event after which a comment shows proxies that the answer continues.
_SILENCE = 15


class EventStream(StreamingResponse):
    """A response of server-sent events."""

    media_type = "text/event-stream"


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


def stream(events: AsyncIterator[str], last: Callable[[ServerStops], str]) -> EventStream:
    """Return a response that sends events as they arrive; `last` is the one if the server stops."""
    return EventStream(_until_stop(events, last), headers=_HEADERS)


async def _until_stop(
    events: AsyncIterator[str], last: Callable[[ServerStops], str]
) -> AsyncIterator[str]:
    following = asyncio.create_task(_next(events))
    try:
        while True:
            await asyncio.wait([following], timeout=_SILENCE)
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
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _next(events: AsyncIterator[str]) -> str | None:
    return await anext(events, None)
