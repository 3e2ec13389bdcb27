"""How do values behave: as text, in arithmetic, in comparisons, as containers?"""

import json
import math
import operator
from collections.abc import Callable
from typing import Any

MAX_TEXT = 1 << 20
MAX_ITEMS = 10_000
MAX_INTEGER = 1 << 256


class ExpressionError(ValueError):
    """Whoever writes an expression that cannot be read or evaluated meets this."""


class MissingValue(ExpressionError):
    """Whoever reads a name, field or item that is not there meets this."""


def kind_of(value: Any) -> str:
    """Name a value's type in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return names.get(type(value), type(value).__name__)


def is_scalar(value: Any) -> bool:
    """Say whether a value holds no other values."""
    return value is None or isinstance(value, (bool, int, float, str))


def limited(text: str) -> str:
    """Return the text unless it is larger than the limit."""
    if len(text) > MAX_TEXT:
        raise ExpressionError("the text is larger than the limit")
    return text


def as_text(value: Any) -> str:
    """Return a value as it stands in a text: objects as JSON, null as nothing."""
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
    """Return a number, or raise: true and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"{kind_of(value)} is not a number")
    return value


def text(value: Any) -> str:
    """Return a text, or raise."""
    if not isinstance(value, str):
        raise ExpressionError(f"{kind_of(value)} is not text")
    return value


def bounded(value: Any) -> Any:
    """Return a number unless it is too large, or not finite."""
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ExpressionError("the number is larger than the limit")
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the number is larger than the limit")
    return value


def add(left: Any, right: Any) -> Any:
    """Add numbers, or join two texts or two lists."""
    if isinstance(left, str) and isinstance(right, str):
        return limited(left + right)
    if isinstance(left, list) and isinstance(right, list):
        if len(left) + len(right) > MAX_ITEMS:
            raise ExpressionError("the list is larger than the limit")
        return left + right
    return bounded(number(left) + number(right))


def subtract(left: Any, right: Any) -> Any:
    """Subtract two numbers."""
    return bounded(number(left) - number(right))


def multiply(left: Any, right: Any) -> Any:
    """Multiply two numbers; texts and lists are not repeated."""
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
    """Compare as JSON does: 1 equals 1.0, but true is not 1, at any depth."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
    return bool(left == right)


def unequal(left: Any, right: Any) -> bool:
    """Say whether two values differ."""
    return not equal(left, right)


def _ordering(operation: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        kinds = {kind_of(left), kind_of(right)}
        if kinds not in ({"number"}, {"text"}):
            raise ExpressionError(f"cannot order {kind_of(left)} and {kind_of(right)}")
        return operation(left, right)

    return compare


less = _ordering(operator.lt)
less_or_equal = _ordering(operator.le)
greater = _ordering(operator.gt)
greater_or_equal = _ordering(operator.ge)


def contains(container: Any, value: Any) -> bool:
    """Say whether a text, list or object holds a value."""
    if isinstance(container, str):
        if not isinstance(value, str):
            raise ExpressionError('the left side of "in" must be text here')
        return value in container
    if isinstance(container, list):
        return any(equal(value, item) for item in container)
    if isinstance(container, dict):
        return isinstance(value, str) and value in container
    raise ExpressionError(f'"in" does not work on {kind_of(container)}')


def field_of(value: Any, key: Any) -> Any:
    """Return the field of an object or the item of a list; no Python attribute is ever read."""
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
    return ExpressionError(f"a list has items by number, not {str(key)[:60]!r}")
