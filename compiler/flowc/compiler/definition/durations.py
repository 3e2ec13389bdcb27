"""Durations: a number of seconds, or text such as `30s`, `5m` or `2h`."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def seconds(value: Any) -> Any:
    """Return a duration in seconds; a number is returned as it is.

    >>> seconds("90s"), seconds("1.5h"), seconds("250 ms"), seconds(7)
    (90.0, 5400.0, 0.25, 7)
    >>> seconds("soon")
    Traceback (most recent call last):
    ValueError: write a duration as 30s, 5m or 2h, or as a number of seconds
    """
    if not isinstance(value, str):
        return value
    match = _FORM.fullmatch(value.strip())
    if match is None:
        raise ValueError("write a duration as 30s, 5m or 2h, or as a number of seconds")
    return float(match[1]) * _UNITS[match[2]]


Duration = Annotated[
    float,
    BeforeValidator(seconds),
    Field(gt=0, le=366 * 86400.0),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d)$"},
            ],
            "description": "30s, 5m, 2h, or a number of seconds.",
        }
    ),
]
