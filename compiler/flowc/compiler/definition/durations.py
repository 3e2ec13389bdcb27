"""How long is `30s`, `5m` or `2h`?"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def seconds(value: Any) -> Any:
    """Return a duration in seconds; a number is in seconds already."""
    if not isinstance(value, str):
        return value
    match = _FORM.fullmatch(value.strip())
    if match is None:
        raise ValueError("a duration is written 30s, 5m, 2h or as a number of seconds")
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
