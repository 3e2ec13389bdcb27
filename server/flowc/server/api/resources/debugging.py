"""Runs looked into over HTTP: run again from somewhere, stopped before nodes, seen as they were."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.resources.runs import RunId
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.engine.replay import Replay
from flowc.server.records.runs import Run

router = APIRouter(
    prefix="/runs/{run_id}", tags=["debugging"], route_class=StrictRoute, responses=RESPONSES
)

NodeName = Annotated[str, Path(max_length=500, description="In a body, `container.node`.")]


class MockError(BaseModel):
    """A failure that a node is to have."""

    code: str = Field(max_length=64)
    message: str = Field(max_length=2_000)


class MockBody(BaseModel):
    """What a node does instead of running: an output, with the branch it takes; or a failure."""

    output: Any = None
    branch: str | None = None
    variables: dict[str, Any] = Field(default_factory=dict)
    error: MockError | None = None

    def as_mock(self) -> dict[str, Any]:
        """Return what the replay keeps."""
        error = [self.error.code, self.error.message] if self.error is not None else None
        said = {"output": self.output, "branch": self.branch, "variables": self.variables}
        return {**said, "error": error}


class ReplayRequest(BaseModel):
    """From where a run is run again: a node, or the moment after an event; else from its beginning.

    What happened before is not done again. `input` replaces the run's own, `mocks` say what nodes
    do instead of running, and `version` runs another version of the workflow.
    """

    from_node: str | None = Field(default=None, max_length=500)
    after_event: int | None = Field(default=None, ge=0)
    input: dict[str, Any] | None = None
    mocks: dict[str, MockBody] = Field(default_factory=dict, max_length=1_000)
    version: int | None = Field(default=None, ge=1)
    wait: bool = True


class StateBody(BaseModel):
    """What a run's expressions could read after an event; `scopes` are those of bodies, by path."""

    number: int
    status: str
    input: dict[str, Any]
    outputs: dict[str, Any]
    variables: dict[str, Any]
    scopes: dict[str, Any]
    at_work: list[dict[str, str]]


class VariablesBody(BaseModel):
    """The variables of a run now: the workflow's, and those that bodies set, by path."""

    workflow: dict[str, Any]
    scopes: dict[str, dict[str, Any]]


class Debug(BaseModel):
    """Before which nodes a run stops."""

    breakpoints: list[Annotated[str, Field(max_length=500)]] = Field(
        default_factory=list, max_length=1_000
    )


@router.post("/replay")
async def replay_run(run_id: RunId, body: ReplayRequest, process: CurrentProcess) -> Run:
    """Run a run again, whole or from somewhere on, as a new run; the original stays as it is."""
    mocks = {name: mock.as_mock() for name, mock in body.mocks.items()}
    replay = Replay(body.from_node, body.after_event, body.input, mocks)
    return await process.replays.fork(run_id, replay, body.version, is_awaited=body.wait)


@router.get("/state")
async def read_state(
    run_id: RunId,
    process: CurrentProcess,
    at: Annotated[int | None, Query(ge=0, description="After the event with this number.")] = None,
) -> StateBody:
    """Return a run's state now, or as it was after an event."""
    return StateBody.model_validate(await process.replays.state(run_id, at))


@router.get("/debug/state")
async def read_debug_state(run_id: RunId, process: CurrentProcess) -> StateBody:
    """Return a run's state now."""
    return StateBody.model_validate(await process.replays.state(run_id))


@router.get("/debug/variables")
async def read_variables(run_id: RunId, process: CurrentProcess) -> VariablesBody:
    """Return the variables of a run, by scope."""
    state = await process.replays.state(run_id)
    scopes = {path: scope["variables"] for path, scope in state["scopes"].items()}
    return VariablesBody(workflow=state["variables"], scopes=scopes)


@router.post("/debug/enable", responses=CONFLICT)
async def enable_debugging(
    run_id: RunId, process: CurrentProcess, body: Debug | None = None
) -> Run:
    """Have a run, which may be at work, stop before nodes; they replace those set before."""
    return await _stopping_at(process, run_id, set(body.breakpoints) if body is not None else set())


@router.post("/debug/disable", responses=CONFLICT)
async def disable_debugging(run_id: RunId, process: CurrentProcess) -> Run:
    """Have a run stop nowhere any more; where it stands, it stays until it is resumed."""
    return await _stopping_at(process, run_id, None)


@router.put("/debug/breakpoints/{node}", responses=CONFLICT)
async def set_breakpoint(run_id: RunId, node: NodeName, process: CurrentProcess) -> Run:
    """Have a run stop before one more node."""
    return await _stopping_at(process, run_id, await _breakpoints(process, run_id) | {node})


@router.delete("/debug/breakpoints/{node}", responses=CONFLICT)
async def delete_breakpoint(run_id: RunId, node: NodeName, process: CurrentProcess) -> Run:
    """Have a run stop before a node no more."""
    return await _stopping_at(process, run_id, await _breakpoints(process, run_id) - {node})


@router.post("/debug/step", responses=CONFLICT)
async def step(run_id: RunId, process: CurrentProcess) -> Run:
    """Let a paused run do the nodes that it stands before, and stop before those that follow."""
    return await process.runs.resume(run_id, is_step=True)


async def _breakpoints(process: CurrentProcess, run_id: str) -> set[str]:
    run = await process.stored_runs.get(run_id)
    return set(run.breakpoints["nodes"]) if run.breakpoints else set()


async def _stopping_at(process: CurrentProcess, run_id: str, nodes: set[str] | None) -> Run:
    wanted = sorted(nodes) if nodes is not None else None
    return await process.replays.stop_before(run_id, wanted)
