"""Keys of values: two values are equal if their keys are; so sets replace repeated comparisons."""

from collections.abc import Hashable
from typing import Any

from flowc.compiler.expressions.budget import EvaluationBudget

_TRUE, _FALSE = ("true",), ("false",)
# From here on Python gives many whole numbers one hash, and a set of them would be slow.
_LARGE = 1 << 53


def key_of(value: Any, budget: EvaluationBudget) -> Hashable:
    """Return a hashable key: 1 and 1.0 have the same, 1 and true do not.

    >>> key_of([1, {"a": 2}], EvaluationBudget()) == key_of([1.0, {"a": 2.0}], EvaluationBudget())
    True
    >>> key_of(1, EvaluationBudget()) == key_of(True, EvaluationBudget())
    False
    """
    if value is True:
        return _TRUE
    if value is False:
        return _FALSE
    if isinstance(value, (int, float)):
        return value if abs(value) < _LARGE else _key_of_large(value)
    if isinstance(value, list):
        budget.spend(1 + len(value))
        return ("list", *[key_of(item, budget) for item in value])
    if isinstance(value, dict):
        budget.spend(1 + len(value))
        return frozenset([(key, key_of(item, budget)) for key, item in value.items()])
    return value if value is None else _hashable(value)


def _key_of_large(value: int | float) -> Hashable:
    return ("number", str(int(value)))


def _hashable(value: Any) -> Hashable:
    found: Hashable = value
    return found


def index_of(items: list[Any], budget: EvaluationBudget) -> frozenset[Hashable]:
    """Return the keys of a list's items; they are computed once in an evaluation."""
    # Few, so that lists which an expression makes again and again are not all kept.
    if budget.indexes is None or len(budget.indexes) > 32:
        budget.indexes = {}
    known = budget.indexes.get(id(items))
    if known is None:
        budget.spend(len(items))
        # With the list itself, so that no other list can get its `id`.
        known = items, frozenset([key_of(item, budget) for item in items])
        budget.indexes[id(items)] = known
    found: frozenset[Hashable] = known[1]
    return found
