"""Routes for workflows: store, list and compare them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from flowc.compiler.reports.comparison import compare
from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.paging import MAX_NUMBER, Page, PageLimit, PageOffset
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.strict_requests import SentDefinition, StrictRoute
from flowc.server.process.process import Process
from flowc.server.store import StoredWorkflow
from flowc.server.workflows.compiled import Published

router = APIRouter(
    prefix="/workflows", tags=["workflows"], route_class=StrictRoute, responses=RESPONSES
)

WorkflowId = Annotated[str, Path(max_length=128, description="Id of the workflow.")]
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


class DiagnosticBody(BaseModel):
    """A mistake in a definition, or something that it needs and does not find here."""

    code: str = Field(description="The name of the problem; `flowc explain CODE` explains it.")
    severity: Literal["error", "warning", "info"]
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    pointer: str = Field(description="Its place in the definition, a JSON Pointer.")
    hint: str | None = None


class PublishedWorkflow(WorkflowBody):
    """A workflow that was stored, and what its author should look at."""

    warnings: list[DiagnosticBody] = Field(
        description="What is odd in the definition, and what it needs and does not find here."
    )


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


class NewWorkflow(RequestBody):
    """A definition to store."""

    definition: dict[str, Any]
    id: str | None = Field(
        default=None, pattern=ID_PATTERN, description="Default: made from the name."
    )


@router.post("", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def create_workflow(
    body: NewWorkflow | dict[str, Any], process: CurrentProcess, sent: SentDefinition
) -> PublishedWorkflow:
    """Store a new workflow; the body is `{"id": …, "definition": {…}}`, or only the definition.

    A definition with errors is refused with 422; `details` lists its diagnostics, with the lines
    of the body if it is YAML. What is missing to run it, such as a secret, is a warning, since it
    can be there before the first run.
    """
    new = _new(body)
    return await _published(process, await process.workflows.create(new.definition, new.id, sent))


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
    old: Annotated[int, Query(ge=1, le=MAX_NUMBER, description="Version to compare from.")],
    new: Annotated[int, Query(ge=1, le=MAX_NUMBER, description="Version to compare to.")],
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
    workflow_id: WorkflowId,
    body: NewWorkflow | dict[str, Any],
    process: CurrentProcess,
    sent: SentDefinition,
) -> PublishedWorkflow:
    """Store a definition as the newest version of a workflow.

    Runs keep the version that they started with. An identical definition adds none.
    """
    definition = _new(body).definition
    return await _published(process, await process.workflows.replace(workflow_id, definition, sent))


@router.delete("/{workflow_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_workflow(workflow_id: WorkflowId, process: CurrentProcess) -> Response:
    """Delete a workflow; its runs stay."""
    await process.stored_workflows.delete(workflow_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _new(body: NewWorkflow | dict[str, Any]) -> NewWorkflow:
    """Return what a body stores; raise RequestValidationError if it is neither form."""
    if isinstance(body, NewWorkflow):
        return body
    if "definition" not in body or "nodes" in body or "steps" in body:
        return NewWorkflow(definition=body)
    try:
        return NewWorkflow.model_validate(body)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        raise RequestValidationError(problems) from None


async def _published(process: Process, published: Published) -> PublishedWorkflow:
    stored, compiled = published
    found = [each for each in compiled.diagnostics if each.severity == "warning"]
    if process.runs.environment is not None:
        found += await process.runs.environment.diagnostics(
            compiled.plan, compiled.document, "warning"
        )
    warnings = [DiagnosticBody(**each.as_json()) for each in found]
    return PublishedWorkflow(**_body(stored).model_dump(), warnings=warnings)


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
