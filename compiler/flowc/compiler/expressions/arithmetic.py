"""Arithmetic, equality, order and membership of JSON values, and of moments."""

import operator
from collections.abc import Callable
from typing import Any

from flowc.compiler.expressions.budget import EvaluationBudget
from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.keys import index_of, key_of
from flowc.compiler.expressions.moments import computed_with_moments
from flowc.compiler.expressions.values import (
    MAX_ITEMS,
    TEMPORAL,
    bounded,
    kind_of,
    limited,
    number,
    require_few,
)


def add(left: Any, right: Any) -> Any:
    """Add two numbers, or join two texts or two lists.

    >>> add(1, 2), add("a", "b"), add([1], [2])
    (3, 'ab', [1, 2])
    """
    if isinstance(left, str) and isinstance(right, str):
        return limited(left + right)
    if isinstance(left, list) and isinstance(right, list):
        require_few(len(left) + len(right))
        return left + right
    return _computed(operator.add, left, right)


def subtract(left: Any, right: Any) -> Any:
    """Subtract two numbers, or moments."""
    return _computed(operator.sub, left, right)


def multiply(left: Any, right: Any) -> Any:
    """Multiply two numbers; unlike in Python, a text or list cannot be repeated."""
    return _computed(operator.mul, left, right)


def _computed(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if type(left) in TEMPORAL or type(right) in TEMPORAL:
        return computed_with_moments(operation, left, right)
    try:
        return bounded(operation(number(left), number(right)))
    except OverflowError:
        raise ExpressionError("the number is too large") from None


def _dividing(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def divide(left: Any, right: Any) -> Any:
        if type(right) not in TEMPORAL and number(right) == 0:
            raise ExpressionError("division by zero")
        return _computed(operation, left, right)

    return divide


divide = _dividing(operator.truediv)
floor_divide = _dividing(operator.floordiv)
remainder = _dividing(operator.mod)


def power(left: Any, right: Any) -> Any:
    """Raise a number to a power; raise ExpressionError before the result would be too large."""
    left, right = number(left), number(right)
    if isinstance(left, int) and isinstance(right, int) and right > 0:
        if abs(left) > 1 and left.bit_length() * right > 512:
            raise ExpressionError("the number is too large")
    elif left == 0 and right < 0:
        raise ExpressionError("division by zero")
    elif left < 0 and not float(right).is_integer():
        raise ExpressionError("a negative number has no such power")
    try:
        return bounded(left**right)
    except OverflowError:
        raise ExpressionError("the number is too large") from None


def equal(left: Any, right: Any) -> bool:
    """Compare two JSON values at any depth; 1 equals 1.0, and true does not equal 1.

    >>> equal([1], [1.0]), equal(1, True)
    (True, False)
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
    return bool(left == right)


def unequal(left: Any, right: Any) -> bool:
    """Return whether two values differ."""
    return not equal(left, right)


def equal_within(budget: EvaluationBudget, left: Any, right: Any) -> bool:
    """Compare two values as `equal` does, and count a step for each pair of lists or objects."""
    kind = type(left)
    if kind is not type(right) or (kind is not list and kind is not dict):
        return equal(left, right)
    if len(left) != len(right):
        return False
    budget.spend(1 + len(left))
    if kind is list:
        return all(equal_within(budget, one, other) for one, other in zip(left, right, strict=True))
    return left.keys() == right.keys() and all(
        equal_within(budget, left[key], right[key]) for key in left
    )


def _ordering(operation: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        kind = kind_of(left)
        if kind != kind_of(right) or kind not in _ORDERED:
            raise ExpressionError(f"{kind_of(left)} and {kind_of(right)} cannot be ordered")
        return operation(left, right)

    return compare


_ORDERED = frozenset({"number", "text", "moment", "date", "duration"})
less = _ordering(operator.lt)
less_or_equal = _ordering(operator.le)
greater = _ordering(operator.gt)
greater_or_equal = _ordering(operator.ge)

# Below this length, comparing the items one by one is faster than an index of them.
_SHORT = 8


def contains(container: Any, value: Any, budget: EvaluationBudget) -> bool:
    """Return whether a text, a list or the keys of an object contain a value.

    A list is indexed the first time, so that searching it again takes no longer if it is long.

    >>> budget = EvaluationBudget()
    >>> contains("Rome", "om", budget), contains([1, 2], 3, budget), contains({"a": 1}, "a", budget)
    (True, False, True)
    """
    if isinstance(container, str):
        if not isinstance(value, str):
            raise ExpressionError('the left side of "in" must be text if the right side is text')
        budget.spend(1 + (len(container) >> 6))
        return value in container
    if isinstance(container, list):
        if not _SHORT < len(container) <= MAX_ITEMS:
            budget.spend(len(container))
            return any(equal_within(budget, value, item) for item in container)
        return key_of(value, budget) in index_of(container, budget)
    if isinstance(container, dict):
        return isinstance(value, str) and value in container
    raise ExpressionError(f'"in" does not work on {kind_of(container)}')
