"""Which kinds of values the operators work on, found by trying each on a value of every kind."""

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import Any

from flowc.compiler.expressions import ExpressionError, arithmetic
from flowc.compiler.expressions.budget import EvaluationBudget
from flowc.compiler.expressions.fields import Joiner, Namespace
from flowc.compiler.expressions.loops import ForLoop
from flowc.compiler.expressions.values import kind_of
from flowc.compiler.inspection.possible import Possible

# Whether an operator works depends on the kinds alone, as long as nothing is 0 or too large.
_SAMPLES: Mapping[str, Callable[[], Any]] = {
    "null": lambda: None,
    "boolean": lambda: True,
    "number": lambda: 2,
    "text": lambda: "a",
    "list": lambda: [1],
    "object": lambda: {"a": 1},
    "moment": lambda: datetime(2026, 1, 2, tzinfo=UTC),
    "date": lambda: date(2026, 1, 2),
    "duration": lambda: timedelta(hours=1),
    "namespace": lambda: Namespace({}),
    "joiner": lambda: Joiner(""),
    "loop": lambda: ForLoop([]),
}


def _contains(left: Any, right: Any) -> bool:
    return arithmetic.contains(right, left, EvaluationBudget())


_OPERATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": arithmetic.add,
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
    "//": arithmetic.floor_divide,
    "%": arithmetic.remainder,
    "**": arithmetic.power,
    "<": arithmetic.less,
    "<=": arithmetic.less_or_equal,
    ">": arithmetic.greater,
    ">=": arithmetic.greater_or_equal,
    "in": _contains,
    "not in": _contains,
}

# What cannot be done with values of the wrong kinds, as messages say it.
VERBS: Mapping[str, str] = {
    "+": "added", "-": "subtracted", "*": "multiplied", "/": "divided", "//": "divided",
    "%": "divided", "**": "raised to a power", "<": "ordered", "<=": "ordered", ">": "ordered",
    ">=": "ordered",
}  # fmt: skip

_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_UNBOUNDED = float("inf")


@lru_cache(2048)
def result_kinds(sign: str, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    """Return the kinds of the results, none if the operator never works on such values.

    >>> result_kinds("+", frozenset({"text", "null"}), frozenset({"text", "number"}))
    frozenset({'text'})
    >>> result_kinds("<", frozenset({"text"}), frozenset({"number"}))
    frozenset()
    """
    found = {_result_kind(sign, *pair) for pair in product(left, right)}
    return frozenset(kind for kind in found if kind is not None)


@lru_cache(None)
def _result_kind(sign: str, left: str, right: str) -> str | None:
    try:
        return kind_of(_OPERATIONS[sign](_SAMPLES[left](), _SAMPLES[right]()))
    except ExpressionError:
        return None


def ordered_by_bounds(sign: str, left: Possible, right: Possible) -> bool | None:
    """Return whether all of some numbers are in an order with all others, if that is certain.

    >>> percent = Possible(frozenset({"number"}), None, 0, 100)
    >>> over = Possible(frozenset({"number"}), None, 101, None)
    >>> ordered_by_bounds("<", percent, over), ordered_by_bounds(">", percent, percent)
    (True, None)
    """
    if not left.kinds | right.kinds <= {"number"}:
        return None
    holds, (low, high), (least, most) = _HOLDS[sign], _bounds(left), _bounds(right)
    # An order that holds at both far ends, or at neither, is the same for all pairs.
    found = {holds(low, most), holds(high, least)}
    return found.pop() if len(found) == 1 else None


def are_apart(left: Possible, right: Possible) -> bool:
    """Return whether no value of one can be equal to one of the other."""
    if not left.kinds & right.kinds:
        return bool(left.kinds and right.kinds)
    if left.values is not None and right.values is not None:
        return not any(arithmetic.equal(a, b) for a in left.values for b in right.values)
    if left.kinds & right.kinds <= {"number"}:
        (low, high), (least, most) = _bounds(left), _bounds(right)
        return high < least or most < low
    return False


def _bounds(found: Possible) -> tuple[float, float]:
    least = -_UNBOUNDED if found.least is None else found.least
    return least, _UNBOUNDED if found.most is None else found.most
