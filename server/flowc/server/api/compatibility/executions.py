"""Runs as executions: start and read them, and send them signals."""

from typing import Any, Self

from fastapi import APIRouter
from pydantic import Field, model_validator

from flowc.server.api.admission import CurrentCaller
from flowc.server.api.compatibility.job_bodies import JobBody, JobInput, job_of
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources import debugging
from flowc.server.api.resources.runs import RunIdInPath
from flowc.server.api.strict_requests import SentDefinition, StrictRoute
from flowc.server.process.tenants import Tenant
from flowc.server.records.runs import Run
from flowc.server.records.workflow_names import id_and_version
from flowc.server.store import StoredWorkflow
from flowc.server.store.runs.steering import NotPossible
from flowc.server.store.runs.stored_runs import WantedInterrupts

router = APIRouter(
    prefix="/executions", tags=["compatibility"], route_class=StrictRoute, responses=RESPONSES
)


class ExecutionRequest(JobInput):
    """A stored workflow by its id, or a definition, and the input of its run."""

    workflow_id: str | None = Field(default=None, max_length=128)
    definition: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.workflow_id is None) == (self.definition is None):
            raise ValueError("Give one of workflow_id and definition.")
        return self


class ExecutionSignal(RequestBody):
    """A signal to one execution that waits for it."""

    name: str = Field(max_length=128)
    data: Any = None


class BreakpointBody(RequestBody):
    """The node before which an execution pauses."""

    node_id: str = Field(max_length=500)
    condition: debugging.BreakCondition = None


async def execute_workflow_or_definition(
    body: ExecutionRequest, tenant: CurrentTenant, caller: CurrentCaller, sent: SentDefinition
) -> JobBody:
    """Run a stored workflow or the definition in the body, and answer at its end."""
    compiled, stored = await _chosen(body, tenant, caller, sent)
    return job_of(await tenant.runs.execute(compiled, body.given, stored))


async def execute_async(
    body: ExecutionRequest, tenant: CurrentTenant, caller: CurrentCaller, sent: SentDefinition
) -> JobBody:
    """Start a run of a stored workflow or of the definition in the body."""
    compiled, stored = await _chosen(body, tenant, caller, sent)
    return job_of(await tenant.runs.submit(compiled, body.given, stored))


async def _chosen(
    body: ExecutionRequest, tenant: Tenant, caller: CurrentCaller, sent: SentDefinition
) -> tuple[Any, StoredWorkflow | None]:
    if body.workflow_id is not None:
        stored = await tenant.stored_workflows.get(*id_and_version(body.workflow_id))
        return await tenant.workflows.compiled(stored), stored
    # A definition in the body can do whatever a stored one can.
    caller.require("execute_definition")
    return await tenant.workflows.compile_to_run(body.definition or {}, sent), None


@router.get("/{run_id}")
async def get_execution(run_id: RunIdInPath, tenant: CurrentTenant) -> JobBody:
    """Return a run as an execution, with the results of its nodes."""
    return job_of(await tenant.stored_runs.get(run_id))


@router.post("/{run_id}/signal", responses=CONFLICT)
async def signal_execution(
    run_id: RunIdInPath, body: ExecutionSignal, tenant: CurrentTenant
) -> JobBody:
    """Send a signal that an execution waits for."""
    await tenant.stored_runs.status(run_id)
    waiting = await tenant.stored_runs.interrupts(
        WantedInterrupts(run_id=run_id, kind="signal", status="waiting")
    )
    keys = [each.data["key"] for each in waiting if each.data["signal"] == body.name]
    if not keys:
        raise NotPossible(f"The execution does not wait for the signal {body.name[:60]!r}.")
    await tenant.runs.signal(body.name, keys[0], body.data)
    return job_of(await tenant.stored_runs.get(run_id))


async def add_breakpoint(run_id: RunIdInPath, body: BreakpointBody, tenant: CurrentTenant) -> Run:
    """Add a breakpoint before a node."""
    request = debugging.BreakpointRequest(condition=body.condition)
    return await debugging.set_breakpoint(run_id, body.node_id, tenant, request)
