"""Routes for dependencies: workflows that start when runs of others have ended."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.workflows import WorkflowId
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.triggers import Dependencies, DependencyOutcome
from flowc.server.triggers.dependencies import DependenciesRefused

router = APIRouter(
    prefix="/workflows/{workflow_id}/dependencies",
    tags=["dependencies"],
    route_class=StrictRoute,
    responses=RESPONSES,
)


class NewDependencies(RequestBody):
    """The workflows whose runs must end before another one starts."""

    depends_on: list[Annotated[str, Field(max_length=128)]] = Field(
        min_length=1, max_length=100, description="Ids of workflows."
    )
    on: dict[str, DependencyOutcome] = Field(
        default_factory=dict,
        description="How a run of a workflow must end, by its id: `completed` (the default),"
        " `failed`, or `any`, which also counts those that were cancelled.",
    )
    input: dict[str, Any] = Field(
        default_factory=dict,
        description="Input of each run; the runs it depends on are added as `dependencies`, each"
        " with its `run_id`, `status`, `output` and `error`.",
    )


class DependenciesBody(BaseModel):
    """The dependencies of a workflow."""

    workflow_id: str
    depends_on: list[str]
    on: dict[str, DependencyOutcome] = Field(
        description="How a run of each workflow must end, by the workflow's id."
    )
    completed: dict[str, str] = Field(
        description="Runs that ended so since the workflow last started, by workflow id."
    )
    input: dict[str, Any]


@router.put("")
async def set_dependencies(
    workflow_id: WorkflowId, body: NewDependencies, tenant: CurrentTenant
) -> DependenciesBody:
    """Start a workflow whenever a run of each of the given ones has completed, or failed.

    Those runs are in its input: `dependencies.ID.output`, and `dependencies.ID.error`.
    """
    found = await tenant.dependencies.set(workflow_id, outcomes_of(body), body.input)
    return dependencies_body(found)


@router.get("")
async def get_dependencies(workflow_id: WorkflowId, tenant: CurrentTenant) -> DependenciesBody:
    """Return the dependencies of a workflow."""
    return dependencies_body(await tenant.dependencies.get(workflow_id))


@router.delete("", status_code=HTTPStatus.NO_CONTENT)
async def delete_dependencies(workflow_id: WorkflowId, tenant: CurrentTenant) -> Response:
    """Remove the dependencies of a workflow."""
    await tenant.dependencies.get(workflow_id)
    await tenant.dependencies.triggers.set_dependencies(workflow_id, {}, {})
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/validate", status_code=HTTPStatus.NO_CONTENT)
async def validate_dependencies(
    workflow_id: WorkflowId, body: NewDependencies, tenant: CurrentTenant
) -> Response:
    """Check dependencies without storing them; workflows cannot depend on themselves."""
    await tenant.dependencies.require_possible(workflow_id, list(outcomes_of(body)))
    return Response(status_code=HTTPStatus.NO_CONTENT)


def outcomes_of(body: NewDependencies) -> dict[str, DependencyOutcome]:
    """Return how a run of each workflow must end; raise DependenciesRefused for others."""
    unknown = [other for other in body.on if other not in body.depends_on]
    if unknown:
        problem = f"`on` has {unknown[0]!r}, which is not in `depends_on`."
        raise DependenciesRefused(problems=[problem])
    return {other: body.on.get(other, "completed") for other in body.depends_on}


def dependencies_body(found: Dependencies) -> DependenciesBody:
    """Return dependencies as clients see them."""
    return DependenciesBody(
        workflow_id=found.workflow_id,
        depends_on=list(found.runs),
        on=found.on,
        completed={other: run for other, run in found.runs.items() if run is not None},
        input=found.input,
    )
