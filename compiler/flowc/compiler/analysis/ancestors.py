"""Finds which nodes of a graph come before which others."""

from collections.abc import Mapping

from flowc.compiler.analysis.graph import Edge, Graph


class Ancestors:
    """The nodes before each node, along all edges or without those that close a loop."""

    def __init__(self, graph: Graph) -> None:
        self._names = [*graph.order, *sorted(graph.nodes.keys() - set(graph.order))]
        self._bits = {name: 1 << index for index, name in enumerate(self._names)}
        self._forward = self._before(graph.forward_incoming, {})
        self._any = self._before(graph.incoming, self._forward) if graph.loops else self._forward

    def precede(self, name: str, reader: str, *, forward_only: bool = False) -> bool:
        """Return whether a path leads from a node to a reader."""
        before = self._forward if forward_only else self._any
        return bool(before[reader] & self._bits[name])

    def _before(
        self, incoming: Mapping[str, tuple[Edge, ...]], known: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Return a bit set for each node, from passes that repeat until they add nothing."""
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
