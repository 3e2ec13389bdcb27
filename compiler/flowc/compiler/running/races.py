"""Finds the nodes that no one needs when a race is decided, or when one of its paths fails.

Example: `pick` has `join: first`, and `note` follows `slow`, too:

    begin --> fast ----------> pick
    begin --> slow --> check-> pick
              slow --> note

When `fast` ends, `pick` is decided, and `check->pick` is spent. So no one needs `check`, which is
skipped. `slow` continues, because `note` waits for it. Without `note`, it would be cancelled.

>>> from flowc.compiler.analysis.graph import Edge, Graph
>>> from flowc.compiler.definition import NodeDefinition
>>> from flowc.compiler.planning.wiring import wire_up
>>> def decided(*pairs):
...     edges = tuple(Edge(*pair.split(">")) for pair in pairs)
...     ids = {name: "any" for edge in edges for name in (edge.source, edge.target)}
...     joins = {**ids, "pick": "first"}
...     nodes = {id: NodeDefinition(id=id, type="x", join=join) for id, join in joins.items()}
...     wiring = wire_up(Graph(nodes, edges, ("begin",)))
...     return unneeded(wiring, ["check"], {"fast->pick": True, "check->pick": SPENT})
>>> race = "begin>fast", "fast>pick", "begin>slow", "slow>check", "check>pick"
>>> decided(*race), decided(*race, "slow>note")
(['check', 'slow'], ['check'])
"""

from collections.abc import Iterable, Sequence

from flowc.compiler.analysis.races import is_for_failures
from flowc.compiler.planning.wiring import Wire, Wiring
from flowc.compiler.running.settlement import HELD, SPENT, Edges, Settlement, die


def is_decided(race: Wire, edges: Edges) -> bool:
    """Return whether a race is decided: by some of its edges, or because all have settled."""
    status = [edges.get(edge.key) for edge in race.incoming]
    return SPENT in status or all(isinstance(settled, bool) for settled in status)


def sources_of_spent(
    wiring: Wiring, targets: Iterable[str], news: Edges, edges: Edges
) -> list[str]:
    """Return the sources of the edges to these nodes that these news spend."""
    return [
        edge.source
        for name in targets
        for edge in wiring.wires[name].incoming
        if news.get(edge.key) == SPENT and edges.get(edge.key) != SPENT
    ]


def unneeded(wiring: Wiring, sources: Iterable[str], edges: Edges) -> list[str]:
    """Return the nodes among and before these that are to run, and that no one waits for any more.

    An edge of each of the sources was spent just now, before it had settled.
    """
    todo = list(sources)
    found: dict[str, None] = {}
    while todo:
        name = todo.pop()
        if name in found or name not in wiring.racers:
            continue
        found[name] = None
        # What has settled its edge has run in this turn.
        incoming = wiring.wires[name].incoming
        todo += [e.source for e in incoming if edges.get(e.key) in {None, HELD}]
    return [name for name in found if not _is_needed(wiring, name, edges)]


def _is_needed(wiring: Wiring, name: str, edges: Edges) -> bool:
    """Return whether a way leads from a node past all decided races."""
    todo, seen = [name], {name}
    while todo:
        for edge in wiring.wires[todo.pop()].outgoing:
            if edges.get(edge.key) == SPENT or is_for_failures(edge):
                continue
            if edge.target in wiring.races and edge not in wiring.back_edges:
                if not is_decided(wiring.wires[edge.target], edges):
                    return True
            elif edge.target not in wiring.racers:
                return True
            elif edge.target not in seen:
                seen.add(edge.target)
                todo.append(edge.target)
    return False


def failed_path(wiring: Wiring, name: str, edges: Edges) -> list[str]:
    """Return a node that failed and all after it up to races that others can still decide.

    There are none if the node is on no path of a race: its failure is then one of the run.
    """
    if name not in wiring.racers:
        return []
    todo, found = [name], {name: None}
    while todo:
        for edge in wiring.wires[todo.pop()].outgoing:
            is_in_race = edge.target in wiring.races and edge not in wiring.back_edges
            is_over = edges.get(edge.key) == SPENT or is_for_failures(edge)
            if not (is_in_race or is_over or edge.target in found):
                if edge.target not in wiring.racers:
                    return []
                found[edge.target] = None
                todo.append(edge.target)
    return list(found)


def races_after(wiring: Wiring, name: str) -> frozenset[str]:
    """Return the races that a node on the path of one can decide, directly or through others."""
    todo, seen = [name], {name}
    while todo:
        here = todo.pop()
        for edge in wiring.wires[here].outgoing if here in wiring.racers else ():
            if edge.target not in seen:
                seen.add(edge.target)
                todo.append(edge.target)
    return wiring.races & (seen - {name})


def as_decided(race: Wire, live: Sequence[str], edges: Edges) -> Settlement:
    """Decide a race as it was decided before: by the edges from these nodes, once they are live."""
    winning = [edge for edge in race.incoming if edge.source in live]
    if not all(edges.get(edge.key) is True for edge in winning):
        return Settlement()
    others = [e.key for e in race.incoming if e not in winning and edges.get(e.key) is not False]
    return Settlement(edges=dict.fromkeys(others, SPENT), runs=True)


def withdrawn(wiring: Wiring, names: Sequence[str], edges: Edges) -> Settlement:
    """Return what follows when these nodes do not run any more, except that they are skipped."""
    result, gone = Settlement(), set(names)
    for name in names:
        for edge in wiring.wires[name].incoming:
            if edge.source in gone or not isinstance(edges.get(edge.key), bool):
                result.edges[edge.key] = SPENT
        for loop in wiring.loops_of[name]:
            # Without this node, the loop that it is on does not turn again.
            back = [edge for edge in loop.back if edge in wiring.tracked]
            result.edges.update((edge.key, SPENT) for edge in back)
    inner = {**edges, **result.edges}
    for name in names:
        die(wiring, wiring.wires[name], inner, result)
    for name in gone:
        result.wake.pop(name, None)
    return result
