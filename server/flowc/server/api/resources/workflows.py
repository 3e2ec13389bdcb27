"""Workflows over HTTP: keep them, look at them, run them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, Field

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.reports.comparison import compare
from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.resources.runs import RunBody
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.process import Process
from flowc.server.runs.runs import Options
from flowc.server.store import StoredWorkflow

router = APIRouter(
    prefix="/workflows", tags=["workflows"], route_class=StrictRoute, responses=RESPONSES
)

WorkflowId = Annotated[str, Path(max_length=128)]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=255)]
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"


class WorkflowBody(BaseModel):
    """A kept workflow, with its definition as it was written."""

    id: str
    name: str
    version: int
    hash: str
    definition: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class WorkflowPage(BaseModel):
    """A page of workflows."""

    items: list[WorkflowBody]
    total: int
    limit: int
    offset: int


class VersionBody(BaseModel):
    """One version of a workflow."""

    version: int
    hash: str
    created_at: datetime


class ChangeBody(BaseModel):
    """One difference in meaning."""

    kind: Literal["added", "removed", "changed", "renamed"]
    subject: str
    before: Any = None
    after: Any = None


class DiffBody(BaseModel):
    """What changed, and which unfinished runs are pinned to the old version."""

    changes: list[ChangeBody]
    waiting_runs: list[str]


class NewWorkflow(BaseModel):
    """A definition, and the id it is to have."""

    definition: dict[str, Any]
    id: str | None = Field(default=None, pattern=ID_PATTERN)


class ExecuteRequest(BaseModel):
    """What a run is given, and how it is begun.

    Without `wait`, the run is queued and returned at once; else once it has ended, or waits for
    somebody. `delay` is in seconds; priority 1 is the highest. While a run with a
    `deduplication_key` is under way, another one with it gives back that run. The run stops before
    the nodes of `breakpoints`, or before every one when `stepping`.
    """

    input: dict[str, Any] = Field(default_factory=dict)
    wait: bool = True
    priority: int = Field(default=10, ge=1, le=100)
    delay: float | None = Field(default=None, ge=0, le=31_536_000)
    deduplication_key: str | None = Field(default=None, min_length=1, max_length=255)
    breakpoints: list[Annotated[str, Field(max_length=500)]] = Field(
        default_factory=list, max_length=1_000
    )
    stepping: bool = False


class ExecuteDefinitionRequest(ExecuteRequest):
    """A definition that is not kept as a workflow, and what its run is given."""

    definition: dict[str, Any]


@router.post("", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def create_workflow(
    body: NewWorkflow | dict[str, Any], process: CurrentProcess
) -> WorkflowBody:
    """Keep a workflow: `{"definition": {…}, "id": …}`, or just the definition."""
    new = body if isinstance(body, NewWorkflow) else NewWorkflow(definition=body)
    return _body(await process.workflows.create(new.definition, new.id))


@router.get("")
async def list_workflows(
    process: CurrentProcess,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> WorkflowPage:
    """Return a page of workflows, by id."""
    found, total = await process.stored_workflows.list(limit, offset)
    items = [_body(stored) for stored in found]
    return WorkflowPage(items=items, total=total, limit=limit, offset=offset)


@router.post("/execute")
async def execute_definition(
    body: ExecuteDefinitionRequest, process: CurrentProcess, key: IdempotencyKey = None
) -> RunBody:
    """Run a definition from the body, and return the run."""
    compiled = await process.workflows.compile(body.definition)
    return await _begun(process, compiled, body, key)


@router.get("/{workflow_id}")
async def get_workflow(workflow_id: WorkflowId, process: CurrentProcess) -> WorkflowBody:
    """Return a workflow in its active version."""
    return _body(await process.stored_workflows.get(workflow_id))


@router.get("/{workflow_id}/versions")
async def list_versions(workflow_id: WorkflowId, process: CurrentProcess) -> list[VersionBody]:
    """Return a workflow's versions, newest first."""
    found = await process.stored_workflows.versions(workflow_id)
    return [VersionBody(version=v.version, hash=v.hash, created_at=v.updated_at) for v in found]


@router.get("/{workflow_id}/diff")
async def diff_versions(
    workflow_id: WorkflowId,
    process: CurrentProcess,
    old: Annotated[int, Query(ge=1)],
    new: Annotated[int, Query(ge=1)],
) -> DiffBody:
    """Return what changed in meaning from one version to another, and the runs on the old one."""
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
    """Make a definition the workflow's newest version; runs under way keep theirs."""
    definition = body.definition if isinstance(body, NewWorkflow) else body
    return _body(await process.workflows.replace(workflow_id, definition))


@router.delete("/{workflow_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_workflow(workflow_id: WorkflowId, process: CurrentProcess) -> Response:
    """Take a workflow away; its runs stay readable."""
    await process.stored_workflows.delete(workflow_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/{workflow_id}/execute")
async def execute_workflow(
    workflow_id: WorkflowId,
    process: CurrentProcess,
    body: ExecuteRequest | None = None,
    key: IdempotencyKey = None,
) -> RunBody:
    """Run a workflow, and return the run, which may have failed (status 200).

    Of several requests with the same `Idempotency-Key`, the first begins a run, and all get it.
    """
    stored = await process.stored_workflows.get(workflow_id)
    compiled = await process.workflows.compiled(stored)
    return await _begun(process, compiled, body or ExecuteRequest(), key, stored)


async def _begun(
    process: Process,
    compiled: CompiledWorkflow,
    body: ExecuteRequest,
    key: str | None,
    stored: StoredWorkflow | None = None,
) -> RunBody:
    options = Options(
        idempotency_key=key,
        deduplication_key=body.deduplication_key,
        priority=body.priority,
        delay=body.delay,
        breakpoints=body.breakpoints,
        is_stepping=body.stepping,
    )
    begin = process.runs.execute if body.wait else process.runs.submit
    run = await begin(compiled, body.input, stored, options)
    return RunBody.model_validate(run.as_json())


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
