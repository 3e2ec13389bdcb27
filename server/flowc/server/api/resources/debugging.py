"""Routes for debugging: replays of runs, breakpoints, and the state of a run at any event."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, model_validator

from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.paging import MAX_NUMBER
from flowc.server.api.refused_requests import NoSuchScope
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.runs import RunIdInPath
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.engine.replay import Replay
from flowc.server.records.runs import Run
from flowc.server.records.stops import stop_nodes
from flowc.server.runs.changes import ValueChange

router = APIRouter(
    prefix="/runs/{run_id}", tags=["debugging"], route_class=StrictRoute, responses=RESPONSES
)

_LASTING = "The scope (`thread`, `workflow` or `user`) of each variable that outlives the run."

NodeName = Annotated[
    str, Path(max_length=500, description="Id of a node; inside a loop or map, `loop.node`.")
]


class MockError(RequestBody):
    """The error with which a mocked node fails."""

    code: str = Field(max_length=64)
    message: str = Field(max_length=2_000)


class MockBody(RequestBody):
    """What a node returns instead of running."""

    output: Any = None
    branch: str | None = Field(default=None, description="The branch that it takes, if it has any.")
    variables: dict[str, Any] = Field(default_factory=dict, description="Variables that it sets.")
    error: MockError | None = Field(default=None, description="Fail with this instead.")

    def as_mock(self) -> dict[str, Any]:
        """Return the mock as a replay stores it."""
        error = [self.error.code, self.error.message] if self.error is not None else None
        done = {"output": self.output, "branch": self.branch, "variables": self.variables}
        return {**done, "error": error}


class ReplayRequest(RequestBody):
    """From where a run is repeated, and what is different; by default all of it, unchanged."""

    from_node: str | None = Field(
        default=None,
        max_length=500,
        description="First node to run again; earlier outputs are taken from the original.",
    )
    after_event: int | None = Field(
        default=None,
        ge=0,
        le=MAX_NUMBER,
        description="Repeat the run from after the event with this number.",
    )
    input: dict[str, Any] | None = Field(default=None, description="Default: the original input.")
    mocks: dict[str, MockBody] = Field(
        default_factory=dict, max_length=1_000, description="Nodes that do not run, by id."
    )
    version: int | None = Field(
        default=None,
        ge=1,
        le=MAX_NUMBER,
        description="Version of the workflow; default: the original's.",
    )
    wait: bool = Field(default=True, description="Answer when the new run has ended or waits.")


class StateBody(BaseModel):
    """What expressions of a run could read after an event."""

    number: int = Field(description="Number of the event.")
    status: str = Field(description="The status of the run after the event.")
    input: dict[str, Any]
    outputs: dict[str, Any] = Field(description="By node id.")
    variables: dict[str, Any]
    lasting: dict[str, str] = Field(description=_LASTING)
    scopes: dict[str, Any] = Field(description="Outputs and variables inside loops and maps.")
    at_work: list[dict[str, str]] = Field(description="Nodes that were running or waiting.")
    stopped_before: list[str] = Field(
        description="Nodes with breakpoints at which the run is paused now; inside a loop or map,"
        " `loop.node`."
    )


class VariablesBody(BaseModel):
    """The variables of a run."""

    workflow: dict[str, Any]
    lasting: dict[str, str] = Field(description=_LASTING)
    scopes: dict[str, dict[str, Any]] = Field(description="Inside loops and maps, by path.")


class VariablesChange(RequestBody):
    """New values of variables and outputs, which the next nodes read."""

    variables: dict[str, Any] = Field(default_factory=dict, max_length=1_000)
    outputs: dict[str, Any] = Field(
        default_factory=dict,
        max_length=1_000,
        description="Outputs of nodes that have completed, by id; the edges taken stay.",
    )
    scope: str = Field(
        default="workflow",
        max_length=2_000,
        description="`workflow`, or the path of the body that the values are in.",
    )


BreakCondition = Annotated[
    str | None,
    Field(
        max_length=4_000,
        description="An expression such as `input.total > 100`: the run pauses only if it is true.",
    ),
]


class BreakpointsRequest(RequestBody):
    """The nodes before which a run pauses."""

    breakpoints: list[Annotated[str, Field(max_length=500)]] = Field(
        default_factory=list, max_length=1_000
    )
    conditions: dict[str, BreakCondition] = Field(
        default_factory=dict, max_length=1_000, description="Conditions of these nodes, by name."
    )

    @model_validator(mode="after")
    def _are_of_nodes(self) -> Self:
        if others := set(self.conditions) - set(self.breakpoints):
            raise ValueError(f"{min(others)!r} is not one of the breakpoints.")
        return self


class BreakpointRequest(RequestBody):
    """How a run pauses before a node."""

    condition: BreakCondition = None


@router.post("/replay")
async def replay_run(run_id: RunIdInPath, body: ReplayRequest, tenant: CurrentTenant) -> Run:
    """Repeat a run as a new run, whole or from a node or event; the original does not change."""
    mocks = {name: mock.as_mock() for name, mock in body.mocks.items()}
    replay = Replay(body.from_node, body.after_event, body.input, mocks)
    return await tenant.replays.fork(run_id, replay, body.version, is_awaited=body.wait)


@router.get("/state")
async def read_state(
    run_id: RunIdInPath,
    tenant: CurrentTenant,
    at: Annotated[
        int | None,
        Query(ge=0, le=MAX_NUMBER, description="Number of an event; default: the last one."),
    ] = None,
) -> StateBody:
    """Return the state of a run now, or after an earlier event."""
    return StateBody.model_validate(await tenant.replays.state(run_id, at))


@router.get("/debug/state")
async def read_debug_state(run_id: RunIdInPath, tenant: CurrentTenant) -> StateBody:
    """Return the state of a run now."""
    return StateBody.model_validate(await tenant.replays.state(run_id))


@router.get("/debug/variables")
async def read_variables(
    run_id: RunIdInPath,
    tenant: CurrentTenant,
    scope: Annotated[
        str | None,
        Query(
            max_length=2_000,
            description="Only those of one scope: `workflow`, or the path of a body.",
        ),
    ] = None,
) -> VariablesBody:
    """Return the variables of a run, of all scopes or of one."""
    state = await tenant.replays.state(run_id)
    scopes = {path: each["variables"] for path, each in state["scopes"].items()}
    variables, lasting = state["variables"], state["lasting"]
    if scope is None:
        return VariablesBody(workflow=variables, lasting=lasting, scopes=scopes)
    if scope == "workflow":
        return VariablesBody(workflow=variables, lasting=lasting, scopes={})
    if scope not in scopes:
        raise NoSuchScope
    return VariablesBody(workflow={}, lasting={}, scopes={scope: scopes[scope]})


@router.patch("/debug/variables", responses=CONFLICT)
async def change_variables(
    run_id: RunIdInPath, body: VariablesChange, tenant: CurrentTenant, caller: CurrentCaller
) -> StateBody:
    """Change variables of a run that is paused, or outputs: the next nodes read the new values.

    A variable must be one that the workflow declares or sets, and an output fit the schema that its
    node declares. The event `run.changed` has the old values and the new ones, and who changed
    them. In a run that is not paused, nothing can be changed: 409 with `not-stopped`.
    """
    scope = "" if body.scope == "workflow" else body.scope
    given = [body.variables, body.outputs]
    redactor = tenant.services.known.redactor
    variables, outputs = redactor.json(given) if redactor else given
    await tenant.changes.change(run_id, ValueChange(variables, outputs, scope), caller.name)
    return StateBody.model_validate(await tenant.replays.state(run_id))


@router.post("/debug/enable", responses=CONFLICT)
async def enable_debugging(
    run_id: RunIdInPath, tenant: CurrentTenant, body: BreakpointsRequest | None = None
) -> Run:
    """Set the breakpoints of a run, which may be running; earlier ones are replaced."""
    body = body or BreakpointsRequest()
    nodes = {name: body.conditions.get(name) for name in body.breakpoints}
    return await tenant.replays.stop_before(run_id, nodes)


@router.post("/debug/disable", responses=CONFLICT)
async def disable_debugging(run_id: RunIdInPath, tenant: CurrentTenant) -> Run:
    """Remove all breakpoints; a run that is paused stays so until it is resumed."""
    return await tenant.replays.stop_before(run_id, None)


@router.put("/debug/breakpoints/{node}", responses=CONFLICT)
async def set_breakpoint(
    run_id: RunIdInPath,
    node: NodeName,
    tenant: CurrentTenant,
    body: BreakpointRequest | None = None,
) -> Run:
    """Add a breakpoint before a node, or change its condition."""
    condition = body.condition if body is not None else None
    nodes = {**await _breakpoints(tenant, run_id), node: condition}
    return await tenant.replays.stop_before(run_id, nodes)


@router.delete("/debug/breakpoints/{node}", responses=CONFLICT)
async def delete_breakpoint(run_id: RunIdInPath, node: NodeName, tenant: CurrentTenant) -> Run:
    """Remove the breakpoint before a node."""
    nodes = await _breakpoints(tenant, run_id)
    nodes.pop(node, None)
    return await tenant.replays.stop_before(run_id, nodes)


@router.post("/debug/step", responses=CONFLICT, summary="Run the Next Nodes")
async def step(run_id: RunIdInPath, tenant: CurrentTenant) -> Run:
    """Run the next nodes of a paused run, and pause again before those that follow."""
    return await tenant.runs.resume(run_id, is_step=True)


async def _breakpoints(tenant: CurrentTenant, run_id: str) -> dict[str, str | None]:
    return stop_nodes((await tenant.stored_runs.get(run_id)).breakpoints)
