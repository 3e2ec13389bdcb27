"""Estimates how much of something a run takes, such as model calls or money.

Nodes on branches that exclude each other are not added up: the estimate tries every combination of
branches, up to MAX_CHOICES.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import inf, prod

from flowc.compiler.analysis.run_conditions import RunCondition
from flowc.compiler.node import Effects
from flowc.compiler.planning.plan import Plan, PlannedNode

MAX_CHOICES = 4096

# At least and at most; infinite where nothing limits it.
Range = tuple[float, float]
Weigh = Callable[[Effects], Range]


def estimate(plan: Plan, weigh: Weigh) -> Range:
    """Return what one run takes; `weigh` returns what one attempt at a node takes."""
    each = {name: _of_node(plan, plan.nodes[name], weigh) for name in plan.wiring.order}
    heavy = {name: found for name, found in each.items() if found != (0, 0)}
    if not heavy:
        return 0, 0
    # Many nodes run under the same condition, and there are many choices.
    together: dict[RunCondition | None, Range] = {}
    for name, (fewest, highest) in heavy.items():
        condition = plan.conditions.get(name)
        least, most = together.get(condition, (0.0, 0.0))
        together[condition] = least + fewest, most + highest
    totals = [_total(together, choice) for choice in _choices(plan)]
    return min(least for least, _ in totals), max(most for _, most in totals)


def _of_node(plan: Plan, node: PlannedNode, weigh: Weigh) -> Range:
    """Return what a node takes in a run of its workflow in which it runs."""
    least, most = weigh(node.effects)
    if node.body is not None:
        fewest, times = node.body_runs
        inner = estimate(node.body, weigh)
        least += inner[0] * fewest
        most += _times(inner[1], inf if times is None else times)
    most = _times(most, node.retry.max_attempts)
    return least, _times(most, plan.most_runs(node.id))


def _times(amount: float, count: float) -> float:
    return amount * count if amount and count else 0


def _total(each: Mapping[RunCondition | None, Range], choice: Mapping[str, str] | None) -> Range:
    least = most = 0.0
    for condition, (fewest, highest) in each.items():
        if choice is None or condition is None:
            most += highest
        elif _holds(condition, choice):
            least += fewest
            most += highest
    return least, most


def _choices(plan: Plan) -> Iterator[Mapping[str, str] | None]:
    """Yield every combination of branches; None if there are too many."""
    branches = {name: sorted(node.branches) for name, node in plan.nodes.items() if node.branches}
    names = sorted(branches)
    if prod(len(branches[name]) for name in names) > MAX_CHOICES:
        yield None
        return
    for chosen in product(*(branches[name] for name in names)):
        yield dict(zip(names, chosen, strict=True))


def _holds(condition: RunCondition, choice: Mapping[str, str]) -> bool:
    return any(all(choice[node] == branch for node, branch in term) for term in condition)
