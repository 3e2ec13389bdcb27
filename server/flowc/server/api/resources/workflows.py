"""Routes for workflows: store, list, compare and run them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, Field

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.reports.comparison import compare
from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.paging import Page, PageLimit, PageOffset
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.process import Process
from flowc.server.records.runs import Run
from flowc.server.runs.runs import RunOptions
from flowc.server.store import StoredWorkflow

router = APIRouter(
    prefix="/workflows", tags=["workflows"], route_class=StrictRoute, responses=RESPONSES
)

WorkflowId = Annotated[str, Path(max_length=128, description="Id of the workflow.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        description="Requests with the same key start one run; all of them return it.",
    ),
]
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"


class WorkflowBody(BaseModel):
    """A stored workflow."""

    id: str
    name: str
    version: int = Field(description="The newest version.")
    hash: str = Field(description="Equal for definitions with the same meaning.")
    definition: dict[str, Any] = Field(description="As its author wrote it.")
    created_at: datetime
    updated_at: datetime


class WorkflowPage(Page):
    """A page of workflows, sorted by id."""

    items: list[WorkflowBody]


class VersionBody(BaseModel):
    """One version of a workflow."""

    version: int
    hash: str
    created_at: datetime


class ChangeBody(BaseModel):
    """One difference in meaning between two versions."""

    kind: Literal["added", "removed", "changed", "renamed"]
    subject: str = Field(description="What changed, such as `node classify: prompt`.")
    before: Any = None
    after: Any = None


class DiffBody(BaseModel):
    """The differences between two versions."""

    changes: list[ChangeBody]
    waiting_runs: list[str] = Field(description="Unfinished runs of the old version.")


class NewWorkflow(BaseModel):
    """A definition to store."""

    definition: dict[str, Any]
    id: str | None = Field(
        default=None, pattern=ID_PATTERN, description="Default: made from the name."
    )


class ExecuteRequest(BaseModel):
    """The input of a run, and how it starts."""

    input: dict[str, Any] = Field(default_factory=dict)
    wait: bool = Field(
        default=True,
        description="Answer when the run has ended, waits or is paused; otherwise at once.",
    )
    priority: int = Field(default=10, ge=1, le=100, description="In the queue; 1 is the highest.")
    delay: float | None = Field(
        default=None, ge=0, le=31_536_000, description="Seconds before the run starts."
    )
    deduplication_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="While a run with this key has not ended, no other starts: it is returned.",
    )
    breakpoints: list[Annotated[str, Field(max_length=500)]] = Field(
        default_factory=list,
        max_length=1_000,
        description="Nodes before which the run pauses, such as `send` or `loop.send`.",
    )
    stepping: bool = Field(default=False, description="Pause before every node.")


class ExecuteDefinitionRequest(ExecuteRequest):
    """A definition to run without storing it as a workflow."""

    definition: dict[str, Any]


@router.post("", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def create_workflow(
    body: NewWorkflow | dict[str, Any], process: CurrentProcess
) -> WorkflowBody:
    """Store a new workflow; the body is `{"id": …, "definition": {…}}`, or only the definition.

    A definition with errors is refused with 422; `details` lists its diagnostics.
    """
    new = body if isinstance(body, NewWorkflow) else NewWorkflow(definition=body)
    return _body(await process.workflows.create(new.definition, new.id))


@router.get("")
async def list_workflows(
    process: CurrentProcess,
    limit: PageLimit = 50,
    offset: PageOffset = 0,
) -> WorkflowPage:
    """Return a page of workflows, sorted by id."""
    found, total = await process.stored_workflows.list(limit, offset)
    items = [_body(stored) for stored in found]
    return WorkflowPage(items=items, total=total, limit=limit, offset=offset)


@router.post("/execute")
async def execute_definition(
    body: ExecuteDefinitionRequest, process: CurrentProcess, key: IdempotencyKey = None
) -> Run:
    """Run the definition in the body without storing it as a workflow."""
    compiled = await process.workflows.compile(body.definition)
    return await _started(process, compiled, body, key)


@router.get("/{workflow_id}")
async def get_workflow(workflow_id: WorkflowId, process: CurrentProcess) -> WorkflowBody:
    """Return the newest version of a workflow."""
    return _body(await process.stored_workflows.get(workflow_id))


@router.get("/{workflow_id}/versions")
async def list_versions(workflow_id: WorkflowId, process: CurrentProcess) -> list[VersionBody]:
    """Return the versions of a workflow, newest first."""
    found = await process.stored_workflows.versions(workflow_id)
    return [VersionBody(version=v.version, hash=v.hash, created_at=v.updated_at) for v in found]


@router.get("/{workflow_id}/diff")
async def diff_versions(
    workflow_id: WorkflowId,
    process: CurrentProcess,
    old: Annotated[int, Query(ge=1, description="Version to compare from.")],
    new: Annotated[int, Query(ge=1, description="Version to compare to.")],
) -> DiffBody:
    """Return what changed in meaning between two versions, and which runs use the old one."""
    before = await process.workflows.compiled(await process.stored_workflows.get(workflow_id, old))
    after = await process.workflows.compiled(await process.stored_workflows.get(workflow_id, new))
    changes = [change.as_json() for change in compare(before.workflow, after.workflow)]
    waiting = (
        await process.stored_runs.unfinished(before.hash, (workflow_id, old)) if changes else []
    )
    return DiffBody(
        changes=[ChangeBody(**change) for change in changes], waiting_runs=list(waiting)
    )


@router.put("/{workflow_id}")
async def replace_workflow(
    workflow_id: WorkflowId, body: NewWorkflow | dict[str, Any], process: CurrentProcess
) -> WorkflowBody:
    """Store a definition as the newest version of a workflow.

    Runs keep the version that they started with. An identical definition adds none.
    """
    definition = body.definition if isinstance(body, NewWorkflow) else body
    return _body(await process.workflows.replace(workflow_id, definition))


@router.delete("/{workflow_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_workflow(workflow_id: WorkflowId, process: CurrentProcess) -> Response:
    """Delete a workflow; its runs stay."""
    await process.stored_workflows.delete(workflow_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/{workflow_id}/execute")
async def execute_workflow(
    workflow_id: WorkflowId,
    process: CurrentProcess,
    body: ExecuteRequest | None = None,
    key: IdempotencyKey = None,
) -> Run:
    """Start a run of a workflow and return it, by default when it has ended or waits.

    The status is 200 also if the run failed: look at the `status` and `error` of the run.
    """
    stored = await process.stored_workflows.get(workflow_id)
    compiled = await process.workflows.compiled(stored)
    return await _started(process, compiled, body or ExecuteRequest(), key, stored)


async def _started(
    process: Process,
    compiled: CompiledWorkflow,
    body: ExecuteRequest,
    key: str | None,
    stored: StoredWorkflow | None = None,
) -> Run:
    options = RunOptions(
        idempotency_key=key,
        deduplication_key=body.deduplication_key,
        priority=body.priority,
        delay=body.delay,
        breakpoints=body.breakpoints,
        is_stepping=body.stepping,
    )
    start = process.runs.execute if body.wait else process.runs.submit
    run = await start(compiled, body.input, stored, options)
    return run


def _body(stored: StoredWorkflow) -> WorkflowBody:
    return WorkflowBody(
        id=stored.id,
        name=stored.name,
        version=stored.version,
        hash=stored.hash,
        definition=stored.document,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )
