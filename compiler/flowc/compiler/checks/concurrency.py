"""Do nodes get in each other's way that can run at the same time?"""

from collections.abc import Iterator
from itertools import combinations

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.run_conditions import can_both_hold
from flowc.compiler.diagnostics import Problem


def check_concurrency(draft: Draft) -> Iterator[Problem]:
    """Yield the variables that several nodes set without any order between them."""
    writers: dict[str, list[str]] = {}
    for name in draft.graph.order:
        for variable in draft.writes(name):
            writers.setdefault(variable, []).append(name)
    for variable, names in writers.items():
        pair = next((p for p in combinations(names, 2) if _are_concurrent(draft, *p)), None)
        if pair is not None:
            first, second = pair
            message = f"{first!r} and {second!r} can set {variable!r} at the same time."
            hint = "Let an edge lead from one to the other, or use two variables."
            yield Problem("concurrent-writers", message, draft.nodes[second].at, hint)


def _are_concurrent(draft: Draft, one: str, other: str) -> bool:
    before = draft.ancestors.precede
    if before(one, other, forward_only=True) or before(other, one, forward_only=True):
        return False
    return can_both_hold(draft.conditions[one], draft.conditions[other])
