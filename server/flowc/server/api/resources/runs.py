"""Runs over HTTP: what became of them, node by node; what happens in them; how they are steered."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, WebSocket, WebSocketDisconnect
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES, close_refused
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.process import Process
from flowc.server.records.runs import ENDED, NodeStatus, RunStatus
from flowc.server.runs.history import history_of
from flowc.server.store.runs.stored_runs import NoSuchRun

RunId = Annotated[str, Path(max_length=64)]
# Where a watcher that comes again goes on: after the event with this number.
After = Annotated[int, Query(ge=0, description="Only events with greater numbers.")]

router = APIRouter(prefix="/runs", tags=["runs"], route_class=StrictRoute, responses=RESPONSES)


class NodeBody(BaseModel):
    """What one node of a run did."""

    status: NodeStatus
    runs: int
    output: Any
    attempts: int
    duration_ms: float | None
    started_at: datetime | None
    finished_at: datetime | None
    error: dict[str, Any] | None


class RunBody(BaseModel):
    """A run; `usage` counts tokens and model calls, its `cost` is in US dollars."""

    id: str
    run_id: str
    workflow_id: str | None
    version: int | None
    hash: str
    status: RunStatus
    input: dict[str, Any]
    output: Any
    nodes: dict[str, NodeBody]
    usage: dict[str, float]
    error: dict[str, Any] | None
    priority: int
    forked_from: str | None
    thread_id: str | None
    breakpoints: dict[str, Any] | None
    created_at: datetime
    starts_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


class EventBody(BaseModel):
    """One thing that happened to a run, or to a node of it; numbers have no gaps."""

    number: int
    kind: str
    at: datetime
    node_id: str | None
    path: str
    data: Any


class Logs(BaseModel):
    """A run's events from a number on, and where to go on; `is_over` says that it has ended."""

    events: list[EventBody]
    last: int
    status: RunStatus
    is_over: bool


class ExecutionBody(BaseModel):
    """One time that a node ran; `number` is that of the event with which it began."""

    node_id: str
    path: str
    number: int
    status: NodeStatus
    started_at: datetime | None
    finished_at: datetime | None
    attempts: list[dict[str, Any]]
    input: dict[str, Any]
    output: Any
    branch: str | None
    error: dict[str, Any] | None
    duration_ms: float | None
    usage: dict[str, float]


class Ending(BaseModel):
    """Why a run is ended."""

    reason: str | None = Field(default=None, max_length=2_000)


class RunPage(BaseModel):
    """A page of runs, without their nodes."""

    items: list[RunBody]
    total: int
    limit: int
    offset: int


@router.get("")
async def list_runs(
    process: CurrentProcess,
    workflow_id: Annotated[str | None, Query(max_length=128)] = None,
    status: RunStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> RunPage:
    """Return a page of runs, newest first."""
    found, total = await process.stored_runs.list(limit, offset, workflow_id, status)
    items = [RunBody.model_validate(run.as_json()) for run in found]
    return RunPage(items=items, total=total, limit=limit, offset=offset)


@router.get("/{run_id}")
async def get_run(run_id: RunId, process: CurrentProcess) -> RunBody:
    """Return a run with every node's status, output and times."""
    run = await process.stored_runs.get(run_id)
    return RunBody.model_validate(run.as_json())


@router.get("/{run_id}/logs")
async def read_logs(
    run_id: RunId,
    process: CurrentProcess,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for one.")] = 0,
) -> Logs:
    """Return a run's events from a number on; wait for the next one if there is none yet."""
    events = await process.runs.logs(run_id, after, limit, wait)
    status = await process.stored_runs.status(run_id)
    last = events[-1].number if events else after
    shown = [EventBody.model_validate(event.as_json()) for event in events]
    is_over = status in ENDED and len(events) < limit
    return Logs.model_validate(
        {"events": shown, "last": last, "status": status, "is_over": is_over}
    )


@router.get("/{run_id}/history")
async def read_history(run_id: RunId, process: CurrentProcess) -> list[ExecutionBody]:
    """Return every time that a node of the run ran: its attempts, output, error and times."""
    events = await process.stored_runs.events(run_id, limit=1_000_000)
    return [ExecutionBody.model_validate(each) for each in history_of(events)]


async def _existing(run_id: RunId, process: CurrentProcess) -> str:
    """Refuse to watch a run that is not there, while there is a response to say so."""
    await process.stored_runs.status(run_id)
    return run_id


@router.get("/{run_id}/events", response_class=EventSourceResponse)
async def watch_events(
    run_id: Annotated[str, Depends(_existing)],
    process: CurrentProcess,
    after: After = 0,
    last_event_id: Annotated[int | None, Header(ge=0)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Send a run's events as they come, until its end; `Last-Event-ID` says where to go on."""
    async for event in process.runs.events(run_id, last_event_id or after):
        yield ServerSentEvent(data=event.as_json(), event=event.kind, id=str(event.number))


@router.websocket("/{run_id}/ws")
async def watch_socket(socket: WebSocket, run_id: str, after: int = 0) -> None:
    """Send the same over a WebSocket, as one JSON object each, and close it at the run's end."""
    process: Process = socket.app.state.process
    await socket.accept()
    try:
        async for event in process.runs.events(run_id[:64], max(after, 0)):
            await socket.send_json(event.as_json())
    except NoSuchRun as problem:
        await close_refused(socket, problem)
    except WebSocketDisconnect:
        return
    else:
        await socket.close()


@router.post("/{run_id}/cancel", responses=CONFLICT)
async def cancel_run(run_id: RunId, process: CurrentProcess, body: Ending | None = None) -> RunBody:
    """End a run at once, on whatever machine it is worked on; it cannot be tried again."""
    run = await process.runs.cancel(run_id, body.reason if body else None)
    return RunBody.model_validate(run.as_json())


@router.post("/{run_id}/terminate", responses=CONFLICT)
async def terminate_run(
    run_id: RunId, process: CurrentProcess, body: Ending | None = None
) -> RunBody:
    """End a run at once as one that failed: it can be tried again from where it was."""
    run = await process.runs.terminate(run_id, body.reason if body else None)
    return RunBody.model_validate(run.as_json())


@router.post("/{run_id}/pause", responses=CONFLICT)
async def pause_run(run_id: RunId, process: CurrentProcess) -> RunBody:
    """Have a run stop once the nodes that are at work have finished."""
    return RunBody.model_validate((await process.runs.pause(run_id)).as_json())


@router.post("/{run_id}/resume", responses=CONFLICT)
async def resume_run(run_id: RunId, process: CurrentProcess) -> RunBody:
    """Have a paused run go on."""
    return RunBody.model_validate((await process.runs.resume(run_id)).as_json())


@router.post("/{run_id}/retry", responses=CONFLICT)
async def retry_run(run_id: RunId, process: CurrentProcess) -> RunBody:
    """Have a failed run go on from where it failed: what was done is not done again."""
    return RunBody.model_validate((await process.runs.retry(run_id)).as_json())
