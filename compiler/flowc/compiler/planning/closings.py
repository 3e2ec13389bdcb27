"""Finds the edges that close loops, and how many turns each allows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowc.compiler.analysis.graph import Edge, Graph
from flowc.compiler.analysis.loops import EdgeLoop
from flowc.compiler.definition import EdgeDefinition

DEFAULT_TURNS = 100


@dataclass(frozen=True, slots=True)
class Closing:
    """An edge that closes a loop; it begins at most `max_turns - 1` turns each time it is entered.

    `around` are the nodes of a turn in their order; `inner` are the names, in the state of a run,
    under which the turns of the loops inside of this one are counted.
    """

    edge: Edge
    max_turns: int
    around: tuple[str, ...]
    inner: tuple[str, ...] = ()

    @property
    def counted(self) -> str:
        """The name of the number of times that the edge was taken, in the state of a run."""
        return counted_as(self.edge)


def counted_as(edge: Edge) -> str:
    """Return the name under which a run counts how often an edge was taken."""
    return f"{edge.key}#"


def find_closings(
    graph: Graph, written: Sequence[EdgeDefinition], default: int | None
) -> Mapping[str, tuple[Closing, ...]]:
    """Return the closing edges that leave each node, for the nodes that have any."""
    bounds = written_bounds(written)
    found: dict[str, list[Closing]] = {}
    for loop in (inner for outer in graph.loops for inner in outer.walk()):
        names = tuple(counted_as(e) for each in loop.inner for e in _all_closing(each, graph))
        for edge in closing_edges(loop, graph):
            most = bounds.get((edge.source, edge.target), default or DEFAULT_TURNS)
            closing = Closing(edge, most, turn_of(loop, edge, graph), names)
            found.setdefault(edge.source, []).append(closing)
    return {name: tuple(closings) for name, closings in found.items()}


def written_bounds(edges: Sequence[EdgeDefinition]) -> dict[tuple[str, str], int]:
    """Return the least `max_turns` that is written for each pair of nodes."""
    bounds: dict[tuple[str, str], int] = {}
    for edge in edges:
        if edge.max_turns is not None:
            pair = edge.source, edge.target
            bounds[pair] = min(edge.max_turns, bounds.get(pair, edge.max_turns))
    return bounds


def closing_edges(loop: EdgeLoop, graph: Graph) -> tuple[Edge, ...]:
    """Return the edges that close a loop."""
    return tuple(edge for edge in graph.incoming[loop.header] if edge.source in loop.nodes)


def turn_of(loop: EdgeLoop, closing: Edge, graph: Graph) -> tuple[str, ...]:
    """Return the nodes of a shortest turn, from the loop's header to where this edge leaves."""
    before: dict[str, str] = {}
    todo = [loop.header]
    for name in todo:
        if name == closing.source:
            break
        for edge in graph.outgoing[name]:
            if edge.target in loop.nodes and edge.target not in {loop.header, *before}:
                before[edge.target] = name
                todo.append(edge.target)
    way = [closing.source]
    while way[-1] in before:
        way.append(before[way[-1]])
    return tuple(reversed(way))


def _all_closing(loop: EdgeLoop, graph: Graph) -> Iterator[Edge]:
    for each in loop.walk():
        yield from closing_edges(each, graph)
