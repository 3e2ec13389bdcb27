"""In what order do nodes run, who waits for whom, and what does each one need?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flowc.compiler.configuration import Configuration
from flowc.compiler.definition import (
    NodeDefinition,
    RetryPolicy,
    WorkflowDefinition,
    WorkflowSettings,
)
from flowc.compiler.draft import Draft
from flowc.compiler.graph import Edge, Graph
from flowc.compiler.guards import Limit
from flowc.compiler.loops import Loop
from flowc.compiler.node import Node
from flowc.compiler.references import node_path, uses_in


@dataclass(frozen=True)
class PlannedLoop:
    """A loop, and who says when a turn is over.

    With a `decider`, one node closes every turn and holds every exit; without, the header looks
    whether all edges of the turn are settled.
    """

    header: str
    nodes: frozenset[str]
    decider: str | None
    inside: tuple[Edge, ...]
    back: tuple[Edge, ...]
    exits: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One node with everything that running it takes.

    `plain` is the node itself where nothing is computed, guarded or tried again. A static one, once
    woken, always runs, settles these edges, and goes on to the same nodes.
    """

    id: str
    definition: NodeDefinition
    node_type: type[Node]
    configuration: Configuration
    incoming: tuple[Edge, ...]
    closing: tuple[Edge, ...]
    outgoing: tuple[Edge, ...]
    plain: Node | None
    is_static: bool
    settles: Mapping[str, bool]
    reads: tuple[str, ...]
    secrets: tuple[str, ...]
    data_from: tuple[str, ...]
    retry: RetryPolicy
    timeout: float | None
    limits: tuple[Limit, ...]
    at: str
    meaning: str
    body: "Plan | None" = None
    runs_stored: bool = False

    @property
    def is_join(self) -> bool:
        """Whether the node has edges to wait for."""
        return len(self.incoming) > 1


@dataclass(frozen=True)
class Plan:
    """A checked workflow, ready to be lowered."""

    workflow: WorkflowDefinition
    nodes: Mapping[str, PlannedNode]
    entries: tuple[str, ...]
    back_edges: frozenset[Edge]
    tracked: frozenset[Edge]
    loops_of: Mapping[str, tuple[PlannedLoop, ...]]

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
        return ends or tuple(name for name, node in self.nodes.items() if not node.outgoing)

    def result(self, outputs: Mapping[str, Any]) -> Any:
        """Return the run's output: that of the exit that ran, or by id if several did."""
        ran = [name for name in self.exits if name in outputs]
        if len(ran) == 1:
            return outputs[ran[0]]
        return {name: outputs[name] for name in ran}


def make_plan(draft: Draft) -> Plan:
    """Work out a checked workflow's joins, loops and readers, and those of what its nodes run."""
    return _plan(draft, {})


def _plan(draft: Draft, known: dict[int, Plan]) -> Plan:
    """Return a draft's plan; a stored workflow that several nodes run has one plan."""
    if id(draft) not in known:
        known[id(draft)] = _make_plan(draft, known)
    return known[id(draft)]


def _make_plan(draft: Draft, known: dict[int, Plan]) -> Plan:
    graph = draft.graph
    loops = {
        loop.header: _planned_loop(loop, graph) for outer in graph.loops for loop in outer.walk()
    }
    loops_of = {
        name: tuple(loop for loop in loops.values() if name in loop.nodes) for name in graph.nodes
    }
    tracked = frozenset(edge for edge in graph.edges if _is_tracked(edge, graph, loops_of))
    inner = {name: draft.inside(name) for name in graph.nodes}
    bodies = {name: _plan(body, known) for name, body in inner.items() if body is not None}
    nodes = {
        name: _planned_node(name, draft, loops_of[name], tracked, bodies.get(name))
        for name in graph.nodes
    }
    return Plan(draft.workflow, nodes, graph.entries, graph.back_edges, tracked, loops_of)


def _planned_loop(loop: Loop, graph: Graph) -> PlannedLoop:
    leaving = [edge for name in sorted(loop.nodes) for edge in graph.outgoing[name]]
    back = tuple(e for e in leaving if e.target == loop.header)
    exits = tuple(e for e in leaving if e.target not in loop.nodes)
    inside = tuple(e for e in leaving if e not in back and e not in exits)
    deciders = {edge.source for edge in (*back, *exits)}
    decider = deciders.pop() if len(deciders) == 1 else None
    return PlannedLoop(loop.header, loop.nodes, decider, inside, back, exits)


def _is_tracked(edge: Edge, graph: Graph, loops_of: Mapping[str, tuple[PlannedLoop, ...]]) -> bool:
    """Say whether a run has to remember how this edge settled."""
    if any(loop.decider is None for loop in loops_of[edge.source]):
        return True
    leaves = any(edge in loop.exits for loop in loops_of[edge.source])
    return leaves or len(graph.forward_incoming[edge.target]) > 1


def _planned_node(
    name: str,
    draft: Draft,
    loops: tuple[PlannedLoop, ...],
    tracked: frozenset[Edge],
    body: Plan | None,
) -> PlannedNode:
    node, graph, settings = draft.nodes[name], draft.graph, draft.whole.workflow.settings
    configuration = draft.configurations[name]
    paths = [use.reference.path for use in uses_in(configuration)]
    read = [found[0] for path in paths if (found := node_path(path, draft.nodes)) is not None]
    data_from = draft.data_sources(name) if configuration.takes_incoming else ()
    retry = node.retry or settings.retry or RetryPolicy(max_attempts=1)
    limits = _limits(settings, draft.types[name])
    is_guarded = limits or node.cache is not None or node.concurrency is not None
    return PlannedNode(
        id=name,
        definition=node,
        node_type=draft.types[name],
        configuration=configuration,
        incoming=graph.forward_incoming[name],
        closing=tuple(edge for edge in graph.incoming[name] if edge in graph.back_edges),
        outgoing=graph.outgoing[name],
        plain=None if is_guarded or retry.max_attempts > 1 else configuration.fixed,
        is_static=_is_static(name, draft, loops),
        settles={edge.key: True for edge in graph.outgoing[name] if edge in tracked},
        reads=tuple(dict.fromkeys(read)),
        secrets=tuple(str(path[1]) for path in paths if path[0] == "secrets" and len(path) > 1),
        data_from=data_from,
        retry=retry,
        timeout=node.timeout,
        limits=limits,
        at="/".join(map(str, node.at)),
        meaning=draft.whole.hash if node.cache is not None else "",
        body=body,
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


def _is_static(name: str, draft: Draft, loops: tuple[PlannedLoop, ...]) -> bool:
    """Say whether the node, once woken, always runs and always goes on to the same nodes."""
    graph = draft.graph
    outgoing = graph.outgoing[name]
    decides = any(
        loop.decider is None or edge in loop.exits or edge in loop.back
        for loop in loops
        for edge in outgoing
    )
    branches = any(edge.branches is not None for edge in outgoing)
    return len(graph.forward_incoming[name]) < 2 and not decides and not branches
