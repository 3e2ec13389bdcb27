"""Can LangGraph's own edges say what the joins and loops of a graph mean?

Plain edges do where at most one of those into a node is live, and a list of sources where all are
live together. Loops that one node closes and leaves are plain edges, too.
"""

from itertools import combinations

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.graph import Edge
from flowc.compiler.analysis.run_conditions import Condition, can_both_hold, taken
from flowc.compiler.planning.wiring import Wire, Wiring

Ways = dict[str, list[str]]


def can_be_drawn(draft: Draft, wiring: Wiring) -> bool:
    """Say whether LangGraph's edges express a graph."""
    if any(loop.decider is None for loops in wiring.loops_of.values() for loop in loops):
        return False
    return all(_goes_one_way(wire) and _is_drawn(draft, wire) for wire in wiring.wires.values())


def ways_of(wire: Wire) -> Ways | None:
    """Return where each branch of a node leads; None if it goes on in the same way ever."""
    if all(edge.branches is None for edge in wire.outgoing):
        return None
    branches = sorted({branch for edge in wire.outgoing for branch in edge.branches or ()})
    return {
        branch: [e.target for e in wire.outgoing if e.branches is None or branch in e.branches]
        for branch in branches
    }


def come_together(draft: Draft, edges: tuple[Edge, ...]) -> bool:
    """Say whether edges are live in the same runs, and always when their sources ran."""
    if len(edges) < 2 or any(edge.branches is not None for edge in edges):
        return False
    found = {_live(draft, edge) for edge in edges}
    return len(found) == 1 and None not in found


def _goes_one_way(wire: Wire) -> bool:
    """Say whether either all ways out of a node depend on its branch, or none."""
    return len({edge.branches is None for edge in wire.outgoing}) < 2


def _is_drawn(draft: Draft, wire: Wire) -> bool:
    if len(wire.incoming) < 2:
        return True
    if draft.graph.loops:
        # What is live together in one turn need not be so in another.
        return False
    return come_together(draft, wire.incoming) or _exclude_each_other(draft, wire)


def _exclude_each_other(draft: Draft, wire: Wire) -> bool:
    if wire.join == "all":
        return False
    found = [condition for edge in wire.incoming if (condition := _live(draft, edge)) is not None]
    are_known = len(found) == len(wire.incoming)
    return are_known and not any(can_both_hold(a, b) for a, b in combinations(found, 2))


def _live(draft: Draft, edge: Edge) -> Condition | None:
    return taken(draft.conditions.get(edge.source), edge)
