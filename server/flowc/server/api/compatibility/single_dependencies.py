"""The dependencies of a workflow, one at a time."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.dependencies import DependenciesBody, dependencies_body
from flowc.server.api.resources.workflows import WorkflowId
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.triggers import DependencyOutcome

router = APIRouter(
    prefix="/workflows/{workflow_id}/dependencies",
    tags=["compatibility"],
    route_class=StrictRoute,
    responses=RESPONSES,
)

OtherWorkflow = Annotated[str, Path(max_length=128, description="Workflow that it depends on.")]


class NewDependency(RequestBody):
    """A further workflow; a run of it must end first."""

    depends_on_workflow_id: str = Field(max_length=128)
    on: DependencyOutcome = Field(
        default="completed", description="How it must end: `completed`, `failed` or `any`."
    )


@router.post("", status_code=HTTPStatus.CREATED)
async def add_dependency(
    workflow_id: WorkflowId, body: NewDependency, tenant: CurrentTenant
) -> DependenciesBody:
    """Let a workflow start only when a run of another one has ended, too."""
    known = await tenant.dependencies.get(workflow_id)
    others: dict[str, DependencyOutcome] = {**known.on, body.depends_on_workflow_id: body.on}
    return dependencies_body(await tenant.dependencies.set(workflow_id, others, known.input))


@router.delete("/{other}")
async def remove_dependency(
    workflow_id: WorkflowId, other: OtherWorkflow, tenant: CurrentTenant
) -> DependenciesBody:
    """Let a workflow start without another one."""
    known = await tenant.dependencies.get(workflow_id)
    others: dict[str, DependencyOutcome] = {
        each: outcome for each, outcome in known.on.items() if each != other
    }
    if others:
        return dependencies_body(await tenant.dependencies.set(workflow_id, others, known.input))
    await tenant.dependencies.triggers.set_dependencies(workflow_id, {}, {})
    return dependencies_body(await tenant.dependencies.get(workflow_id))
