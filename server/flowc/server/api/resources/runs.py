"""Routes for runs: read, watch, cancel, pause, resume and retry them."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import (
    APIRouter,
    Depends,
    Header,
    Path,
    Query,
    Request,
    Response,
    WebSocket,
)
from pydantic import AwareDatetime, BaseModel, Field

from flowc.server.api.admission import admit, until_refused
from flowc.server.api.current_tenant import CurrentTenant, tenant_of
from flowc.server.api.errors import CONFLICT, RESPONSES, RETRY_SECONDS
from flowc.server.api.json_texts import json_text
from flowc.server.api.paging import (
    MAX_NUMBER,
    ItemFields,
    Page,
    PageOfList,
    SearchText,
    page_fields,
    with_fields,
)
from flowc.server.api.refused_requests import NoSuchNode
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.shortened import MostBytes, shortened
from flowc.server.api.sockets import serve_socket
from flowc.server.api.sse import DESCRIBED, EventStream, event, retry, stream
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.tenants import Tenant
from flowc.server.records.run_errors import FailureJson
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import ENDED, RUN_FIELDS, NodeStatus, Run, RunStatus
from flowc.server.runs.history import history_of
from flowc.server.runs.replays import ALL_EVENTS
from flowc.server.store.runs.stored_runs import WantedRuns

RunIdInPath = Annotated[str, Path(max_length=64, description="Id of the run.")]
# A watcher that reconnects continues after the last event that it got.
After = Annotated[int, Query(ge=0, le=MAX_NUMBER, description="Only events with greater numbers.")]

_NO_MORE: Mapping[int | str, dict[str, Any]] = {
    HTTPStatus.NO_CONTENT: {"description": "The run has ended, and all events were sent."}
}

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


class NodeOutput(BaseModel):
    """The output of a node, null if it has none."""

    status: NodeStatus
    output: Any


class EndRequest(RequestBody):
    """Why a run is ended; the reason becomes the message of its error."""

    reason: str | None = Field(default=None, max_length=2_000)


class RunPage(Page):
    """A page of runs, newest first, without their nodes."""

    items: list[Run]


# A function that is not async would be called in another thread, at each request.
async def _wanted(
    workflow_id: Annotated[str | None, Query(max_length=128)] = None,
    version: Annotated[int | None, Query(ge=1, le=MAX_NUMBER)] = None,
    status: Annotated[
        list[RunStatus] | None, Query(description="One of these; given several times.")
    ] = None,
    thread_id: Annotated[str | None, Query(max_length=128)] = None,
    started_by: Annotated[
        str | None, Query(max_length=300, description="Who or what started it, as runs say it.")
    ] = None,
    forked_from: Annotated[
        str | None, Query(max_length=64, description="The run that it repeats.")
    ] = None,
) -> WantedRuns:
    return WantedRuns(workflow_id, version, status or (), thread_id, started_by, forked_from)


async def _wanted_of_times(
    wanted: Annotated[WantedRuns, Depends(_wanted)],
    since: Annotated[
        AwareDatetime | None, Query(alias="from", description="Created at this time or later.")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(alias="to", description="Created before this time.")
    ] = None,
    q: SearchText = "",
) -> WantedRuns:
    return replace(wanted, since=since, until=until, text=q)


@router.get("", response_model=RunPage)
async def list_runs(
    tenant: CurrentTenant,
    wanted: Annotated[WantedRuns, Depends(_wanted_of_times)],
    page: PageOfList,
    sort: Annotated[
        Literal["created_at", "-created_at"], Query(description="With `-`, the newest is first.")
    ] = "-created_at",
    fields: ItemFields = None,
) -> Any:
    """Return a page of runs, by default the newest first.

    `q` looks for text in the id, the workflow's id, the input and the error; big values of an input
    are not searched.
    """
    found = await tenant.stored_runs.list(page.sorted_by(sort), wanted)
    about = page_fields(found, page.limit, page.offset)
    return with_fields(RunPage(items=list[Run](found.items), **about), RUN_FIELDS, fields)


@router.get("/{run_id}")
async def get_run(
    run_id: RunIdInPath,
    tenant: CurrentTenant,
    nodes: Annotated[
        Literal["summary"] | None,
        Query(description="With `summary`, nodes are without their outputs, which are null."),
    ] = None,
    truncate: MostBytes = None,
) -> Run:
    """Return a run with the status, output and times of each node."""
    run = await tenant.stored_runs.get(run_id)
    if nodes is not None or truncate is not None:
        run.input = shortened(run.input, truncate)
        run.output = shortened(run.output, truncate)
        for node in run.nodes.values():
            node.output = None if nodes is not None else shortened(node.output, truncate)
    return run


@router.get("/{run_id}/nodes/{node}/output")
async def get_node_output(
    run_id: RunIdInPath,
    node: Annotated[
        str, Path(max_length=500, description="Id of a node; inside a loop or map, `loop.node`.")
    ],
    tenant: CurrentTenant,
) -> NodeOutput:
    """Return the whole output of a node, of its last run if it has run several times."""
    found = (await tenant.stored_runs.get(run_id)).nodes.get(node)
    if found is None:
        raise NoSuchNode
    return NodeOutput(status=found.status, output=found.output)


@router.get("/{run_id}/logs", summary="Read Events")
async def read_logs(
    run_id: RunIdInPath,
    tenant: CurrentTenant,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for an event.")] = 0,
    truncate: MostBytes = None,
) -> EventPage:
    """Return events of a run; with `wait`, wait for the next one if there is none yet."""
    events = await tenant.runs.logs(run_id, after, limit, wait)
    if truncate is not None:
        events = [replace(each, data=_shortened_data(each.data, truncate)) for each in events]
    status = await tenant.stored_runs.status(run_id)
    last = events[-1].number if events else after
    is_over = status in ENDED and len(events) < limit
    return EventPage.model_validate(
        {"events": events, "last": last, "status": status, "is_over": is_over}
    )


@router.get("/{run_id}/history")
async def read_history(
    run_id: RunIdInPath, tenant: CurrentTenant, truncate: MostBytes = None
) -> list[ExecutionBody]:
    """Return every execution of the run's nodes, with its attempts, output, error and times."""
    events = await tenant.stored_runs.events(run_id, limit=ALL_EVENTS)
    found = [ExecutionBody.model_validate(each) for each in history_of(events)]
    for each in found:
        each.input = {name: shortened(value, truncate) for name, value in each.input.items()}
        each.output = shortened(each.output, truncate)
    return found


def _shortened_data(data: Any, most: int) -> Any:
    """Cut the values in an event's data, and not the data as a whole."""
    return {name: shortened(value, most) for name, value in data.items()}


async def _existing(run_id: RunIdInPath, tenant: CurrentTenant) -> str:
    """Refuse to watch a missing run before the stream begins."""
    await tenant.stored_runs.status(run_id)
    return run_id


@router.get("/{run_id}/events", response_class=EventStream, responses={**DESCRIBED, **_NO_MORE})
async def watch_events(
    run_id: Annotated[str, Depends(_existing)],
    tenant: CurrentTenant,
    request: Request,
    after: After = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=MAX_NUMBER)] = None,
) -> Response:
    """Stream the events of a run until it ends, as server-sent events.

    A client that reconnects with `Last-Event-ID` gets the events after that one. If there will be
    none, the answer is 204: a browser's EventSource does not connect again.
    """
    if last_event_id is not None and await _is_over(tenant, run_id, last_event_id):
        return Response(status_code=HTTPStatus.NO_CONTENT)
    events = tenant.runs.events(run_id, last_event_id or after)
    return stream(_lines(events), lambda _: retry(RETRY_SECONDS), until_refused(request))


async def _is_over(tenant: Tenant, run_id: str, last: int) -> bool:
    """Return whether a run has ended, and there is no event after the last one of a client."""
    has_ended = await tenant.stored_runs.status(run_id) in ENDED
    return has_ended and await tenant.stored_runs.last_event(run_id) <= last


async def _lines(events: AsyncIterator[RunEvent]) -> AsyncIterator[str]:
    async for each in events:
        yield event(await json_text(each.as_json()), each.kind, each.number)


@router.websocket("/{run_id}/ws", dependencies=[Depends(admit)])
async def watch_socket(socket: WebSocket, run_id: RunIdInPath, after: After = 0) -> None:
    """Stream the events of a run over a WebSocket, one JSON object each, until it ends.

    Pages in browsers open it with a `ticket`, since they cannot send `Authorization`.
    """
    events = tenant_of(socket.scope).runs.events(run_id, after)

    async def send() -> None:
        async for each in events:
            await socket.send_text(await json_text(each.as_json()))

    await serve_socket(socket, send())


@router.post("/{run_id}/cancel", responses=CONFLICT)
async def cancel_run(
    run_id: RunIdInPath, tenant: CurrentTenant, body: EndRequest | None = None
) -> Run:
    """End a run at once; a cancelled run cannot be retried."""
    run = await tenant.runs.cancel(run_id, body.reason if body else None)
    return run


@router.post("/{run_id}/terminate", responses=CONFLICT)
async def terminate_run(
    run_id: RunIdInPath, tenant: CurrentTenant, body: EndRequest | None = None
) -> Run:
    """End a run at once as failed, so that it can be retried from where it was."""
    run = await tenant.runs.terminate(run_id, body.reason if body else None)
    return run


@router.post("/{run_id}/pause", responses=CONFLICT)
async def pause_run(run_id: RunIdInPath, tenant: CurrentTenant) -> Run:
    """Pause a run when the nodes that are running have finished."""
    return await tenant.runs.pause(run_id)


@router.post("/{run_id}/resume", responses=CONFLICT)
async def resume_run(run_id: RunIdInPath, tenant: CurrentTenant) -> Run:
    """Resume a paused run."""
    return await tenant.runs.resume(run_id)


@router.post("/{run_id}/retry", responses=CONFLICT)
async def retry_run(run_id: RunIdInPath, tenant: CurrentTenant) -> Run:
    """Retry a failed run from where it failed; completed nodes do not run again."""
    return await tenant.runs.retry(run_id)
