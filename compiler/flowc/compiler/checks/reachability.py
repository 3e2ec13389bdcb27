"""Checks that every node can be reached and every loop can end."""

from collections.abc import Iterator

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.loops import EdgeLoop
from flowc.compiler.diagnostics import Problem


def check_reachability(flow: Flow) -> Iterator[Problem]:
    """Yield the nodes that can never run, and the loops that can never end."""
    for name, node in flow.graph.nodes.items():
        if name not in flow.graph.reachable:
            message = f"{name!r} can never run: no path leads to it from the start of a run."
            hint = "Add an edge to it, or remove it."
            yield Problem("unreachable-node", message, node.at, hint)
    for outer in flow.graph.loops:
        for loop in outer.walk():
            if not _can_be_left(flow, loop):
                around = " → ".join([*sorted(loop.nodes - {loop.header})[:5], loop.header])
                message = f"The loop through {around} can never end."
                hint = "Add a conditional or a switch to the loop, with a branch that leaves it."
                yield Problem("endless-loop", message, flow.scope.nodes[loop.header].at, hint)


def _can_be_left(flow: Flow, loop: EdgeLoop) -> bool:
    """Return whether a node on the loop has a branch that does not stay on the loop."""
    for name in loop.nodes:
        branches = flow.branches.get(name, frozenset())
        inside = [edge for edge in flow.graph.outgoing[name] if edge.target in loop.nodes]
        if branches and all(edge.branches is not None for edge in inside):
            staying = set[str]().union(*(edge.branches or () for edge in inside))
            if branches - staying:
                return True
    return False
