"""Routes for dependencies: workflows that start when others have completed."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.workflows import WorkflowId
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.triggers import Dependencies

router = APIRouter(
    prefix="/workflows/{workflow_id}/dependencies",
    tags=["dependencies"],
    route_class=StrictRoute,
    responses=RESPONSES,
)


class NewDependencies(RequestBody):
    """The workflows that must complete before another one starts."""

    depends_on: list[Annotated[str, Field(max_length=128)]] = Field(
        min_length=1, max_length=100, description="Ids of workflows."
    )
    input: dict[str, Any] = Field(
        default_factory=dict,
        description="Input of each run; the outputs it depends on are added as `dependencies`.",
    )


class DependenciesBody(BaseModel):
    """The dependencies of a workflow."""

    workflow_id: str
    depends_on: list[str]
    completed: dict[str, str] = Field(
        description="Runs that completed since the workflow last started, by workflow id."
    )
    input: dict[str, Any]


@router.put("")
async def set_dependencies(
    workflow_id: WorkflowId, body: NewDependencies, tenant: CurrentTenant
) -> DependenciesBody:
    """Start a workflow whenever all of the given ones have completed.

    The outputs of those runs are in its input, as `dependencies.ID.output`.
    """
    return dependencies_body(
        await tenant.dependencies.set(workflow_id, body.depends_on, body.input)
    )


@router.get("")
async def get_dependencies(workflow_id: WorkflowId, tenant: CurrentTenant) -> DependenciesBody:
    """Return the dependencies of a workflow."""
    return dependencies_body(await tenant.dependencies.get(workflow_id))


@router.delete("", status_code=HTTPStatus.NO_CONTENT)
async def delete_dependencies(workflow_id: WorkflowId, tenant: CurrentTenant) -> Response:
    """Remove the dependencies of a workflow."""
    await tenant.dependencies.get(workflow_id)
    await tenant.dependencies.triggers.set_dependencies(workflow_id, [], {})
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/validate", status_code=HTTPStatus.NO_CONTENT)
async def validate_dependencies(
    workflow_id: WorkflowId, body: NewDependencies, tenant: CurrentTenant
) -> Response:
    """Check dependencies without storing them; workflows cannot depend on themselves."""
    await tenant.dependencies.require_possible(workflow_id, body.depends_on)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def dependencies_body(found: Dependencies) -> DependenciesBody:
    """Return dependencies as clients see them."""
    return DependenciesBody(
        workflow_id=found.workflow_id,
        depends_on=list(found.runs),
        completed={other: run for other, run in found.runs.items() if run is not None},
        input=found.input,
    )
