"""Finds races: joins that do not wait for all their edges, and the nodes on the paths to them.

A node *races* if every way from it leads into such a join, so that no one may need it any more, and
if it is on a path of the join that others lead past:

    begin -> fast ---------> pick (first) -> done
    begin -> slow -> check -> pick

    fast, slow, check    race: if `fast` ends first, no one waits for `slow` and `check`
    begin                does not race, because all paths of the join come from it

An edge that is taken only on a failure does not keep its source: what is cancelled does not fail.
"""

from collections.abc import Iterable

from flowc.compiler.analysis.dominators import Dominators
from flowc.compiler.analysis.graph import ERROR, Edge, Graph

_BEGINNING = "<beginning>"


def race_joins(graph: Graph) -> frozenset[str]:
    """Return the nodes that are decided before all their edges have settled."""
    return frozenset(
        name
        for name, node in graph.nodes.items()
        if node.quorum is not None and len(graph.forward_incoming[name]) > 1
    )


def racing_nodes(graph: Graph) -> frozenset[str]:
    """Return the nodes that no one may need any more once a race is decided."""
    races = race_joins(graph)
    if not races:
        return frozenset()
    bound = graph.nodes.keys() - _free(graph, races)
    return frozenset(_on_paths(graph, races) & bound)


def is_for_failures(edge: Edge) -> bool:
    """Return whether an edge is taken only if its source fails."""
    return edge.branches is not None and edge.branches <= {ERROR}


def _free(graph: Graph, races: frozenset[str]) -> set[str]:
    """Return the nodes from which a way to the end of the run leads past all races."""

    def counts(edge: Edge) -> bool:
        is_in_race = edge.target in races and edge not in graph.back_edges
        return not is_in_race and not is_for_failures(edge)

    todo = [name for name in graph.nodes if all(map(is_for_failures, graph.outgoing[name]))]
    free = set(todo)
    while todo:
        for edge in graph.incoming[todo.pop()]:
            if counts(edge) and edge.source not in free:
                free.add(edge.source)
                todo.append(edge.source)
    return free


def _on_paths(graph: Graph, races: frozenset[str]) -> set[str]:
    """Return the nodes between the join of each race and the last node that all its paths pass."""
    found: set[str] = set()
    before = Dominators(_BEGINNING)
    for name in graph.order:
        sources = [edge.source for edge in graph.forward_incoming[name]]
        before.add(name, sources or [_BEGINNING])
        if name in races:
            found |= _between(graph, before.common(*sources), sources)
    return found


def _between(graph: Graph, start: str, ends: Iterable[str]) -> set[str]:
    todo = [name for name in ends if name != start]
    seen = set(todo)
    while todo:
        # What closes a loop comes from a node that is on the same paths.
        for edge in graph.incoming[todo.pop()]:
            if edge.source != start and edge.source not in seen:
                seen.add(edge.source)
                todo.append(edge.source)
    return seen


class Waits:
    """Which nodes have surely settled when another one begins: it waits for them.

    A node waits for what any of its edges waits for. A race waits only for what is before an edge
    of every set of edges that can decide it.
    """

    def __init__(self, graph: Graph) -> None:
        self._bits = {name: 1 << index for index, name in enumerate(graph.order)}
        self._before: dict[str, int] = {}
        for name in graph.order:
            self._before[name] = self._of(graph, name)

    def has_settled(self, name: str, reader: str) -> bool:
        """Return whether a node has run, or was skipped, whenever a reader begins."""
        return bool(self._before[reader] & self._bits[name])

    def _of(self, graph: Graph, name: str) -> int:
        sources = [e.source for e in graph.forward_incoming[name] if e.source in self._before]
        each = [self._before[source] | self._bits[source] for source in sources]
        quorum = graph.nodes[name].quorum
        # What this many edges wait for is before one of every `quorum` edges.
        return _in_at_least(1 if quorum is None else max(1, len(each) - quorum + 1), each)


def _in_at_least(count: int, sets: Iterable[int]) -> int:
    """Return the members of at least `count` of these bit sets.

    >>> bin(_in_at_least(2, [0b110, 0b011, 0b010]))
    '0b10'
    """
    found = [0] * count
    for each in sets:
        for index in reversed(range(1, count)):
            found[index] |= found[index - 1] & each
        found[0] |= each
    return found[-1]
