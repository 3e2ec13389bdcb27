"""Decides whether LangGraph's own edges express the joins and loops of a plan.

Plain edges do where at most one edge into a node is live, and a list of sources where all are live
together. Loops that a single node closes and leaves are plain edges as well.
"""

from itertools import combinations

from flowc.compiler.analysis.graph import Edge
from flowc.compiler.analysis.run_conditions import RunCondition, can_both_hold, taken
from flowc.compiler.planning.plan import Plan
from flowc.compiler.planning.wiring import Wire

Ways = dict[str, list[str]]


def can_be_drawn(plan: Plan) -> bool:
    """Return whether LangGraph's edges express a plan."""
    wiring = plan.wiring
    if any(loop.decider is None for loops in wiring.loops_of.values() for loop in loops):
        return False
    return all(_goes_one_way(wire) and _is_drawn(plan, wire) for wire in wiring.wires.values())


def ways_of(wire: Wire) -> Ways | None:
    """Return the nodes that each branch leads to; None if all edges are always taken."""
    if all(edge.branches is None for edge in wire.outgoing):
        return None
    branches = sorted({branch for edge in wire.outgoing for branch in edge.branches or ()})
    return {
        branch: [e.target for e in wire.outgoing if e.branches is None or branch in e.branches]
        for branch in branches
    }


def come_together(plan: Plan, edges: tuple[Edge, ...]) -> bool:
    """Return whether edges are live in the same runs, whenever their sources ran."""
    if len(edges) < 2 or any(edge.branches is not None for edge in edges):
        return False
    found = {_live(plan, edge) for edge in edges}
    return len(found) == 1 and None not in found


def _goes_one_way(wire: Wire) -> bool:
    """Return whether either all edges out of a node depend on its branch, or none."""
    return len({edge.branches is None for edge in wire.outgoing}) < 2


def _is_drawn(plan: Plan, wire: Wire) -> bool:
    if len(wire.incoming) < 2:
        return True
    if wire.is_race:
        return False
    if any(plan.wiring.loops_of.values()):
        # Edges that are live together in one turn may not be in another.
        return False
    return come_together(plan, wire.incoming) or _exclude_each_other(plan, wire)


def _exclude_each_other(plan: Plan, wire: Wire) -> bool:
    if wire.join == "all":
        return False
    found = [condition for edge in wire.incoming if (condition := _live(plan, edge)) is not None]
    are_known = len(found) == len(wire.incoming)
    return are_known and not any(can_both_hold(a, b) for a, b in combinations(found, 2))


def _live(plan: Plan, edge: Edge) -> RunCondition | None:
    return taken(plan.conditions.get(edge.source), edge)
