"""Routes for workflows: store, list, read and delete them."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from flowc.server.api.admission import CurrentCaller
from flowc.server.api.conditions import IfMatch, StoreConditions, expected_tags, tag_of
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CHANGED, CONFLICT, RESPONSES
from flowc.server.api.paging import (
    MAX_NUMBER,
    ItemFields,
    Page,
    PageOfList,
    SearchText,
    page_fields,
    with_fields,
)
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.text_ranges import FixBody, RangeBody
from flowc.server.api.strict_requests import (
    SentDefinition,
    StrictRoute,
    is_definition,
    sent_text,
)
from flowc.server.process.tenants import Tenant
from flowc.server.records.chat_starts import ChatStartBody, chat_start_of
from flowc.server.records.workflow_names import id_and_version
from flowc.server.store import StoredWorkflow
from flowc.server.store.analytics.figures import WorkflowSummary
from flowc.server.store.wanted_workflows import WantedWorkflows
from flowc.server.store.workflows import VersionNotes, WorkflowChanged
from flowc.server.workflows.compiled import GivenVersion, Published

router = APIRouter(
    prefix="/workflows", tags=["workflows"], route_class=StrictRoute, responses=RESPONSES
)

VersionNumber = Annotated[
    int | None,
    Query(ge=1, le=MAX_NUMBER, description="A version; default: the active one."),
]
VersionMessage = Annotated[
    str | None, Query(max_length=500, description="What the version is for, for people.")
]
LabelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$")]
LabelValue = Annotated[str, StringConstraints(max_length=128)]
WorkflowSort = Literal[
    "id", "-id", "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"
]
WorkflowId = Annotated[str, Path(max_length=128, description="Id of the workflow.")]
# What is looked up of the runs of the workflows in a list, only where it is asked for.
_STATS, _STATS_DAYS = ("last_run", "executions", "success_rate"), 7
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"


class WorkflowBody(BaseModel):
    """A stored workflow."""

    id: str
    name: str
    version: int = Field(description="The version that is shown: by default the active one.")
    active_version: int = Field(description="The version that runs use.")
    newest_version: int
    author: str | None = Field(description="Who stored this version.")
    message: str | None = Field(description="Why, in the author's words.")
    hash: str = Field(description="Equal for definitions with the same meaning.")
    definition: dict[str, Any] = Field(description="As its author wrote it.")
    chat: ChatStartBody | None = Field(
        default=None, description="What to show where a chat begins, if the definition says it."
    )
    created_at: datetime
    updated_at: datetime


class LastRun(BaseModel):
    """The newest run of a workflow."""

    id: str
    status: str
    created_at: datetime
    finished_at: datetime | None


class ListedWorkflow(WorkflowBody):
    """A workflow of a list; what its runs did is there if it is asked for."""

    labels: dict[str, str]
    last_run: LastRun | None = Field(default=None, description="Null if it has none.")
    executions: int = Field(default=0, description="Runs that ended in the last 7 days, in UTC.")
    success_rate: float | None = Field(
        default=None, description="Part of these that completed; null without any."
    )

    @classmethod
    def of(cls, stored: StoredWorkflow, summary: WorkflowSummary | None = None) -> Self:
        """Return a workflow as lists show it."""
        shown = {**body_of(stored).model_dump(), "labels": dict(stored.labels)}
        if summary is not None:
            run, ended = summary.last_run, round(summary.sums.of("runs"))
            completed = summary.sums.of("completed")
            shown |= {
                "last_run": LastRun.model_validate(run._asdict()) if run is not None else None,
                "executions": ended,
                "success_rate": round(completed / ended, 4) if ended else None,
            }
        return cls.model_validate(shown)


class DiagnosticBody(BaseModel):
    """A mistake in a definition, or something that it needs and does not find here."""

    code: str = Field(description="The name of the problem; `flowc explain CODE` explains it.")
    severity: Literal["error", "warning", "info"]
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    range: RangeBody | None = Field(
        default=None,
        description="The value, the key or the word that it is about; null without a text.",
    )
    pointer: str = Field(description="Its place in the definition, a JSON Pointer.")
    hint: str | None = None
    fixes: list[FixBody] = Field(
        default_factory=list, description="Changes of the text; each mends it."
    )


class PublishedWorkflow(WorkflowBody):
    """A workflow that was stored, and what its author should look at."""

    warnings: list[DiagnosticBody] = Field(
        description="What is odd in the definition, and what it needs and does not find here."
    )


CREATED: Mapping[int | str, dict[str, Any]] = {
    HTTPStatus.CREATED: {"model": PublishedWorkflow, "description": "The workflow is a new one."}
}


class WorkflowPage(Page):
    """A page of workflows."""

    items: list[ListedWorkflow]


class NewWorkflow(RequestBody):
    """A definition to store."""

    definition: dict[str, Any]
    id: str | None = Field(
        default=None, pattern=ID_PATTERN, description="Default: made from the name."
    )


class LabelsBody(RequestBody):
    """Labels of a workflow, such as `{"team": "support"}`."""

    holder = "labels"

    labels: dict[LabelName, LabelValue] = Field(max_length=50)


async def _sent_version(
    caller: CurrentCaller,
    sent: SentDefinition,
    request: Request,
    message: VersionMessage = None,
) -> GivenVersion:
    text, format = await sent_text(request) or (None, None)
    return GivenVersion(sent, VersionNotes(text, format, caller.name, message))


# What a new version notes: the text that was sent, by whom, and why.
SentVersion = Annotated[GivenVersion, Depends(_sent_version)]


@router.post("", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def create_workflow(
    body: NewWorkflow | dict[str, Any],
    tenant: CurrentTenant,
    given: SentVersion,
    response: Response,
) -> PublishedWorkflow:
    """Store a new workflow; the body is `{"id": …, "definition": {…}}`, or only the definition.

    A definition with errors is refused with 422; `details` lists its diagnostics, with the lines
    of the body if it is YAML. What is missing to run it, such as a secret, is a warning, since it
    can be there before the first run. The text of a definition that is the body alone is stored,
    with its comments.
    """
    new = new_workflow(body)
    published = await tenant.workflows.create(new.definition, new.id, given)
    return await shown(tenant, published, response)


async def _wanted(
    q: SearchText = "",
    label: Annotated[
        list[Annotated[str, StringConstraints(max_length=200)]] | None,
        Query(max_length=10, description="`team:support`, or `team` for any value; several times."),
    ] = None,
) -> WantedWorkflows:
    return WantedWorkflows(q, [_label(each) for each in label or ()])


ChosenWorkflows = Annotated[WantedWorkflows, Depends(_wanted)]


@router.get("", response_model=WorkflowPage, response_model_exclude_unset=True)
async def list_workflows(
    tenant: CurrentTenant,
    page: PageOfList,
    wanted: ChosenWorkflows,
    sort: Annotated[WorkflowSort, Query(description="With `-`, the greatest is first.")] = "id",
    fields: ItemFields = None,
    include: Annotated[
        Literal["stats"] | None,
        Query(description="With `stats`, also `last_run`, `executions` and `success_rate`."),
    ] = None,
) -> Any:
    """Return a page of workflows, by default sorted by id.

    `q` looks for text in their ids and names. What their runs did in the last 7 days is there with
    `include=stats`, or if `fields` names it.
    """
    if include is not None and fields:
        fields = f"{fields},{','.join(_STATS)}"
    found = await tenant.stored_workflows.list(page.sorted_by(sort), wanted)
    ids = [stored.id for stored in found.items]
    is_asked = include is not None or any(name in (fields or "").split(",") for name in _STATS)
    summaries = await tenant.figures.summaries(ids, _STATS_DAYS) if is_asked and ids else {}
    items = [ListedWorkflow.of(stored, summaries.get(stored.id)) for stored in found.items]
    about = page_fields(found, page.limit, page.offset)
    shown = WorkflowPage(items=items, **about)
    return with_fields(shown, list(ListedWorkflow.model_fields), fields)


def _label(given: str) -> tuple[str, str | None]:
    name, mark, value = given.partition(":")
    return name, value if mark else None


@router.get("/{workflow_id}")
async def get_workflow(
    workflow_id: WorkflowId,
    tenant: CurrentTenant,
    response: Response,
    version: VersionNumber = None,
) -> WorkflowBody:
    """Return a workflow, in its active version or in another one."""
    found = await tenant.stored_workflows.get(*named(workflow_id, version))
    response.headers["etag"] = tag_of(found)
    return body_of(found)


@router.put("/{workflow_id}", responses={**CREATED, **CHANGED})
async def replace_workflow(
    workflow_id: WorkflowId,
    body: NewWorkflow | dict[str, Any],
    tenant: CurrentTenant,
    given: SentVersion,
    conditions: StoreConditions,
    response: Response,
) -> PublishedWorkflow:
    """Store a definition as the newest version of a workflow, which becomes the active one.

    Runs keep the version that they started with. An identical definition adds none. A workflow that
    does not exist is created, unless `If-Match` is there.
    """
    definition = new_workflow(body).definition
    exists = await tenant.stored_workflows.exists(workflow_id)
    if not exists and not conditions.only_replaces:
        id = new_workflow({"id": workflow_id, "definition": definition}).id
        published = await tenant.workflows.create(definition, id, given)
        response.status_code = HTTPStatus.CREATED
    elif exists and conditions.only_creates:
        raise WorkflowChanged
    else:
        published = await tenant.workflows.replace(
            workflow_id, definition, given, conditions.expected
        )
    return await shown(tenant, published, response)


@router.get("/{workflow_id}/labels")
async def get_labels(workflow_id: WorkflowId, tenant: CurrentTenant) -> LabelsBody:
    """Return the labels of a workflow."""
    return LabelsBody(labels=await tenant.stored_workflows.labels(workflow_id))


@router.put("/{workflow_id}/labels")
async def set_labels(
    workflow_id: WorkflowId, body: LabelsBody, tenant: CurrentTenant
) -> LabelsBody:
    """Replace the labels of a workflow: names with values, by which lists are filtered."""
    await tenant.stored_workflows.set_labels(workflow_id, body.labels)
    return body


@router.delete("/{workflow_id}", status_code=HTTPStatus.NO_CONTENT, responses=CHANGED)
async def delete_workflow(
    workflow_id: WorkflowId, tenant: CurrentTenant, if_match: IfMatch = None
) -> Response:
    """Delete a workflow; its runs stay."""
    await tenant.stored_workflows.delete(workflow_id, expected_tags(if_match))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def new_workflow(body: NewWorkflow | dict[str, Any]) -> NewWorkflow:
    """Return what a body stores; raise RequestValidationError if it is neither form."""
    if isinstance(body, NewWorkflow):
        return body
    if is_definition(body):
        return NewWorkflow(definition=body)
    try:
        return NewWorkflow.model_validate(body)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        raise RequestValidationError(problems) from None


def named(workflow_id: str, version: int | None) -> tuple[str, int | None]:
    """Return a workflow's id and version, from the path or else from the query.

    >>> named("support@3", None), named("support", 3), named("support", None)
    (('support', 3), ('support', 3), ('support', None))
    """
    id, number = id_and_version(workflow_id)
    return id, version if number is None else number


async def shown(tenant: Tenant, published: Published, response: Response) -> PublishedWorkflow:
    """Return a version that was stored or activated just now, with its warnings, and its tag."""
    stored, compiled = published
    response.headers["etag"] = tag_of(stored)
    found = [each for each in compiled.diagnostics if each.severity == "warning"]
    if tenant.runs.environment is not None:
        found += await tenant.runs.environment.diagnostics(
            compiled.plan, compiled.document, "warning"
        )
    warnings = [DiagnosticBody(**each.as_json()) for each in found]
    return PublishedWorkflow(**body_of(stored).model_dump(), warnings=warnings)


def body_of(stored: StoredWorkflow) -> WorkflowBody:
    """Return a workflow as clients see it."""
    return WorkflowBody(
        id=stored.id,
        name=stored.name,
        version=stored.version,
        active_version=stored.active,
        newest_version=stored.newest,
        author=stored.notes.author,
        message=stored.notes.message,
        hash=stored.hash,
        definition=stored.document,
        chat=chat_start_of(stored.document),
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )
