"""What is known of a workflow before it is checked: its definition, graph and configurations."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from flowc.compiler.configuration import Configuration, configure
from flowc.compiler.definition import NodeDefinition, WorkflowDefinition
from flowc.compiler.graph import Edge, Graph, build_graph
from flowc.compiler.node import Node
from flowc.compiler.registry import Registry
from flowc.compiler.run_conditions import Condition, run_conditions


@dataclass(frozen=True)
class Draft:
    """A workflow under examination; each view of it is made once, when first asked for."""

    workflow: WorkflowDefinition
    registry: Registry

    @cached_property
    def nodes(self) -> Mapping[str, NodeDefinition]:
        """The nodes by id."""
        return {node.id: node for node in self.workflow.nodes}

    @cached_property
    def types(self) -> Mapping[str, type[Node]]:
        """The node type of each node whose type exists."""
        known = {node.id: self.registry.get(node.type) for node in self.workflow.nodes}
        return {name: found for name, found in known.items() if found is not None}

    @cached_property
    def graph(self) -> Graph:
        """The edges, resolved."""
        return build_graph(self.workflow, self.registry)

    @cached_property
    def configurations(self) -> Mapping[str, Configuration]:
        """The compiled configuration of each node."""
        return {name: configure(self.nodes[name], found) for name, found in self.types.items()}

    @cached_property
    def branches(self) -> Mapping[str, frozenset[str]]:
        """The branches of each node that branches."""
        found = {name: kind.branches(self.nodes[name].config) for name, kind in self.types.items()}
        return {name: frozenset(names) for name, names in found.items() if names is not None}

    @cached_property
    def conditions(self) -> Mapping[str, Condition | None]:
        """When each reachable node runs."""
        return run_conditions(self.graph, self.branches)

    @cached_property
    def ancestors(self) -> "Ancestors":
        """Which nodes come before which."""
        return Ancestors(self.graph)


class Ancestors:
    """The nodes before each node: by any edges, or without those that close a loop."""

    def __init__(self, graph: Graph) -> None:
        self._names = [*graph.order, *sorted(graph.nodes.keys() - set(graph.order))]
        self._bits = {name: 1 << index for index, name in enumerate(self._names)}
        self._forward = self._before(graph.forward_incoming, {})
        self._any = self._before(graph.incoming, self._forward) if graph.loops else self._forward

    def precede(self, name: str, reader: str, *, forward_only: bool = False) -> bool:
        """Say whether a way leads from one node to another."""
        before = self._forward if forward_only else self._any
        return bool(before[reader] & self._bits[name])

    def _before(
        self, incoming: Mapping[str, tuple[Edge, ...]], known: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Return a bit set for each node, found by passes until nothing is added any more."""
        before = {name: known.get(name, 0) for name in self._names}
        changed = True
        while changed:
            changed = False
            for name in self._names:
                found = before[name]
                for edge in incoming[name]:
                    found |= before[edge.source] | self._bits[edge.source]
                changed |= found != before[name]
                before[name] = found
        return before
