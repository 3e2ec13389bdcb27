"""Routes for the versions of a workflow: read, compare and activate them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from flowc.compiler.reports.comparison import compare
from flowc.server.api.conditions import IfMatch, expected_tags, tag_of
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CHANGED, RESPONSES
from flowc.server.api.paging import MAX_NUMBER
from flowc.server.api.resources.workflows import (
    PublishedWorkflow,
    VersionNumber,
    WorkflowBody,
    WorkflowId,
    body_of,
    named,
    shown,
)
from flowc.server.api.strict_requests import StrictRoute

router = APIRouter(
    prefix="/workflows/{workflow_id}",
    tags=["workflows"],
    route_class=StrictRoute,
    responses=RESPONSES,
)

ChosenVersion = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="Number of the version.")]
_TYPES = {"yaml": "application/yaml", "json": "application/json"}
_SOURCE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The text.",
        "content": {kind: {"schema": {}} for kind in _TYPES.values()},
    }
}


class VersionBody(BaseModel):
    """One version of a workflow."""

    version: int
    hash: str = Field(description="Equal for definitions with the same meaning.")
    is_active: bool = Field(description="Whether runs use it.")
    author: str | None
    message: str | None
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


@router.get("/versions")
async def list_versions(workflow_id: WorkflowId, tenant: CurrentTenant) -> list[VersionBody]:
    """Return the versions of a workflow, newest first."""
    return [
        VersionBody(
            version=each.version,
            hash=each.hash,
            is_active=each.version == each.active,
            author=each.notes.author,
            message=each.notes.message,
            created_at=each.updated_at,
        )
        for each in await tenant.stored_workflows.versions(workflow_id)
    ]


@router.get("/versions/{version}")
async def get_version(
    workflow_id: WorkflowId, version: ChosenVersion, tenant: CurrentTenant, response: Response
) -> WorkflowBody:
    """Return one version of a workflow, with its definition."""
    found = await tenant.stored_workflows.get(workflow_id, version)
    response.headers["etag"] = tag_of(found)
    return body_of(found)


@router.post("/versions/{version}/activate", responses=CHANGED)
async def activate_version(
    workflow_id: WorkflowId,
    version: ChosenVersion,
    tenant: CurrentTenant,
    response: Response,
    if_match: IfMatch = None,
) -> PublishedWorkflow:
    """Make a version the active one, such as an older one: runs begin with it from now on.

    Runs keep the version that they started with. What is stored next is a new version all the same.
    """
    published = await tenant.workflows.activate(workflow_id, version, expected_tags(if_match))
    return await shown(tenant, published, response)


@router.get("/source", response_class=Response, responses=_SOURCE)
async def get_source(
    workflow_id: WorkflowId, tenant: CurrentTenant, version: VersionNumber = None
) -> Response:
    """Return the text of a definition as its author sent it, with its comments: YAML or JSON.

    If none was sent alone, it is JSON that is made from the definition.
    """
    found = await tenant.stored_workflows.with_text(*named(workflow_id, version))
    text, format = found.text
    headers = {"etag": tag_of(found)}
    return Response(text, media_type=f"{_TYPES[format]}; charset=utf-8", headers=headers)


@router.get("/diff")
async def diff_versions(
    workflow_id: WorkflowId,
    tenant: CurrentTenant,
    old: Annotated[int, Query(ge=1, le=MAX_NUMBER, description="Version to compare from.")],
    new: Annotated[int, Query(ge=1, le=MAX_NUMBER, description="Version to compare to.")],
) -> DiffBody:
    """Return what changed in meaning between two versions, and which runs use the old one."""
    before = await tenant.workflows.compiled(await tenant.stored_workflows.get(workflow_id, old))
    after = await tenant.workflows.compiled(await tenant.stored_workflows.get(workflow_id, new))
    changes = [change.as_json() for change in compare(before.workflow, after.workflow)]
    waiting = (
        await tenant.stored_runs.unfinished(before.hash, (workflow_id, old)) if changes else []
    )
    return DiffBody(
        changes=[ChangeBody(**change) for change in changes], waiting_runs=list(waiting)
    )
