"""The flow of a scope: its edges resolved, the order of its nodes, and when each of them runs.

Only for scopes whose names, edges and configurations are right.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from flowc.compiler.analysis.ancestors import Ancestors
from flowc.compiler.analysis.graph import ERROR, Graph, all_branches, build_graph
from flowc.compiler.analysis.races import Waits, race_joins, racing_nodes
from flowc.compiler.analysis.run_conditions import RunCondition, run_conditions
from flowc.compiler.analysis.scopes import Scope


@dataclass(frozen=True, eq=False)
class Flow:
    """How control flows through a scope, and through what its nodes run (`inner`).

    `branches` are those of each node that branches, `conditions` say when each reachable node
    runs. `waits` says what each node waits for; without races, that is all before it. `outer` is
    the flow of the scope around this one.
    """

    scope: Scope
    graph: Graph
    branches: Mapping[str, frozenset[str]]
    conditions: Mapping[str, RunCondition | None]
    ancestors: Ancestors
    waits: Waits | None = None
    outer: "Flow | None" = None
    inner: dict[str, "Flow"] = field(default_factory=dict)

    def walk(self) -> Iterator["Flow"]:
        """Yield this flow and those of all bodies in it."""
        yield self
        for name in self.scope.bodies:
            yield from self.inner[name].walk()

    def holder_of(self, name: str) -> "tuple[Flow, str] | None":
        """Return the flow around this one that has a node, and which node there holds this one."""
        if self.outer is None:
            return None
        if name in self.outer.scope.nodes:
            return self.outer, self.scope.container
        return self.outer.holder_of(name)

    @cached_property
    def racing(self) -> frozenset[str]:
        """The nodes that are cancelled if the races on their paths are decided without them."""
        return racing_nodes(self.graph)

    def race_before(self, name: str, reader: str) -> str | None:
        """Return the race due to which a node may not have run when a reader begins."""
        if self.waits is None or self.waits.has_settled(name, reader):
            return None
        before = self.ancestors.precede
        for race in race_joins(self.graph):
            is_behind = race == reader or before(race, reader, forward_only=True)
            is_between = is_behind and before(name, race, forward_only=True)
            if is_between and not self.waits.has_settled(name, race):
                return race
        return None

    def leaves_output(self, name: str) -> RunCondition | None:
        """Return when a node leaves an output: when it runs, and no other handles its failure."""
        condition = self.conditions.get(name)
        if condition is None or self.scope.nodes[name].error_target is None:
            return condition
        succeeded = self.branches[name] - {ERROR}
        return frozenset(term | {(name, branch)} for term in condition for branch in succeeded)

    def data_sources(self, name: str) -> tuple[str, ...]:
        """Return the nodes whose outputs flow to a node, through those that only pass data on."""
        sources: dict[str, None] = {}
        seen: set[str] = set()
        todo = [edge.source for edge in self.graph.forward_incoming[name]]
        while todo:
            source = todo.pop(0)
            if source in seen:
                continue
            seen.add(source)
            if self.scope.types[source].passes_data_on:
                todo.extend(edge.source for edge in self.graph.forward_incoming[source])
            else:
                sources[source] = None
        return tuple(sources)


def analyse_flow(scope: Scope, stored: Mapping[Scope, Flow], outer: Flow | None = None) -> Flow:
    """Return the flow of a scope; `stored` has those of the stored workflows that it runs."""
    graph = build_graph(scope.workflow, scope.registry)
    found = {node.id: all_branches(node, scope.registry) for node in scope.workflow.nodes}
    branches = {name: names for name, names in found.items() if names}
    conditions = run_conditions(graph, branches)
    waits = Waits(graph) if race_joins(graph) else None
    flow = Flow(scope, graph, branches, conditions, Ancestors(graph), waits, outer)
    for name, body in scope.bodies.items():
        flow.inner[name] = analyse_flow(body, stored, flow if body.outer is not None else None)
    for name, use in scope.stored.items():
        if use.scope is not None and use.scope in stored:
            flow.inner[name] = stored[use.scope]
    return flow
