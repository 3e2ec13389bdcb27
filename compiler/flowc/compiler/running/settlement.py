"""Decides, when a node has run or was skipped, which edges settle and which nodes wake.

The rule:

- Every edge settles as live (the run takes it) or dead (the run can no longer take it).
- A node runs once, when all its incoming edges are settled and at least one is live (`join: any`)
  or all are (`join: all`). Otherwise it is skipped, and its own edges die.
- A race (`join: first`, `join: {at_least: 2}`) does not wait: it is decided as soon as enough of
  its edges are live, or can no longer be. Its other edges are then *spent*: nothing follows from
  them. `races` finds the nodes that no one needs any more.
- An edge that closes a loop is not waited for. Taking it begins the next turn, in which the edges
  on the loop are unsettled again.
- An edge out of a loop is live as soon as a turn takes it, and dead once the loop has ended and no
  turn took it.

The functions are pure: they read the wiring and the run's settled edges, and return what changes.

Example 1, a join. `route` chooses between `a` and `b`, and `join` follows both:

    route --true--> a --> join
    route --false-> b --> join

>>> from flowc.compiler.analysis.graph import Graph
>>> from flowc.compiler.definition import NodeDefinition
>>> from flowc.compiler.planning.wiring import wire_up
>>> yes, no = frozenset({"true"}), frozenset({"false"})
>>> edges = Edge("route", "a", yes), Edge("route", "b", no), Edge("a", "join"), Edge("b", "join")
>>> nodes = {name: NodeDefinition(id=name, type="x") for name in ("route", "a", "b", "join")}
>>> wiring = wire_up(Graph(nodes, edges, ("route",)))
>>> wires = wiring.wires

`route` chooses `true`. The edge to `a` is live. The edge to `b` is dead, and since `b` waits for
nothing else, it is skipped at once and its edge to `join` dies as well:

>>> after_route = settle(wiring, wires["route"], "true", {})
>>> after_route.edges, after_route.skipped, sorted(after_route.wake)
({'b->join': False}, ['b'], ['a', 'join'])

Only the edges into the join are recorded: those to `a` and `b` need no memory, because nothing else
is waited for there. `join` wakes and finds that `a->join` is open, so nothing happens:

>>> settled = merge_edges({}, [after_route.edges])
>>> arrive(wiring, wires["join"], settled).runs
False

`a` runs and wakes `join` again, which runs now. With `join: all` it would be skipped here.

>>> settled = merge_edges(settled, [settle(wiring, wires["a"], None, settled).edges])
>>> settled, arrive(wiring, wires["join"], settled).runs
({'b->join': False, 'a->join': True}, True)

Example 2, a loop with two nodes that leave it, so that neither can end a turn alone:

    begin --> work --> enough --false--> work      closes the loop
                       enough --true---> done      leaves it
              work --> note                        leaves it, too

The header `work` is woken after every node on the loop, and looks whether all edges of the turn
are settled; the table shows them.

| step                      | work->enough | work->note | enough->work | enough->done |
|---------------------------|--------------|------------|--------------|--------------|
| work runs, turn 1         | live         | live       |              |              |
| enough chooses `false`    | live         | live       | live         | held         |
| work: the turn is over    |              | live       |              |              |
| work runs, turn 2         | live         | live       |              |              |
| enough chooses `true`     | live         | live       | dead         | live         |
| work: the loop has ended  | live         | live       | dead         | live         |

`held` is dead so far: had the loop ended without any turn that takes `enough->done`, it would die
then, and `done` would be skipped. `work->note` stays live from turn 1 on, and `note` runs on each
turn that takes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.analysis.graph import Edge
from flowc.compiler.planning.wiring import Wire, WiredLoop, Wiring

# An edge is live (True), dead (False), dead so far in a loop that may take another turn (HELD), or
# spent, since the join that it leads to is decided (SPENT). An edge that is not among a run's edges
# is not settled.
HELD, SPENT = "held", "spent"
Edges = Mapping[str, Any]


def merge_edges(old: Edges, news: Sequence[Edges]) -> dict[str, Any]:
    """Return the edges with changes applied: None unsettles an edge, and a live edge stays live.

    Only SPENT is stronger than that.

    >>> merge_edges({"a->b": True, "b->c": True}, [{"a->b": False, "b->c": None, "c->d": "held"}])
    {'a->b': True, 'c->d': 'held'}
    """
    merged = dict(old)
    update_edges(merged, news)
    return merged


def update_edges(edges: dict[str, Any], news: Sequence[Edges]) -> None:
    """Apply changes to edges in place, by the rule of `merge_edges`."""
    for new in news:
        for key, value in new.items():
            if value is None:
                edges.pop(key, None)
            # Nodes that work at the same time do not see each other's changes: one that leaves an
            # exit dead must not undo that another took it.
            # A count of turns is 1 at first, which equals True.
            elif value == SPENT or (edges.get(key) is not True and edges.get(key) != SPENT):
                edges[key] = value


@dataclass
class Settlement:
    """What follows from one node: edges to record, nodes to wake, nodes that are skipped.

    `runs` means that the node itself runs now.
    """

    edges: dict[str, Any] = field(default_factory=dict)
    wake: dict[str, None] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    runs: bool = False


def arrive(wiring: Wiring, node: Wire, edges: Edges) -> Settlement:
    """Return what happens when a node is woken: it runs, is skipped, waits, or ends its loop."""
    loop = _coordinated_loop(wiring, node)
    if loop is not None and _has_begun(loop, node, edges):
        return _turn(wiring, loop, node, edges)
    # A closing edge begins a turn whatever the other edges are. It is unsettled again, so that it
    # counts once each time it is taken.
    closing = [edge.key for edge in node.closing if edges.get(edge.key) is True]
    if closing:
        return Settlement(edges=dict.fromkeys(closing), runs=True)
    # A node with one incoming edge is woken only when that edge is live.
    status = [edges.get(edge.key) for edge in node.incoming] if node.is_join else [True]
    if node.is_race:
        return _decide(wiring, node, status, edges)
    if not all(isinstance(settled, bool) for settled in status):
        return Settlement()
    if all(status) if node.join == "all" else any(status):
        return Settlement(runs=True)
    return _skip(wiring, node, edges)


def _decide(wiring: Wiring, node: Wire, status: Sequence[Any], edges: Edges) -> Settlement:
    """Decide a race, if enough of its edges are live, or too few can still be."""
    if SPENT in status:
        return Settlement()
    needed, live = node.quorum or 1, status.count(True)
    if live >= needed:
        return Settlement(edges=_spent(node, edges), runs=True)
    if len(status) - status.count(False) >= needed:
        return Settlement()
    result = _skip(wiring, node, edges)
    result.edges.update(_spent(node, edges))
    return result


def _spent(node: Wire, edges: Edges) -> dict[str, Any]:
    keys = [edge.key for edge in node.incoming]
    return {key: SPENT for key in keys if not isinstance(edges.get(key), bool)}


def settle(wiring: Wiring, node: Wire, branch: str | None, edges: Edges) -> Settlement:
    """Return what follows when a node has run and, if it branches, chose this branch."""
    live = {e for e in node.outgoing if e.branches is None or branch in e.branches}
    result = Settlement()
    turning = [
        loop
        for loop in wiring.loops_of[node.id]
        if loop.decider == node.id and any(edge in live for edge in loop.back)
    ]
    # This node alone decides that the loop turns: the edges of the turn are forgotten, and its
    # exits do not die yet, because a later turn may take them.
    for loop in turning:
        result.edges.update({e.key: None for e in loop.inside if e in wiring.tracked})
    held = {edge for loop in turning for edge in loop.exits}
    _spread(wiring, node, [(e, e in live) for e in node.outgoing], edges, held, result)
    return result


def _skip(wiring: Wiring, node: Wire, edges: Edges) -> Settlement:
    result = Settlement(skipped=[node.id])
    die(wiring, node, edges, result)
    return result


def die(wiring: Wiring, node: Wire, edges: Edges, result: Settlement) -> None:
    """Add to a settlement what follows when a node does not run: its edges are dead."""
    _spread(wiring, node, [(edge, False) for edge in node.outgoing], edges, set(), result)


def _spread(
    wiring: Wiring,
    decider: Wire,
    todo: list[tuple[Edge, bool]],
    edges: Edges,
    held: set[Edge],
    result: Settlement,
) -> None:
    """Settle edges, and along dead paths everything that follows, up to the next joins."""
    # In a loop without a decider, no node knows alone whether the turn is the last one: an exit not
    # taken is held, and the header is woken to look at all edges.
    coordinated = [loop for loop in wiring.loops_of[decider.id] if loop.decider is None]
    may_turn = {edge for loop in coordinated for edge in loop.exits}
    while todo:
        edge, is_live = todo.pop()
        if edges.get(edge.key) == SPENT:
            continue
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
    """Return the edges that die with this one; at a join, wake it instead, so that it decides."""
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
    # Not by its exits: one that was live on an earlier turn of a loop around this one stays so.
    inside = [edge for edge in node.outgoing if edge.target in loop.nodes]
    return any(edges.get(edge.key) is not None for edge in inside)


def _turn(wiring: Wiring, loop: WiredLoop, node: Wire, edges: Edges) -> Settlement:
    """Begin the next turn of the loop, end the loop, or wait until the turn is over."""
    if not _turn_is_over(wiring, loop, edges):
        return Settlement()
    if any(edges.get(edge.key) is True for edge in loop.back):
        again = [*loop.inside, *loop.back, *(e for e in loop.exits if edges.get(e.key) == HELD)]
        return Settlement(edges={edge.key: None for edge in again}, runs=True)
    return _end(wiring, loop, node, edges)


def _end(wiring: Wiring, loop: WiredLoop, node: Wire, edges: Edges) -> Settlement:
    """Let the exits die that no turn took, except those that a loop around this one still holds."""
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
    # All edges can be settled while an inner loop is about to turn again: not over yet.
    inner = {
        other
        for name in loop.nodes
        for other in wiring.loops_of[name]
        if other.nodes < loop.nodes and other.decider is None
    }
    return not any(edges.get(edge.key) is True for other in inner for edge in other.back)
