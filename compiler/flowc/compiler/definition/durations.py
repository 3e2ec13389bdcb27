"""Durations: a number of seconds, or text such as `30s`, `5m`, `2h` or `PT30S`."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
# ISO 8601, without months and years, whose length differs.
_ISO = re.compile(
    r"P(?=\d|T\d)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
_ISO_UNITS = (604800.0, 86400.0, 3600.0, 60.0, 1.0)
_TEXT = {
    "type": "string",
    "pattern": r"^(\d+(\.\d+)?\s*(ms|s|m|h|d)|P(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?)$",
}
_LONGEST = 366 * 86400.0


def seconds(value: Any) -> Any:
    """Return a duration in seconds; a number is returned as it is.

    >>> seconds("90s"), seconds("1.5h"), seconds("250 ms"), seconds("PT1M30S"), seconds(7)
    (90.0, 5400.0, 0.25, 90.0, 7)
    >>> seconds("soon")
    Traceback (most recent call last):
    ValueError: write a duration as 30s, 5m or 2h, or as a number of seconds
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    match = _FORM.fullmatch(text)
    if match is not None:
        return float(match[1]) * _UNITS[match[2]]
    iso = _ISO.fullmatch(text)
    if iso is None:
        raise ValueError("write a duration as 30s, 5m or 2h, or as a number of seconds")
    parts = zip(iso.groups("0"), _ISO_UNITS, strict=True)
    return sum(float(count) * unit for count, unit in parts)


Duration = Annotated[
    float,
    BeforeValidator(seconds),
    Field(gt=0, le=_LONGEST),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "exclusiveMinimum": 0}, _TEXT],
            "description": "30s, 5m, 2h, or a number of seconds.",
        }
    ),
]
# A duration that may be 0.
Delay = Annotated[
    float,
    BeforeValidator(seconds),
    Field(ge=0, le=_LONGEST),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0}, _TEXT],
            "description": "30s, 5m, 2h, or a number of seconds; 0 is no wait.",
        }
    ),
]
