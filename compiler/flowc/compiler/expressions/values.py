"""The values of expressions: their kinds, their text, and their limits.

All values come from JSON and end as JSON. In between, an expression may compute with moments, dates
and durations, which are Python's `datetime`, `date` and `timedelta`.
"""

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from flowc.compiler.expressions.budget import EvaluationBudget, shared_budget
from flowc.compiler.expressions.errors import ExpressionError

MAX_TEXT = 1 << 20
MAX_ITEMS = 100_000
MAX_INTEGER = 1 << 256


KINDS: Mapping[type, str] = MappingProxyType(
    {
        type(None): "null",
        bool: "boolean",
        int: "number",
        float: "number",
        str: "text",
        list: "list",
        dict: "object",
        datetime: "moment",
        date: "date",
        timedelta: "duration",
    }
)
TEMPORAL = frozenset({datetime, date, timedelta})


def kind_of(value: Any) -> str:
    """Return the name of a value's type for messages.

    >>> kind_of("a"), kind_of(1.5), kind_of([]), kind_of(None)
    ('text', 'number', 'list', 'null')
    """
    found = KINDS.get(type(value))
    return found if found is not None else str(getattr(value, "KIND", type(value).__name__))


def is_scalar(value: Any) -> bool:
    """Return whether a value contains no other values."""
    return value is None or isinstance(value, (bool, int, float, str))


def limited(text: str) -> str:
    """Return the text; raise ExpressionError if it is too long."""
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"the text is longer than {MAX_TEXT:,} characters")
    return text


def require_room(length: int) -> None:
    """Raise ExpressionError if a text of this length would be too long."""
    if length > MAX_TEXT:
        raise ExpressionError(f"the text is longer than {MAX_TEXT:,} characters")


def require_few(count: int) -> None:
    """Raise ExpressionError if a list of this many items would be too long."""
    if count > MAX_ITEMS:
        raise ExpressionError(f"the list has more than {MAX_ITEMS:,} items")


def as_text(value: Any) -> str:
    """Return a value as it appears in a text: objects as JSON, null as nothing.

    >>> [as_text(value) for value in (None, True, 1.0, {"a": [1]})]
    ['', 'true', '1.0', '{"a":[1]}']
    """
    if type(value) is str:
        return limited(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, dict)):
        return to_json(value)
    return str(plain_scalar(value))


def to_json(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON, compact unless it is indented; raise ExpressionError if too long."""
    # Measured before: encoding megabytes only to refuse them would hold up everything else.
    require_small(value)
    separators = (",", ":") if indent is None else (",", ": ")
    try:
        text = json.dumps(
            value, ensure_ascii=False, separators=separators, indent=indent, default=plain_scalar
        )
    except RecursionError:
        raise ExpressionError("the values are nested too deeply") from None
    return limited(text)


def require_small(value: Any) -> None:
    """Raise ExpressionError if the JSON of a value is certainly longer than a text may be."""
    room, todo, budget = MAX_TEXT, [value], shared_budget()
    while todo and room >= 0:
        item = todo.pop()
        if isinstance(item, str):
            room -= len(item)
        if not isinstance(item, (list, dict)):
            continue
        if budget is not None:
            budget.spend(len(item))
        # Each item has a sign and a comma at least; only those that may have more are looked at.
        room -= 2 * len(item)
        if isinstance(item, dict):
            room -= sum(map(len, item)) + 3 * len(item)
        if room >= 0:
            inside = item.values() if isinstance(item, dict) else item
            todo += [each for each in inside if type(each) not in _SHORT]
    require_room(MAX_TEXT - min(room, 0))


_SHORT = frozenset({int, float, bool, type(None)})


def plain_scalar(value: Any) -> Any:
    """Return a moment or date as ISO 8601 text, and a duration as its seconds."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    raise ExpressionError(f"a {kind_of(value)} is not a value that can be written")


def plain(value: Any, budget: EvaluationBudget) -> Any:
    """Return a value in which every moment, date and duration is plain JSON."""
    if is_scalar(value):
        return value
    if isinstance(value, list):
        budget.spend(len(value))
        return [plain(item, budget) for item in value]
    if isinstance(value, dict):
        budget.spend(len(value))
        return {key: plain(item, budget) for key, item in value.items()}
    return plain_scalar(value)


def number(value: Any) -> int | float:
    """Return the number; raise ExpressionError for anything else, true and false included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"{kind_of(value)} is not a number")
    return value


def whole(value: Any, what: str, most: int = MAX_TEXT) -> int:
    """Return a whole number that is an argument; raise ExpressionError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ExpressionError(f"{what} must be a whole number, and this is {kind_of(value)}")
    if abs(value) > most:
        raise ExpressionError(f"{what} must be at most {most:,}")
    return value


def text(value: Any) -> str:
    """Return the text; raise ExpressionError for anything else."""
    if not isinstance(value, str):
        raise ExpressionError(f"{kind_of(value)} is not text")
    return value


def items_of(value: Any, reader: str) -> list[Any]:
    """Return the items of a list, or the keys of an object; raise ExpressionError for others."""
    if isinstance(value, (list, dict)):
        # Work on more would hold up other threads when its many small values are freed.
        if len(value) > MAX_ITEMS:
            raise ExpressionError(f"{reader} works on at most {MAX_ITEMS:,} items")
        return value if isinstance(value, list) else list(value)
    if isinstance(value, str):
        raise ExpressionError(
            f"{reader} needs a list, and this is text", "|list makes a list of it."
        )
    raise ExpressionError(f"{reader} needs a list, and this is {kind_of(value)}")


def object_of(value: Any, reader: str) -> dict[str, Any]:
    """Return the object; raise ExpressionError for anything else."""
    if not isinstance(value, dict):
        raise ExpressionError(f"{reader} needs an object, and this is {kind_of(value)}")
    if len(value) > MAX_ITEMS:
        raise ExpressionError(f"{reader} works on at most {MAX_ITEMS:,} fields")
    return value


def bounded(value: Any) -> Any:
    """Return the number; raise ExpressionError if it is too large or not finite."""
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ExpressionError("the number is too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the number is too large")
    return value
