"""The filters (`value|upper`) and tests (`value is none`) of the expression language.

An example of each; `default` and `is defined`, which work on missing values, are in `compilation`:

>>> from flowc.compiler.expressions import compile_expression
>>> def value(source, **names):
...     return compile_expression(source).evaluate(names)
>>> value("-2|abs"), value("2.5|round"), value("2.345|round(2)")
(2, 2.0, 2.35)
>>> value("' 7 '|int"), value("'7.9'|int"), value("'many'|int(0)"), value("'2.5'|float")
(7, 7, 0, 2.5)
>>> value("'Ada'|lower"), value("'Ada'|upper"), value("'ada lovelace'|title"), value("' a '|trim")
('ada', 'ADA', 'Ada Lovelace', 'a')
>>> value("'a-b'|replace('-', '+')"), value("'a long text'|truncate(7)"), value("1.5|string")
('a+b', 'a long…', '1.5')
>>> value("tags|length", tags=["a", "b"]), value("'abc'|count")
(2, 3)
>>> value("tags|first", tags=["a", "b"]), value("tags|last", tags=["a", "b"])
('a', 'b')
>>> value("tags|join(', ')", tags=["a", "b"])
'a, b'
>>> value("o|keys", o={"a": 1}), value("o|values", o={"a": 1}), value("o|tojson", o={"a": 1})
(['a'], [1], '{"a":1}')
>>> value("missing.field|default('none')"), value("missing is defined")
('none', False)
>>> value("x is none and y is true and z is false", x=None, y=True, z=False)
True
>>> value("x is string and n is number and b is boolean", x="a", n=1, b=False)
True
>>> value("l is sequence and o is mapping", l=[], o={})
True
"""

import json
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flowc.compiler.expressions.values import (
    MAX_TEXT,
    ExpressionError,
    as_text,
    bounded,
    is_scalar,
    kind_of,
    limited,
    number,
    text,
)


def _length(value: Any) -> int:
    if isinstance(value, (str, list, dict)):
        return len(value)
    raise ExpressionError(f"{kind_of(value)} has no length")


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, (list, str)) and value else None


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, (list, str)) and value else None


def _join(value: Any, separator: Any = "") -> str:
    if not isinstance(value, list):
        raise ExpressionError("join needs a list")
    parts = [as_text(item) for item in value]
    # Checked before the text exists, so that an expression cannot use up the memory.
    if sum(map(len, parts)) + len(text(separator)) * len(parts) > MAX_TEXT:
        raise ExpressionError(f"the text is longer than {MAX_TEXT:,} characters")
    return str(separator).join(parts)


def _replace(value: Any, old: Any, new: Any) -> str:
    value, old, new = text(value), text(old), text(new)
    if not old:
        raise ExpressionError("replace needs a text to search for")
    if len(value) + value.count(old) * max(len(new) - len(old), 0) > MAX_TEXT:
        raise ExpressionError(f"the text is longer than {MAX_TEXT:,} characters")
    return str(value.replace(old, new))


def _int(value: Any, default: Any = None) -> Any:
    try:
        if isinstance(value, str):
            return bounded(_int_of_text(value))
        return bounded(int(value))
    except (ValueError, TypeError, OverflowError):
        if default is None:
            raise ExpressionError(f"this {kind_of(value)} is not a whole number") from None
        return default


def _int_of_text(value: str) -> int:
    # Converting digits takes time that grows with the square of their number.
    if len(value) > 80:
        raise ValueError
    plain = value.strip()
    return int(plain) if plain.lstrip("+-").isdigit() else int(float(plain))


def _float(value: Any, default: Any = None) -> Any:
    try:
        result = float(value)
        if not math.isfinite(result):
            raise ValueError
        return result
    except (ValueError, TypeError, OverflowError):
        if default is None:
            raise ExpressionError(f"this {kind_of(value)} is not a number") from None
        return default


def _round(value: Any, digits: Any = 0) -> Any:
    if isinstance(digits, bool) or not isinstance(digits, int) or abs(digits) > 20:
        raise ExpressionError("round takes a whole number of digits, at most 20")
    return round(number(value), digits)


def _truncate(value: Any, length: Any = 255, end: Any = "…") -> str:
    if isinstance(length, bool) or not isinstance(length, int) or length > MAX_TEXT:
        raise ExpressionError("truncate needs a length that is a whole number")
    whole = as_text(value)
    return whole if len(whole) <= length else whole[: max(length - len(text(end)), 0)] + end


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if is_scalar(value) else as_text(value)


def _keys(value: Any) -> list[str]:
    if not isinstance(value, dict):
        raise ExpressionError("keys needs an object")
    return list(value)


def _values(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        raise ExpressionError("values needs an object")
    return list(value.values())


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "abs": lambda value: abs(number(value)),
        "count": _length,
        "first": _first,
        "float": _float,
        "int": _int,
        "join": _join,
        "keys": _keys,
        "last": _last,
        "length": _length,
        "lower": lambda value: text(value).lower(),
        "replace": _replace,
        "round": _round,
        "string": as_text,
        "title": lambda value: text(value).title(),
        "tojson": _to_json,
        "trim": lambda value: text(value).strip(),
        "truncate": _truncate,
        "upper": lambda value: limited(text(value).upper()),
        "values": _values,
    }
)

TESTS: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "boolean": lambda value: isinstance(value, bool),
        "false": lambda value: value is False,
        "mapping": lambda value: isinstance(value, dict),
        "none": lambda value: value is None,
        "number": lambda value: kind_of(value) == "number",
        "sequence": lambda value: isinstance(value, list),
        "string": lambda value: isinstance(value, str),
        "true": lambda value: value is True,
    }
)
