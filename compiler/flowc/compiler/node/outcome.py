"""What a node returns, and what a run of its body returns."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Json = Any
NOTHING: Mapping[Any, Any] = MappingProxyType({})
# What was spent: `cost` in US dollars, `total_tokens`, `calls` of models, …
NodeUsage = Mapping[str, float]


class Outcome(NamedTuple):
    """What a node returns when an output alone does not say it all.

    `variables` are the workflow variables that it sets, `usage` is what it spent and did not record
    with `context.add_usage` (`cost` in US dollars, `total_tokens`, …). `error` marks a failure
    after which the workflow continues; node types do not set it.
    """

    output: Json
    branch: str | None = None
    variables: Mapping[str, Json] = NOTHING
    usage: NodeUsage = NOTHING
    error: Mapping[str, Json] | None = None


def total_usage(usages: Iterable[NodeUsage]) -> dict[str, float]:
    """Return the sum of usages, name by name.

    >>> total_usage([{"calls": 1, "cost": 0.5}, {"calls": 2}])
    {'calls': 3, 'cost': 0.5}
    """
    total: dict[str, float] = {}
    for usage in usages:
        for name, amount in usage.items():
            total[name] = total.get(name, 0) + amount
    return total


class BodyResult(NamedTuple):
    """The result of one run of a body: its output, its nodes' outputs by id, and its variables."""

    output: Json
    outputs: Mapping[str, Json]
    variables: Mapping[str, Json]
