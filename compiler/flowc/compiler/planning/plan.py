"""In what order do nodes run, who waits for whom, and what does each one need?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flowc.compiler.analysis.configuration import Configuration
from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.references import node_path, uses_in
from flowc.compiler.definition import (
    NodeDefinition,
    RetryPolicy,
    WorkflowDefinition,
    WorkflowSettings,
)
from flowc.compiler.guards import Limit
from flowc.compiler.node import Node, Tool
from flowc.compiler.planning.exits import result_of
from flowc.compiler.planning.tools import tools_in
from flowc.compiler.planning.wiring import Wire, Wiring, wire_up


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One node with everything that running it takes.

    `plain` is the node itself where nothing is computed and nothing stands round its work.
    """

    id: str
    definition: NodeDefinition
    node_type: type[Node]
    configuration: Configuration
    wire: Wire
    plain: Node | None
    reads: tuple[str, ...]
    secrets: tuple[str, ...]
    data_from: tuple[str, ...]
    retry: RetryPolicy
    timeout: float | None
    limits: tuple[Limit, ...]
    at: str
    meaning: str
    body: "Plan | None" = None
    tools: tuple[Tool, ...] = ()
    runs_stored: bool = False


@dataclass(frozen=True)
class Plan:
    """A checked workflow, ready to be lowered."""

    workflow: WorkflowDefinition
    nodes: Mapping[str, PlannedNode]
    wiring: Wiring

    @cached_property
    def has_variables(self) -> bool:
        """Whether the workflow declares variables, or one of its nodes may set some."""
        own = (node.node_type.sets_variables for node in self.nodes.values())
        bodies = (n.body for n in self.nodes.values() if not n.node_type.is_isolated)
        inner = (body.has_variables for body in bodies if body is not None)
        return bool(self.workflow.variables) or any(own) or any(inner)

    @cached_property
    def exits(self) -> tuple[str, ...]:
        """The nodes whose output is the run's: those of an `end` type, or else the last ones."""
        ends = tuple(name for name, node in self.nodes.items() if node.node_type.is_exit)
        return ends or tuple(name for name, node in self.nodes.items() if not node.wire.outgoing)

    def result(self, outputs: Mapping[str, Any]) -> Any:
        """Return the run's output: that of the exit that ran, or by id if several did."""
        return result_of(self.exits, outputs)


def make_plan(draft: Draft) -> Plan:
    """Work out a checked workflow's joins, loops and readers, and those of what its nodes run."""
    return _plan(draft, {})


def _plan(draft: Draft, known: dict[int, Plan]) -> Plan:
    """Return a draft's plan; a stored workflow that several nodes run has one plan."""
    if id(draft) not in known:
        known[id(draft)] = _make_plan(draft, known)
    return known[id(draft)]


def _make_plan(draft: Draft, known: dict[int, Plan]) -> Plan:
    wiring = wire_up(draft.graph)
    inner = {name: draft.inside(name) for name in wiring.wires}
    bodies = {name: _plan(body, known) for name, body in inner.items() if body is not None}
    nodes = {
        name: _planned_node(wire, draft, bodies.get(name)) for name, wire in wiring.wires.items()
    }
    return Plan(draft.workflow, nodes, wiring)


def _planned_node(wire: Wire, draft: Draft, body: Plan | None) -> PlannedNode:
    name, node, settings = wire.id, draft.nodes[wire.id], draft.whole.workflow.settings
    configuration = draft.configurations[name]
    paths = [use.reference.path for use in uses_in(configuration)]
    read = [found[0] for path in paths if (found := node_path(path, draft.nodes)) is not None]
    data_from = draft.data_sources(name) if configuration.takes_incoming else ()
    retry = node.retry or settings.retry or RetryPolicy(max_attempts=1)
    limits = _limits(settings, draft.types[name])
    kind = draft.types[name]
    is_guarded = limits or node.cache or node.concurrency or node.timeout or retry.max_attempts > 1
    return PlannedNode(
        id=name,
        definition=node,
        node_type=draft.types[name],
        configuration=configuration,
        wire=wire,
        plain=configuration.fixed if not is_guarded else None,
        reads=tuple(dict.fromkeys(read)),
        secrets=tuple(str(path[1]) for path in paths if path[0] == "secrets" and len(path) > 1),
        data_from=data_from,
        retry=retry,
        timeout=node.timeout,
        limits=limits,
        at="/".join(map(str, node.at)),
        meaning=draft.whole.hash if node.cache is not None else "",
        body=body,
        tools=tools_in(draft.bodies[name]) if kind.body_is_tools and body is not None else (),
        runs_stored=name in draft.used,
    )


def _limits(settings: WorkflowSettings, kind: type[Node]) -> tuple[Limit, ...]:
    """Return the limits that a workflow sets to its nodes in one run."""
    by_type = {
        word: settings.max_parallel_by_type[word]
        for word in (kind.type, *kind.also)
        if word in settings.max_parallel_by_type
    }
    found = [Limit(f"type {kind.type}", most) for most in by_type.values()]
    if settings.max_parallel is not None:
        found.append(Limit("run", settings.max_parallel))
    return tuple(found)
