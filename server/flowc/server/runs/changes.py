"""Changes of the variables and outputs of paused runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.definition import initial_values
from flowc.compiler.definition.short_schemas import find_problems
from flowc.compiler.diagnostics import did_you_mean
from flowc.compiler.planning.plan import Plan
from flowc.compiler.running.event_data import RunChangedData
from flowc.compiler.running.events import name_of
from flowc.server.engine.replay import nodes_in
from flowc.server.records.refused import Refused
from flowc.server.runs.replays import ALL_EVENTS, state_of
from flowc.server.store import StoredRuns
from flowc.server.store.runs.changes import NotStopped, StoredChanges
from flowc.server.workflows.compiled import Workflows


class ChangeRefused(Refused):
    """These values cannot be changed."""


@dataclass(frozen=True)
class ValueChange:
    """New values, and the path of the body that they are in: empty outside of bodies."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    scope: str = ""


@dataclass(frozen=True)
class Changes:
    """Changes of one tenant's runs."""

    tenant: str
    stored_runs: StoredRuns
    workflows: Workflows
    stored: StoredChanges

    async def change(self, run_id: str, wanted: ValueChange, by: str) -> None:
        """Change values that the next nodes of a paused run read.

        Raises NoSuchRun, NotStopped or ChangeRefused.
        """
        run = await self.stored_runs.get(run_id)
        if run.status != "paused":
            raise NotStopped(f"The run is {run.status}, not paused: pause it to change values.")
        compiled = await self.workflows.pinned(run)
        events = await self.stored_runs.events(run_id, limit=ALL_EVENTS)
        state = state_of(run, events, initial_values(compiled.workflow.variables))
        nothing: dict[str, Any] = {"outputs": {}, "variables": {}}
        known = state if not wanted.scope else state["scopes"].get(wanted.scope, nothing)
        problems = list(_problems(wanted, known, compiled))
        problems += await _misfits(wanted, compiled)
        if problems:
            raise ChangeRefused(problems=problems)
        change: RunChangedData = {
            "variables": wanted.variables,
            "outputs": wanted.outputs,
            "before": {
                "variables": _chosen(known["variables"], wanted.variables),
                "outputs": _chosen(known["outputs"], wanted.outputs),
            },
            "scope": wanted.scope,
            "by": by,
        }
        await self.stored.append(self.tenant, run_id, state["number"], change)


def _chosen(values: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _problems(
    wanted: ValueChange, known: Mapping[str, Any], compiled: CompiledWorkflow
) -> Iterator[str]:
    if not wanted.variables and not wanted.outputs:
        yield "Name a variable or an output"
    names = {*_variables_of(compiled.plan), *known["variables"]}
    for name in wanted.variables:
        if name not in names:
            hint = did_you_mean(name, names) or ""
            yield f"There is no variable {name[:60]!r}. {hint}".rstrip()
    for name in wanted.outputs:
        if name not in known["outputs"]:
            hint = did_you_mean(name, known["outputs"]) or ""
            yield f"No node {name[:60]!r} has completed here. {hint}".rstrip()


def _variables_of(plan: Plan) -> Iterator[str]:
    yield from plan.workflow.variables
    for node in plan.nodes.values():
        yield from node.node_type.writes(node.definition.config)
        if node.body is not None:
            yield from _variables_of(node.body)


async def _misfits(wanted: ValueChange, compiled: CompiledWorkflow) -> list[str]:
    """Return how outputs do not fit the schemas that their nodes declare."""
    nodes, found = dict(nodes_in(compiled.plan)), list[str]()
    for name, value in wanted.outputs.items():
        node = nodes.get(name_of(wanted.scope, name))
        schema = node.node_type.describe_output(node.definition.config) if node else None
        for path, sentence in (await find_problems(value, schema))[:3] if schema else ():
            where = ".".join(map(str, (name, "output", *path)))
            found.append(f"{where}: {sentence}")
    return found
