"""Routes for runs: read, watch, cancel, pause, resume and retry them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import (
    APIRouter,
    Depends,
    Header,
    Path,
    Query,
    Response,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi import status as codes
from pydantic import BaseModel, Field

from flowc.compiler.reading.large_values import dump_json, in_worker, is_large
from flowc.server.api.admission import admit
from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES, RETRY_SECONDS, close_refused
from flowc.server.api.paging import MAX_NUMBER, Page, PageLimit, PageOffset
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.sse import EventStream, event, retry, stream
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.engine.publishing.watchers import ServerStops
from flowc.server.process.process import Process
from flowc.server.records.run_errors import FailureJson
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import ENDED, NodeStatus, Run, RunStatus
from flowc.server.runs.history import history_of
from flowc.server.store.runs.stored_runs import NoSuchRun

RunIdInPath = Annotated[str, Path(max_length=64, description="Id of the run.")]
# A watcher that reconnects continues after the last event that it got.
After = Annotated[int, Query(ge=0, le=MAX_NUMBER, description="Only events with greater numbers.")]

router = APIRouter(prefix="/runs", tags=["runs"], route_class=StrictRoute, responses=RESPONSES)


class EventPage(BaseModel):
    """Events of a run."""

    events: list[RunEvent]
    last: int = Field(description="Number of the last event; pass it as `after` to get the next.")
    status: RunStatus
    is_over: bool = Field(description="The run has ended, and there are no more events.")


class ExecutionBody(BaseModel):
    """One execution of a node; in a loop or map, a node has several."""

    node_id: str
    path: str
    number: int = Field(description="Number of the event with which it started.")
    status: NodeStatus
    started_at: datetime | None
    finished_at: datetime | None
    attempts: list[dict[str, Any]]
    input: dict[str, Any]
    output: Any
    branch: str | None
    error: FailureJson | None
    duration_ms: float | None
    usage: dict[str, float]


class EndRequest(RequestBody):
    """Why a run is ended; the reason becomes the message of its error."""

    reason: str | None = Field(default=None, max_length=2_000)


class RunPage(Page):
    """A page of runs, newest first, without their nodes."""

    items: list[Run]


@router.get("")
async def list_runs(
    process: CurrentProcess,
    workflow_id: Annotated[str | None, Query(max_length=128)] = None,
    status: RunStatus | None = None,
    limit: PageLimit = 50,
    offset: PageOffset = 0,
) -> RunPage:
    """Return a page of runs, newest first."""
    found, total = await process.stored_runs.list(limit, offset, workflow_id, status)
    return RunPage(items=list[Run](found), total=total, limit=limit, offset=offset)


@router.get("/{run_id}")
async def get_run(run_id: RunIdInPath, process: CurrentProcess) -> Run:
    """Return a run with the status, output and times of each node."""
    run = await process.stored_runs.get(run_id)
    return run


@router.get("/{run_id}/logs", summary="Read Events")
async def read_logs(
    run_id: RunIdInPath,
    process: CurrentProcess,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for an event.")] = 0,
) -> EventPage:
    """Return events of a run; with `wait`, wait for the next one if there is none yet."""
    events = await process.runs.logs(run_id, after, limit, wait)
    status = await process.stored_runs.status(run_id)
    last = events[-1].number if events else after
    is_over = status in ENDED and len(events) < limit
    return EventPage.model_validate(
        {"events": events, "last": last, "status": status, "is_over": is_over}
    )


@router.get("/{run_id}/history")
async def read_history(run_id: RunIdInPath, process: CurrentProcess) -> list[ExecutionBody]:
    """Return every execution of the run's nodes, with its attempts, output, error and times."""
    events = await process.stored_runs.events(run_id, limit=1_000_000)
    return [ExecutionBody.model_validate(each) for each in history_of(events)]


async def _existing(run_id: RunIdInPath, process: CurrentProcess) -> str:
    """Refuse to watch a missing run before the stream begins."""
    await process.stored_runs.status(run_id)
    return run_id


@router.get("/{run_id}/events", response_class=EventStream)
async def watch_events(
    run_id: Annotated[str, Depends(_existing)],
    process: CurrentProcess,
    after: After = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=MAX_NUMBER)] = None,
) -> Response:
    """Stream the events of a run until it ends, as server-sent events.

    A client that reconnects with `Last-Event-ID` gets the events after that one.
    """
    events = process.runs.events(run_id, last_event_id or after)
    return stream(_lines(events), lambda _: retry(RETRY_SECONDS))


async def _lines(events: AsyncIterator[RunEvent]) -> AsyncIterator[str]:
    async for each in events:
        # An event is plain JSON: it is written without being looked at once more.
        yield event(await _text_of(each.as_json()), each.kind, each.number)


async def _text_of(value: Any) -> str:
    return await in_worker(partial(dump_json, value)) if is_large(value) else dump_json(value)


@router.websocket("/{run_id}/ws", dependencies=[Depends(admit)])
async def watch_socket(socket: WebSocket, run_id: RunIdInPath, after: After = 0) -> None:
    """Stream the events of a run over a WebSocket, one JSON object each, until it ends."""
    process: Process = socket.app.state.process
    await socket.accept()
    sending = asyncio.create_task(_send_events(socket, process, run_id, after))
    leaving = asyncio.create_task(_left(socket))
    await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
    for task in (sending, leaving):
        task.cancel()
    await asyncio.gather(sending, leaving, return_exceptions=True)
    if not sending.cancelled():
        sending.result()


async def _send_events(socket: WebSocket, process: Process, run_id: str, after: int) -> None:
    """Send the events of a run; close the socket when there are no more, or say why not."""
    with suppress(WebSocketDisconnect):
        try:
            async for each in process.runs.events(run_id, after):
                await socket.send_text(await _text_of(each.as_json()))
        except NoSuchRun as problem:
            await close_refused(socket, problem)
        except ServerStops:
            await socket.close(codes.WS_1012_SERVICE_RESTART)
        else:
            await socket.close()


async def _left(socket: WebSocket) -> None:
    """Wait until the client leaves; what it sends has no meaning."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


@router.post("/{run_id}/cancel", responses=CONFLICT)
async def cancel_run(
    run_id: RunIdInPath, process: CurrentProcess, body: EndRequest | None = None
) -> Run:
    """End a run at once; a cancelled run cannot be retried."""
    run = await process.runs.cancel(run_id, body.reason if body else None)
    return run


@router.post("/{run_id}/terminate", responses=CONFLICT)
async def terminate_run(
    run_id: RunIdInPath, process: CurrentProcess, body: EndRequest | None = None
) -> Run:
    """End a run at once as failed, so that it can be retried from where it was."""
    run = await process.runs.terminate(run_id, body.reason if body else None)
    return run


@router.post("/{run_id}/pause", responses=CONFLICT)
async def pause_run(run_id: RunIdInPath, process: CurrentProcess) -> Run:
    """Pause a run when the nodes that are running have finished."""
    return await process.runs.pause(run_id)


@router.post("/{run_id}/resume", responses=CONFLICT)
async def resume_run(run_id: RunIdInPath, process: CurrentProcess) -> Run:
    """Resume a paused run."""
    return await process.runs.resume(run_id)


@router.post("/{run_id}/retry", responses=CONFLICT)
async def retry_run(run_id: RunIdInPath, process: CurrentProcess) -> Run:
    """Retry a failed run from where it failed; completed nodes do not run again."""
    return await process.runs.retry(run_id)
