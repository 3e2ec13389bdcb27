"""How much of something does a run take, at least and at most: model calls, for instance, or money?

Nodes on branches that exclude each other do not count together: every way in which the branching
nodes can choose is gone through, as long as there are not too many.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import inf, prod

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.run_conditions import Condition
from flowc.compiler.node import Effects
from flowc.compiler.reports.forecast import body_runs, effects_of

MAX_CHOICES = 4096

# At least and at most; infinite where nothing limits it.
Range = tuple[float, float]
Weigh = Callable[[Effects], Range]


def estimate(draft: Draft, weigh: Weigh) -> Range:
    """Return what one run takes, where `weigh` says what one attempt at a node takes."""
    each = {name: _of_node(draft, name, weigh) for name in draft.graph.order}
    heavy = {name: found for name, found in each.items() if found != (0, 0)}
    if not heavy:
        return 0, 0
    totals = [_total(draft, heavy, choice) for choice in _choices(draft)]
    return min(least for least, _ in totals), max(most for _, most in totals)


def _of_node(draft: Draft, name: str, weigh: Weigh) -> Range:
    """Return what a node takes in a run of its workflow in which it runs."""
    node, body = draft.nodes[name], draft.inside(name)
    least, most = weigh(effects_of(draft, name))
    if body is not None:
        fewest, times = body_runs(draft, name)
        inner = estimate(body, weigh)
        least += inner[0] * fewest
        most += _times(inner[1], inf if times is None else times)
    retry = node.retry or draft.whole.workflow.settings.retry
    most = _times(most, retry.max_attempts if retry is not None else 1)
    on_loop = any(name in loop.nodes for loop in draft.graph.loops)
    return least, _times(most, inf if on_loop else 1)


def _times(amount: float, count: float) -> float:
    return amount * count if amount and count else 0


def _total(draft: Draft, each: Mapping[str, Range], choice: Mapping[str, str] | None) -> Range:
    least = most = 0.0
    for name, (fewest, highest) in each.items():
        condition = draft.conditions.get(name)
        if choice is None or condition is None:
            most += highest
        elif _holds(condition, choice):
            least += fewest
            most += highest
    return least, most


def _choices(draft: Draft) -> Iterator[Mapping[str, str] | None]:
    """Yield every way in which the branching nodes can choose; None where there are too many."""
    names = sorted(draft.branches)
    if prod(len(draft.branches[name]) for name in names) > MAX_CHOICES:
        yield None
        return
    for chosen in product(*(sorted(draft.branches[name]) for name in names)):
        yield dict(zip(names, chosen, strict=True))


def _holds(condition: Condition, choice: Mapping[str, str]) -> bool:
    return any(all(choice[node] == branch for node, branch in term) for term in condition)
