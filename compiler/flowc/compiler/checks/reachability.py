"""Can every node be reached, and can every loop be left?"""

from collections.abc import Iterator

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.loops import Loop
from flowc.compiler.diagnostics import Problem


def check_reachability(draft: Draft) -> Iterator[Problem]:
    """Yield the nodes that never run, and the loops that never end."""
    for name, node in draft.graph.nodes.items():
        if name not in draft.graph.reachable:
            message = f"{name!r} can never run: no edge leads to it from where a run begins."
            hint = "Add an edge that leads to it, or take it out."
            yield Problem("unreachable-node", message, node.at, hint)
    for outer in draft.graph.loops:
        for loop in outer.walk():
            if not _can_be_left(draft, loop):
                around = " → ".join([*sorted(loop.nodes - {loop.header})[:5], loop.header])
                message = f"Nothing can end the loop that goes round {around}."
                hint = "Let a conditional or a switch on it lead out of it."
                yield Problem("endless-loop", message, draft.nodes[loop.header].at, hint)


def _can_be_left(draft: Draft, loop: Loop) -> bool:
    """Say whether some branch of a node on the loop does not lead on along the loop."""
    for name in loop.nodes:
        branches = draft.branches.get(name, frozenset())
        inside = [edge for edge in draft.graph.outgoing[name] if edge.target in loop.nodes]
        if branches and all(edge.branches is not None for edge in inside):
            staying = set[str]().union(*(edge.branches or () for edge in inside))
            if branches - staying:
                return True
    return False
