"""Works out how nodes are joined: who waits along which edges, and which edges a run remembers.

It depends on the graph alone, not on what the nodes do. An example, where `check` closes a loop:

    start -> draft -> check -> done
               ^        |
               +--------+   check -> draft closes the loop: it is a back edge

    draft    incoming: start->draft; closing: check->draft. It never waits for the back edge.
    check    decides the loop: the back edge and the only exit both leave it, so when `check` has
             run, the turn is over. Without such a decider, the loop's header looks whether all
             edges of the turn have settled.
    tracked  check->done, since it leaves a loop. start->draft and draft->check are not recorded:
             they have one meaning, "taken", and nothing waits for a second edge beside them.
    static   start, draft and done: woken, they always run, and continue in the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flowc.compiler.analysis.graph import Edge, Graph
from flowc.compiler.analysis.loops import EdgeLoop
from flowc.compiler.analysis.races import race_joins, racing_nodes
from flowc.compiler.definition import JoinRule


@dataclass(frozen=True)
class WiredLoop:
    """A loop, and what decides when a turn is over.

    With a `decider`, one node closes every turn and has every exit; without one, the header looks
    whether all edges of the turn have settled.
    """

    header: str
    nodes: frozenset[str]
    decider: str | None
    inside: tuple[Edge, ...]
    back: tuple[Edge, ...]
    exits: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Wire:
    """A node's edges; those of `closing` close a loop, and the node does not wait for them.

    With a `quorum`, the join is decided as soon as that many edges are live.

    A static node, once woken, always runs, settles the edges of `settles` and wakes the same nodes.
    """

    id: str
    join: JoinRule
    quorum: int | None
    incoming: tuple[Edge, ...]
    closing: tuple[Edge, ...]
    outgoing: tuple[Edge, ...]
    is_static: bool
    settles: Mapping[str, bool]

    @property
    def is_join(self) -> bool:
        """Whether the node has edges to wait for."""
        return len(self.incoming) > 1

    @property
    def is_race(self) -> bool:
        """Whether the node does not wait for all its edges."""
        return self.quorum is not None and self.is_join


@dataclass(frozen=True)
class Wiring:
    """How the nodes of a workflow or a body are joined; `order` has sources before targets.

    `races` are the joins that do not wait for all their edges, and `racers` the nodes on the paths
    to them, which no one may need any more.
    """

    wires: Mapping[str, Wire]
    entries: tuple[str, ...]
    back_edges: frozenset[Edge]
    tracked: frozenset[Edge]
    loops_of: Mapping[str, tuple[WiredLoop, ...]]
    order: tuple[str, ...]
    races: frozenset[str]
    racers: frozenset[str]


def wire_up(graph: Graph) -> Wiring:
    """Work out a graph's joins and loops."""
    loops = {
        loop.header: _wired_loop(loop, graph) for outer in graph.loops for loop in outer.walk()
    }
    loops_of = {
        name: tuple(loop for loop in loops.values() if name in loop.nodes) for name in graph.nodes
    }
    races, racers = race_joins(graph), racing_nodes(graph)
    tracked = frozenset(
        edge for edge in graph.edges if edge.target in racers or _is_tracked(edge, graph, loops_of)
    )
    wires = {
        name: _wire(name, graph, loops_of[name], tracked, races | racers) for name in graph.nodes
    }
    back = graph.back_edges
    return Wiring(wires, graph.entries, back, tracked, loops_of, graph.order, races, racers)


def _wired_loop(loop: EdgeLoop, graph: Graph) -> WiredLoop:
    leaving = [edge for name in sorted(loop.nodes) for edge in graph.outgoing[name]]
    back = tuple(e for e in leaving if e.target == loop.header)
    exits = tuple(e for e in leaving if e.target not in loop.nodes)
    inside = tuple(e for e in leaving if e not in back and e not in exits)
    deciders = {edge.source for edge in (*back, *exits)}
    decider = deciders.pop() if len(deciders) == 1 else None
    return WiredLoop(loop.header, loop.nodes, decider, inside, back, exits)


def _is_tracked(edge: Edge, graph: Graph, loops_of: Mapping[str, tuple[WiredLoop, ...]]) -> bool:
    """Return whether a run must remember how this edge settled."""
    if any(loop.decider is None for loop in loops_of[edge.source]):
        return True
    leaves = any(edge in loop.exits for loop in loops_of[edge.source])
    return leaves or len(graph.forward_incoming[edge.target]) > 1


def _wire(
    name: str,
    graph: Graph,
    loops: tuple[WiredLoop, ...],
    tracked: frozenset[Edge],
    racing: frozenset[str],
) -> Wire:
    outgoing = graph.outgoing[name]
    # An edge in a race may be one that no one waits for any more.
    is_fixed = racing.isdisjoint(edge.target for edge in outgoing)
    return Wire(
        id=name,
        join=graph.nodes[name].join,
        quorum=graph.nodes[name].quorum,
        incoming=graph.forward_incoming[name],
        closing=tuple(edge for edge in graph.incoming[name] if edge in graph.back_edges),
        outgoing=outgoing,
        is_static=is_fixed and _is_static(name, graph, loops),
        settles={edge.key: True for edge in outgoing if edge in tracked},
    )


def _is_static(name: str, graph: Graph, loops: tuple[WiredLoop, ...]) -> bool:
    """Return whether the node, once woken, always runs and always wakes the same nodes."""
    outgoing = graph.outgoing[name]
    decides = any(
        loop.decider is None or edge in loop.exits or edge in loop.back
        for loop in loops
        for edge in outgoing
    )
    branches = any(edge.branches is not None for edge in outgoing)
    return len(graph.forward_incoming[name]) < 2 and not decides and not branches
