"""The plan of a workflow: its nodes, what each needs to run, and how they are joined."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

from flowc.compiler.analysis.configuration import Configuration
from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.graph import ERROR, Edge
from flowc.compiler.analysis.inference import Inferred
from flowc.compiler.analysis.references import node_path, uses_in
from flowc.compiler.analysis.run_conditions import RunCondition
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import (
    EnvironmentValue,
    NodeDefinition,
    RetryPolicy,
    VariableDeclaration,
    VariableScope,
    WorkflowDefinition,
    WorkflowSettings,
    declarations_in,
)
from flowc.compiler.guards import Limit
from flowc.compiler.node import Effects, Node, Tool
from flowc.compiler.planning.closings import Closing, find_closings
from flowc.compiler.planning.exits import result_of
from flowc.compiler.planning.tools import tools_in
from flowc.compiler.planning.wiring import Wire, Wiring, wire_up


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One node with everything that is needed to run it.

    `plain` is the node itself where nothing is computed and nothing guards its work;
    `branches` are those that it can choose; `stored_in` is the id of the stored workflow that the
    node is in, if the run's own workflow runs that one; `is_recorded` means that its expressions
    read the time or random values; `closes` are the edges out of the node that close loops;
    `declared` are the declarations of variables, for a type that sets some.
    """

    id: str
    definition: NodeDefinition
    node_type: type[Node]
    configuration: Configuration
    wire: Wire
    plain: Node | None
    reads: tuple[str, ...]
    secrets: tuple[str, ...]
    stored_in: str | None
    data_from: tuple[str, ...]
    branches: frozenset[str]
    retry: RetryPolicy
    timeout: float | None
    limits: tuple[Limit, ...]
    at: str
    meaning: str
    body: "Plan | None" = None
    tools: tuple[Tool, ...] = ()
    runs_stored: bool = False
    is_recorded: bool = False
    closes: tuple[Closing, ...] = ()
    declared: Mapping[str, VariableDeclaration] = field(default_factory=dict)
    env: Mapping[str, EnvironmentValue] = field(default_factory=dict)

    @property
    def keeps_journal(self) -> bool:
        """Whether something inside the node is stored before its outcome."""
        return self.body is not None or self.node_type.remembers or self.is_recorded

    @property
    def effects(self) -> Effects:
        """What the node can touch, as far as its configuration shows before it runs."""
        return self.node_type.effects(self.definition.config)

    @property
    def may_wait(self) -> bool:
        """Whether the node, or one in its body, can wait for a person, a signal or a moment."""
        kind, config = self.node_type, self.definition.config
        asks = kind.may_ask(config) or any(tool.needs_approval for tool in self.tools)
        return asks or (self.body is not None and self.body.may_wait)

    @property
    def is_repeatable(self) -> bool:
        """Whether it makes no difference if the node runs again: its output is its only effect."""
        kind = self.node_type
        return (kind.is_pure or kind.is_entry or kind.is_exit) and self.body is None

    @property
    def is_last(self) -> bool:
        """Whether the workflow ends with the node, unless it fails and another handles that."""
        handled = frozenset({ERROR} if self.definition.error_target is not None else ())
        return all(edge.branches == handled for edge in self.wire.outgoing)

    @property
    def body_runs(self) -> tuple[int, int | None]:
        """How often the node runs its body, at least and at most; None means no limit."""
        return self.node_type.body_runs(self.definition.config)


@dataclass(frozen=True)
class Plan:
    """A checked workflow, ready to be lowered, exported or forecast.

    `conditions` say when each node runs; `hash` is a digest of what the workflow means, with the
    stored workflows that it runs.
    """

    workflow: WorkflowDefinition
    nodes: Mapping[str, PlannedNode]
    wiring: Wiring
    conditions: Mapping[str, RunCondition | None]
    hash: str

    @cached_property
    def has_variables(self) -> bool:
        """Whether the workflow declares variables, or one of its nodes may set some."""
        own = (
            node.node_type.sets_variables or bool(node.node_type.writes(node.definition.config))
            for node in self.nodes.values()
        )
        bodies = (n.body for n in self.nodes.values() if not n.node_type.is_isolated)
        inner = (body.has_variables for body in bodies if body is not None)
        return bool(self.workflow.variables) or any(own) or any(inner)

    @cached_property
    def lasting(self) -> Mapping[VariableScope, frozenset[str]]:
        """The variables that outlive a run, by their scopes."""
        found: dict[VariableScope, set[str]] = {}
        for name, each in declarations_in(self.workflow.variables).items():
            found.setdefault(each.scope, set()).add(name)
        for node in self.nodes.values():
            config = node.definition.config
            if node.node_type.sets_variables and config.get("scope") is not None:
                found.setdefault(config["scope"], set()).update(node.node_type.writes(config))
            if node.body is not None and not node.node_type.is_isolated:
                for scope, names in node.body.lasting.items():
                    found.setdefault(scope, set()).update(names)
        return {scope: frozenset(names) for scope, names in found.items() if scope != "run"}

    @cached_property
    def may_wait(self) -> bool:
        """Whether one of the nodes can wait for a person, a signal or a moment."""
        return any(node.may_wait for node in self.nodes.values())

    def most_runs(self, name: str) -> int:
        """Return how often a node can run at most, given the bounds of the loops that it is on."""
        loops = self.wiring.loops_of[name]
        return prod(1 + sum(self._turns[edge] - 1 for edge in loop.back) for loop in loops)

    @cached_property
    def _turns(self) -> Mapping[Edge, int]:
        return {c.edge: c.max_turns for node in self.nodes.values() for c in node.closes}

    @cached_property
    def exits(self) -> tuple[str, ...]:
        """The nodes whose output is the run's: those of an exit type, or else the last ones."""
        ends = tuple(name for name, node in self.nodes.items() if node.node_type.is_exit)
        return ends or tuple(name for name, node in self.nodes.items() if node.is_last)

    @cached_property
    def repeatable(self) -> frozenset[str]:
        """The nodes that have no effect but their output."""
        return frozenset(name for name, node in self.nodes.items() if node.is_repeatable)

    def result(self, outputs: Mapping[str, Any]) -> Any:
        """Return a run's output: that of the exit that ran, or an object by id if several ran."""
        return result_of(self.exits, outputs)


def make_plan(inferred: Inferred) -> Plan:
    """Return the plan of a checked workflow, with the plans of what its nodes run."""
    return _Planner(inferred).plan(inferred.flow)


@dataclass
class _Planner:
    """Plans flows, each once: a stored workflow that several nodes run has one plan."""

    inferred: Inferred
    _known: dict[Flow, Plan] = field(default_factory=dict)

    def plan(self, flow: Flow) -> Plan:
        if flow not in self._known:
            self._known[flow] = self._plan(flow)
        return self._known[flow]

    def _plan(self, flow: Flow) -> Plan:
        wiring, settings = wire_up(flow.graph), flow.scope.whole.workflow.settings
        closings = find_closings(flow.graph, flow.scope.workflow.edges, settings.max_turns)
        nodes = {
            name: self._node(wire, flow, closings.get(name, ()))
            for name, wire in wiring.wires.items()
        }
        return Plan(flow.scope.workflow, nodes, wiring, flow.conditions, flow.scope.whole.hash)

    def _node(self, wire: Wire, flow: Flow, closes: tuple[Closing, ...]) -> PlannedNode:
        name, scope, settings = wire.id, flow.scope, flow.scope.whole.workflow.settings
        node, kind = self.inferred.node(scope, name), scope.types[name]
        configuration = self.inferred.configuration(scope, name)
        paths = [use.reference.path for use in uses_in(configuration)]
        read = [found[0] for path in paths if (found := node_path(path, scope.nodes)) is not None]
        retry = node.retry or settings.retry or RetryPolicy(max_attempts=1)
        limits = _limits(settings, kind)
        is_guarded = (
            limits or node.cache or node.concurrency or node.timeout or retry.max_attempts > 1
        )
        inner = flow.inner.get(name)
        has_tools = kind.body_is_tools and inner is not None
        return PlannedNode(
            id=name,
            definition=node,
            node_type=kind,
            configuration=configuration,
            wire=wire,
            plain=configuration.fixed if not is_guarded else None,
            reads=tuple(dict.fromkeys(read)),
            secrets=tuple(str(path[1]) for path in paths if path[0] == "secrets" and len(path) > 1),
            stored_in=self._stored_in(scope),
            data_from=flow.data_sources(name) if configuration.takes_incoming else (),
            branches=flow.branches.get(name, frozenset()),
            retry=retry,
            timeout=node.timeout,
            limits=limits,
            at="/".join(map(str, node.at)),
            meaning=scope.whole.hash if node.cache is not None else "",
            body=self.plan(inner) if inner is not None else None,
            tools=tools_in(scope.bodies[name]) if has_tools else (),
            runs_stored=name in scope.stored,
            env=scope.whole.workflow.env if any(path[0] == "env" for path in paths) else {},
            is_recorded=any(slot.expression.is_recorded for slot in configuration.uses()),
            closes=closes,
            declared=_declared(scope) if kind.sets_variables else {},
        )

    def _stored_in(self, scope: Scope) -> str | None:
        own = self.inferred.flow.scope.enclosing
        return scope.enclosing[-1] if len(scope.enclosing) > len(own) else None


def _declared(scope: Scope) -> Mapping[str, VariableDeclaration]:
    return declarations_in(scope.whole.workflow.variables)


def _limits(settings: WorkflowSettings, kind: type[Node]) -> tuple[Limit, ...]:
    """Return the limits that a workflow sets on its nodes within one run."""
    by_type = {
        word: settings.max_parallel_by_type[word]
        for word in (kind.type, *kind.also)
        if word in settings.max_parallel_by_type
    }
    found = [Limit(f"type {kind.type}", most) for most in by_type.values()]
    if settings.max_parallel is not None:
        found.append(Limit("run", settings.max_parallel))
    return tuple(found)
