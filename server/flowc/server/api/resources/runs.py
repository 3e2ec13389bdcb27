"""Runs over HTTP: what became of them, node by node; what happens in them; how they are steered."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, WebSocket, WebSocketDisconnect
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.process import Process
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import ENDED, NodeStatus, Run, RunStatus
from flowc.server.runs.history import history_of
from flowc.server.store.runs.stored_runs import NoSuchRun

RunId = Annotated[str, Path(max_length=64)]
# Where a watcher that comes again goes on: after the event with this number.
After = Annotated[int, Query(ge=0, description="Only events with greater numbers.")]

router = APIRouter(prefix="/runs", tags=["runs"], route_class=StrictRoute, responses=RESPONSES)


class Logs(BaseModel):
    """A run's events from a number on, and where to go on; `is_over` says that it has ended."""

    events: list[RunEvent]
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

    items: list[Run]
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
    return RunPage(items=list[Run](found), total=total, limit=limit, offset=offset)


@router.get("/{run_id}")
async def get_run(run_id: RunId, process: CurrentProcess) -> Run:
    """Return a run with every node's status, output and times."""
    return await process.stored_runs.get(run_id)


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
    is_over = status in ENDED and len(events) < limit
    return Logs.model_validate(
        {"events": events, "last": last, "status": status, "is_over": is_over}
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
    except NoSuchRun:
        await socket.close(4404, "There is no such run.")
    except WebSocketDisconnect:
        return
    else:
        await socket.close()


@router.post("/{run_id}/cancel", responses=CONFLICT)
async def cancel_run(run_id: RunId, process: CurrentProcess, body: Ending | None = None) -> Run:
    """End a run at once, on whatever machine it is worked on; it cannot be tried again."""
    return await process.runs.cancel(run_id, body.reason if body else None)


@router.post("/{run_id}/terminate", responses=CONFLICT)
async def terminate_run(run_id: RunId, process: CurrentProcess, body: Ending | None = None) -> Run:
    """End a run at once as one that failed: it can be tried again from where it was."""
    return await process.runs.terminate(run_id, body.reason if body else None)


@router.post("/{run_id}/pause", responses=CONFLICT)
async def pause_run(run_id: RunId, process: CurrentProcess) -> Run:
    """Have a run stop once the nodes that are at work have finished."""
    return await process.runs.pause(run_id)


@router.post("/{run_id}/resume", responses=CONFLICT)
async def resume_run(run_id: RunId, process: CurrentProcess) -> Run:
    """Have a paused run go on."""
    return await process.runs.resume(run_id)


@router.post("/{run_id}/retry", responses=CONFLICT)
async def retry_run(run_id: RunId, process: CurrentProcess) -> Run:
    """Have a failed run go on from where it failed: what was done is not done again."""
    return await process.runs.retry(run_id)
