"""When a node has run or been skipped: which edges settle, and whom does that wake?

Every edge settles as live or dead. A node runs once, when all its incoming edges are settled and
at least one is live (`join: any`) or all are (`join: all`); otherwise it is skipped and its own
edges die. The edges that close a loop are not waited for; taking one begins a turn, in which the
edges on the loop are unsettled again. An edge out of a loop is live as soon as a turn takes it,
and dead once the loop has ended and no turn took it.

Pure functions over the wiring and a run's settled edges; a dead path is settled at once, by the
node that decided, as far as the next join.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.analysis.graph import Edge
from flowc.compiler.planning.wiring import Wire, WiredLoop, Wiring

# An edge is live (True), dead (False), or dead so far in a loop that may take another turn.
HELD = "held"
Edges = Mapping[str, Any]


def merge_edges(old: Edges, news: Sequence[Edges]) -> dict[str, Any]:
    """Return the edges with news of some of them; None unsettles, and live is not made dead."""
    merged = dict(old)
    update_edges(merged, news)
    return merged


def update_edges(edges: dict[str, Any], news: Sequence[Edges]) -> None:
    """Put news of some edges in their place, by the rule of `merge_edges`."""
    for new in news:
        for key, value in new.items():
            if value is None:
                edges.pop(key, None)
            elif edges.get(key) is not True:
                edges[key] = value


@dataclass
class Settlement:
    """What follows from one node: edges to record, nodes to wake, nodes that are skipped."""

    edges: dict[str, Any] = field(default_factory=dict)
    wake: dict[str, None] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    runs: bool = False


def arrive(wiring: Wiring, node: Wire, edges: Edges) -> Settlement:
    """Say what happens when a node is woken: it runs, is skipped, waits, or ends its loop."""
    loop = _coordinated_loop(wiring, node)
    if loop is not None and _has_begun(loop, node, edges):
        return _turn(wiring, loop, node, edges)
    closing = [edge.key for edge in node.closing if edges.get(edge.key) is True]
    if closing:
        return Settlement(edges=dict.fromkeys(closing), runs=True)
    status = [edges.get(edge.key) for edge in node.incoming] if node.is_join else [True]
    if not all(isinstance(settled, bool) for settled in status):
        return Settlement()
    if all(status) if node.join == "all" else any(status):
        return Settlement(runs=True)
    return _skip(wiring, node, edges)


def settle(wiring: Wiring, node: Wire, branch: str | None, edges: Edges) -> Settlement:
    """Say what follows when a node has run, and chose this branch if it branches."""
    live = {e for e in node.outgoing if e.branches is None or branch in e.branches}
    result = Settlement()
    turning = [
        loop
        for loop in wiring.loops_of[node.id]
        if loop.decider == node.id and any(edge in live for edge in loop.back)
    ]
    for loop in turning:
        result.edges.update({e.key: None for e in loop.inside if e in wiring.tracked})
    held = {edge for loop in turning for edge in loop.exits}
    _spread(wiring, node, [(e, e in live) for e in node.outgoing], edges, held, result)
    return result


def _skip(wiring: Wiring, node: Wire, edges: Edges) -> Settlement:
    result = Settlement(skipped=[node.id])
    _spread(wiring, node, [(edge, False) for edge in node.outgoing], edges, set(), result)
    return result


def _spread(
    wiring: Wiring,
    decider: Wire,
    todo: list[tuple[Edge, bool]],
    edges: Edges,
    held: set[Edge],
    result: Settlement,
) -> None:
    """Settle edges, and along dead paths what follows from them, up to the next joins."""
    coordinated = [loop for loop in wiring.loops_of[decider.id] if loop.decider is None]
    may_turn = {edge for loop in coordinated for edge in loop.exits}
    while todo:
        edge, is_live = todo.pop()
        if is_live:
            _record(wiring, edge, True, result)
            result.wake[edge.target] = None
        elif edge in wiring.back_edges:
            _record(wiring, edge, False, result)
        elif edge in held or edges.get(edge.key) is True:
            continue
        elif edge in may_turn:
            result.edges[edge.key] = HELD
        else:
            _record(wiring, edge, False, result)
            todo += [(following, False) for following in _die(wiring, edge, result)]
    result.wake.update(dict.fromkeys(loop.header for loop in coordinated))


def _die(wiring: Wiring, edge: Edge, result: Settlement) -> tuple[Edge, ...]:
    """Return the edges that die with this one, or wake the join that has to look."""
    target = wiring.wires[edge.target]
    if target.is_join:
        result.wake[target.id] = None
        return ()
    result.skipped.append(target.id)
    return target.outgoing


def _record(wiring: Wiring, edge: Edge, value: bool, result: Settlement) -> None:
    if edge in wiring.tracked:
        result.edges[edge.key] = value


def _coordinated_loop(wiring: Wiring, node: Wire) -> WiredLoop | None:
    for loop in wiring.loops_of[node.id]:
        if loop.header == node.id and loop.decider is None:
            return loop
    return None


def _has_begun(loop: WiredLoop, node: Wire, edges: Edges) -> bool:
    return any(edges.get(edge.key) is not None for edge in node.outgoing)


def _turn(wiring: Wiring, loop: WiredLoop, node: Wire, edges: Edges) -> Settlement:
    """Begin the loop's next turn, end it, or wait for the turn to be over."""
    if not _turn_is_over(wiring, loop, edges):
        return Settlement()
    if any(edges.get(edge.key) is True for edge in loop.back):
        again = [*loop.inside, *loop.back, *(e for e in loop.exits if edges.get(e.key) == HELD)]
        return Settlement(edges={edge.key: None for edge in again}, runs=True)
    return _end(wiring, loop, node, edges)


def _end(wiring: Wiring, loop: WiredLoop, node: Wire, edges: Edges) -> Settlement:
    """Let the exits die that no turn took, unless a loop round this one still holds them."""
    result = Settlement()
    outer = [
        other for other in wiring.loops_of[node.id] if other.decider is None and other is not loop
    ]
    still_held = {edge for other in outer for edge in other.exits}
    todo = [e for e in loop.exits if edges.get(e.key) == HELD and e not in still_held]
    while todo:
        edge = todo.pop()
        if edge in wiring.back_edges:
            result.edges[edge.key] = False
        elif edges.get(edge.key) is not True:
            result.edges[edge.key] = False
            todo += _die(wiring, edge, result)
    result.wake.update(dict.fromkeys(other.header for other in outer))
    return result


def _turn_is_over(wiring: Wiring, loop: WiredLoop, edges: Edges) -> bool:
    every = (*loop.inside, *loop.back, *loop.exits)
    if any(edges.get(edge.key) is None for edge in every):
        return False
    inner = {
        other
        for name in loop.nodes
        for other in wiring.loops_of[name]
        if other.nodes < loop.nodes and other.decider is None
    }
    return not any(edges.get(edge.key) is True for other in inner for edge in other.back)
