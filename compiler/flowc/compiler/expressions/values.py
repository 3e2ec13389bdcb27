"""Values in expressions: as text, in arithmetic, in comparisons, and as containers."""

import json
import math
import operator
from collections.abc import Callable
from typing import Any

MAX_TEXT = 1 << 20
MAX_ITEMS = 10_000
MAX_INTEGER = 1 << 256


class ExpressionError(ValueError):
    """The expression cannot be parsed or evaluated."""


class MissingValue(ExpressionError):
    """The expression reads a name, field or item that does not exist."""


def kind_of(value: Any) -> str:
    """Return the name of a value's type for messages.

    >>> kind_of("a"), kind_of(1.5), kind_of([]), kind_of(None)
    ('text', 'number', 'list', 'null')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return names.get(type(value), type(value).__name__)


def is_scalar(value: Any) -> bool:
    """Return whether a value contains no other values."""
    return value is None or isinstance(value, (bool, int, float, str))


def limited(text: str) -> str:
    """Return the text; raise ExpressionError if it is too long."""
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"the text is longer than {MAX_TEXT:,} characters")
    return text


def as_text(value: Any) -> str:
    """Return a value as it appears in a text: objects as JSON, null as nothing.

    >>> [as_text(value) for value in (None, True, 1.0, {"a": [1]})]
    ['', 'true', '1.0', '{"a":[1]}']
    """
    if isinstance(value, str):
        return limited(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return limited(to_json(value))


def to_json(value: Any) -> str:
    """Return a value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def number(value: Any) -> int | float:
    """Return the number; raise ExpressionError for anything else, true and false included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"{kind_of(value)} is not a number")
    return value


def text(value: Any) -> str:
    """Return the text; raise ExpressionError for anything else."""
    if not isinstance(value, str):
        raise ExpressionError(f"{kind_of(value)} is not text")
    return value


def bounded(value: Any) -> Any:
    """Return the number; raise ExpressionError if it is too large or not finite."""
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ExpressionError("the number is too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the number is too large")
    return value


def add(left: Any, right: Any) -> Any:
    """Add two numbers, or join two texts or two lists.

    >>> add(1, 2), add("a", "b"), add([1], [2])
    (3, 'ab', [1, 2])
    """
    if isinstance(left, str) and isinstance(right, str):
        return limited(left + right)
    if isinstance(left, list) and isinstance(right, list):
        if len(left) + len(right) > MAX_ITEMS:
            raise ExpressionError(f"the list has more than {MAX_ITEMS:,} items")
        return left + right
    return bounded(number(left) + number(right))


def subtract(left: Any, right: Any) -> Any:
    """Subtract two numbers."""
    return bounded(number(left) - number(right))


def multiply(left: Any, right: Any) -> Any:
    """Multiply two numbers; unlike in Python, a text or list cannot be repeated."""
    return bounded(number(left) * number(right))


def _dividing(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def divide(left: Any, right: Any) -> Any:
        left, right = number(left), number(right)
        if right == 0:
            raise ExpressionError("division by zero")
        return bounded(operation(left, right))

    return divide


divide = _dividing(operator.truediv)
floor_divide = _dividing(operator.floordiv)
remainder = _dividing(operator.mod)


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


def _ordering(operation: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        kinds = {kind_of(left), kind_of(right)}
        if kinds not in ({"number"}, {"text"}):
            raise ExpressionError(f"{kind_of(left)} and {kind_of(right)} cannot be ordered")
        return operation(left, right)

    return compare


less = _ordering(operator.lt)
less_or_equal = _ordering(operator.le)
greater = _ordering(operator.gt)
greater_or_equal = _ordering(operator.ge)


def contains(container: Any, value: Any) -> bool:
    """Return whether a text, a list or the keys of an object contain a value.

    >>> contains("Rome", "om"), contains([1, 2], 3), contains({"a": 1}, "a")
    (True, False, True)
    """
    if isinstance(container, str):
        if not isinstance(value, str):
            raise ExpressionError('the left side of "in" must be text if the right side is text')
        return value in container
    if isinstance(container, list):
        return any(equal(value, item) for item in container)
    if isinstance(container, dict):
        return isinstance(value, str) and value in container
    raise ExpressionError(f'"in" does not work on {kind_of(container)}')


def field_of(value: Any, key: Any) -> Any:
    """Return the field of an object or the item of a list; Python attributes are never read.

    >>> field_of({"a": 1}, "a"), field_of([1, 2], -1)
    (1, 2)
    """
    if isinstance(value, dict):
        if isinstance(key, str):
            if key.startswith("_"):
                raise ExpressionError(f"the field {key[:60]!r} is not allowed")
            if key in value:
                return value[key]
        raise MissingValue(f"there is no field {str(key)[:60]!r}")
    if isinstance(value, list):
        if isinstance(key, bool) or not isinstance(key, int):
            raise _no_field_of_list(key)
        if -len(value) <= key < len(value):
            return value[key]
        raise MissingValue(f"there is no item {str(key)[:20]}")
    raise MissingValue(f"{kind_of(value)} has no field {str(key)[:60]!r}")


def _no_field_of_list(key: Any) -> ExpressionError:
    return ExpressionError(f"list items are read by number, not by {str(key)[:60]!r}")
