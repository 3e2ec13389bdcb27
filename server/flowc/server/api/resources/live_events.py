"""Routes for the events of all runs, as they happen."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, WebSocket

from flowc.compiler.running.events import EventKind
from flowc.server.api.admission import CurrentCaller, until_refused
from flowc.server.api.current_tenant import CurrentProcess, process_of, tenant_of
from flowc.server.api.errors import RESPONSES, RETRY_SECONDS
from flowc.server.api.json_texts import json_text
from flowc.server.api.sockets import serve_socket
from flowc.server.api.sse import DESCRIBED, EventStream, event, retry, stream
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.engine.publishing.feed import FedEvent, Feed, Missed, Subscriber

router = APIRouter(prefix="/events", tags=["runs"], route_class=StrictRoute, responses=RESPONSES)


@router.get("", response_class=EventStream, responses=DESCRIBED)
async def watch_all_events(
    process: CurrentProcess,
    caller: CurrentCaller,
    request: Request,
    workflow_id: Annotated[
        str | None, Query(max_length=128, description="Only runs of this workflow.")
    ] = None,
    kinds: Annotated[
        list[EventKind] | None, Query(description="Only events of these kinds; default: all.")
    ] = None,
    seconds: Annotated[
        float | None,
        Query(gt=0, le=86_400, description="After which the stream ends; default: never."),
    ] = None,
) -> EventStream:
    """Stream the events of all runs from now on, as server-sent events.

    Each has the `workflow_id` and `run_id` that it is about. An event `missed` says how many were
    not sent, since the client read too slowly; null if that is not known. Then, and after it has
    connected again, a client reads the runs again.
    """
    subscriber = Subscriber(caller.tenant, workflow_id, frozenset(kinds or ()))
    lines = _lines(process.feed, subscriber)
    until = _until(until_refused(request), seconds)
    return stream(lines, lambda _: retry(RETRY_SECONDS), until)


async def _until(refused: Coroutine[Any, Any, None], seconds: float | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await refused


async def _lines(feed: Feed, subscriber: Subscriber) -> AsyncIterator[str]:
    async for each in feed.events(subscriber):
        if isinstance(each, Missed):
            yield event({"missed": each.number}, "missed")
        else:
            yield event(await json_text(each.as_json()), each.event.kind)


async def watch_workflow(
    socket: WebSocket,
    workflow_id: Annotated[str, Path(max_length=128, description="Id of the workflow.")],
) -> None:
    """Stream the events of all runs of a workflow over a WebSocket, from now on.

    Each is one JSON message with `workflow_id`, `run_id`, `type` and `data`.
    """
    tenant = tenant_of(socket.scope)
    subscriber = Subscriber(tenant.runs.tenant, workflow_id)
    feed = process_of(socket.scope).feed

    async def send() -> None:
        await tenant.stored_workflows.get(workflow_id)
        async for each in feed.events(subscriber):
            await socket.send_text(await json_text(_message(each, workflow_id)))

    await serve_socket(socket, send())


def _message(each: FedEvent | Missed, workflow_id: str) -> dict[str, Any]:
    if isinstance(each, Missed):
        about = {"workflow_id": workflow_id, "run_id": None}
        return {**about, "type": "missed", "data": {"missed": each.number}}
    return each.as_json()
