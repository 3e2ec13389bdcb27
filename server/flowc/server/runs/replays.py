"""Replays of runs, their breakpoints, and their state after any event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.definition import initial_values
from flowc.compiler.expressions import ExpressionError, compile_condition, diagnose
from flowc.compiler.planning.plan import Plan
from flowc.compiler.running.event_data import ChangedData, RunChangedData
from flowc.compiler.running.events import RUN_CHANGED, EventKind, name_of
from flowc.server.engine.driving import new_run
from flowc.server.engine.replay import Replay, ReplayRefused, recorded_for, require_nodes
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import AT_REST, RunRecord
from flowc.server.records.stops import StopNodes
from flowc.server.runs.runs import Runs
from flowc.server.store import StoredRuns, StoredWorkflows
from flowc.server.store.runs.stored_runs import WantedInterrupts
from flowc.server.workflows.compiled import Workflows

ALL_EVENTS = 1_000_000
_AT_WORK = {EventKind.NODE_STARTED: "started", EventKind.NODE_WAITING: "waiting"}


@dataclass(frozen=True)
class Replays:
    """One tenant's runs, as they were and run again."""

    stored_runs: StoredRuns
    stored_workflows: StoredWorkflows
    workflows: Workflows
    runs: Runs

    async def fork(
        self, id: str, replay: Replay, version: int | None = None, *, is_awaited: bool = False
    ) -> RunRecord:
        """Start a new run that repeats a part of another; the original remains as it is.

        With a `version`, it runs that version of the workflow. Raises NoSuchRun, NoSuchWorkflow,
        CannotRebuild, InputRefused or ReplayRefused.
        """
        run = await self.stored_runs.get(id)
        compiled = await self._compiled(run, version)
        events = await self.stored_runs.events(id, limit=ALL_EVENTS)
        recorded = recorded_for(replay, events, compiled)
        given = replay.input if replay.input is not None else run.input
        fork = await new_run(
            compiled, given, workflow_id=run.workflow_id, version=version or run.version
        )
        fork.forked_from, fork.priority = id, run.priority
        fork.started_by = self.runs.caller.name
        changes = [self._as_changed(*each) for each in recorded["changes"].items()]
        fork = await self.runs.start(
            fork, compiled, is_awaited=is_awaited, recorded=recorded, changes=changes
        )
        return await self.runs.at_rest(fork.id) if is_awaited else fork

    def _as_changed(self, scope: str, variables: Mapping[str, Any]) -> RunEvent:
        """Return the event of what was changed in the original before the replay begins."""
        before: ChangedData = {"variables": {}, "outputs": {}}
        change: RunChangedData = {
            "variables": variables,
            "outputs": {},
            "before": before,
            "scope": scope,
            "by": self.runs.caller.name,
        }
        return RunEvent.of(RUN_CHANGED.of_run(change))

    async def _compiled(self, run: RunRecord, version: int | None) -> CompiledWorkflow:
        if version is None:
            return await self.workflows.pinned(run)
        if run.workflow_id is None:
            raise ReplayRefused(
                problems=["The run has no stored workflow, so there are no other versions."]
            )
        return await self.workflows.compiled(
            await self.stored_workflows.get(run.workflow_id, version)
        )

    async def stop_before(self, id: str, nodes: StopNodes | None) -> RunRecord:
        """Set a run's breakpoints and their conditions, or end debugging with None.

        Raises NoSuchRun, NotPossible, or ReplayRefused if there is no such node, or a condition
        cannot be read.
        """
        run = await self.stored_runs.get(id)
        if nodes:
            require_nodes(nodes, await self.workflows.pinned(run))
            _require_conditions(nodes)
        await self.runs.steering.set_breakpoints(self.runs.tenant, id, nodes)
        return await self.stored_runs.get(id)

    async def state(self, id: str, at: int | None = None) -> dict[str, Any]:
        """Return a run's state after an event, or now; raise NoSuchRun."""
        run = await self.stored_runs.get(id)
        events = await self.stored_runs.events(id, limit=ALL_EVENTS)
        compiled = await self.workflows.pinned(run)
        values, lasting = initial_values(compiled.workflow.variables), _lasting(compiled.plan)
        if at is None:
            stopped = await self._stopped(run)
            return {**state_of(run, events, values), "lasting": lasting, "stopped_before": stopped}
        state = {**state_of(run, events[:at], values), "lasting": lasting}
        return {**state, "status": _status_after(events[:at]), "stopped_before": []}

    async def _stopped(self, run: RunRecord) -> list[str]:
        if run.status != "paused":
            return []
        asked = await self.stored_runs.interrupts(
            WantedInterrupts(run_id=run.id, kind="breakpoint", status="waiting")
        )
        return sorted({name_of(each.path, each.node_id) for each in asked})


def _lasting(plan: Plan) -> dict[str, str]:
    return {name: scope for scope, names in plan.lasting.items() for name in sorted(names)}


def _require_conditions(nodes: StopNodes) -> None:
    problems: list[str] = []
    for name, condition in nodes.items():
        try:
            compile_condition(condition or "true")
        except ExpressionError as problem:
            problems.append(f"The condition of {name!r}: {diagnose(problem, str).message}.")
    if problems:
        raise ReplayRefused(problems=problems)


# The status of a run after an event of its own.
_STATUSES = {
    EventKind.RUN_CREATED: "pending",
    EventKind.RUN_STARTED: "running",
    EventKind.RUN_RESUMED: "pending",
    **{EventKind.of_status(status): status for status in AT_REST},
}


def _status_after(events: Sequence[RunEvent]) -> str:
    found = (_STATUSES[event.kind] for event in reversed(events) if event.kind in _STATUSES)
    return next(found, "pending")


def _empty() -> dict[str, Any]:
    return {"outputs": {}, "variables": {}}


def state_of(
    run: RunRecord, events: Sequence[RunEvent], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a run's expressions could read after these events, and the nodes at work then.

    It begins with these values of its variables. `scopes` are those of bodies, by path.
    """
    top: dict[str, Any] = {"outputs": {}, "variables": dict(values)}
    scopes: dict[str, dict[str, Any]] = {}
    at_work: dict[tuple[str, str], str] = {}
    for event in events:
        place = (event.path, event.node_id or "")
        if event.kind in _AT_WORK:
            at_work[place] = _AT_WORK[event.kind]
        elif event.kind in {EventKind.NODE_COMPLETED, EventKind.NODE_FAILED}:
            at_work.pop(place, None)
        if event.kind == EventKind.NODE_COMPLETED:
            scope = top if not event.path else scopes.setdefault(event.path, _empty())
            scope["outputs"][event.node_id] = event.data["output"]
            scope["variables"].update(event.data.get("variables", {}))
        elif event.kind == EventKind.RUN_CHANGED:
            path = event.data["scope"]
            scope = top if not path else scopes.setdefault(path, _empty())
            scope["outputs"].update(event.data["outputs"])
            scope["variables"].update(event.data["variables"])
    return {
        "number": events[-1].number if events else 0,
        "status": run.status,
        "input": run.input,
        **top,
        "scopes": scopes,
        "at_work": [
            {"node_id": node_id, "path": path, "status": status}
            for (path, node_id), status in at_work.items()
        ],
    }
