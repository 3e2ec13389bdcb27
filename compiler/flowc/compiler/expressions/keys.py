"""Keys of values: two values are equal if their keys are; so sets replace repeated comparisons."""

import json
from collections.abc import Hashable
from hashlib import blake2b
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
        return value if abs(value) < _LARGE else ("number", str(int(value)))
    if isinstance(value, (list, dict)):
        return ("inside", _digest(value, budget))
    found: Hashable = value
    return found


def _digest(value: Any, budget: EvaluationBudget) -> bytes:
    """Return a digest of a list or object; the key of a nested value would be as large as it is."""
    budget.spend(2 + 2 * len(value))
    if isinstance(value, list):
        parts = [b"[", *[_mark(item, budget) for item in value]]
    else:
        parts = [b"{"]
        for key in sorted(value):
            parts += (_mark(key, budget), _mark(value[key], budget))
    return blake2b(b",".join(parts), digest_size=20).digest()


def _mark(value: Any, budget: EvaluationBudget) -> bytes:
    if isinstance(value, (list, dict)):
        return b"#" + _digest(value, budget).hex().encode()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        budget.spend(len(value) >> 6)
    if value is None or isinstance(value, (bool, int, float, str)):
        return json.dumps(value).encode()
    return f"{type(value).__name__} {value}".encode()


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
