"""Moments, dates and durations: how they are read, their fields, and arithmetic with them.

>>> from flowc.compiler.expressions import compile_expression
>>> compile_expression("datetime('2026-01-31T10:00Z') + duration('36h')").evaluate({})
'2026-02-01T22:00:00+00:00'
>>> compile_expression("(date('2026-03-01') - date('2026-02-01')).days").evaluate({})
28
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from flowc.compiler.expressions.errors import ExpressionError, MissingValue
from flowc.compiler.expressions.values import TEMPORAL, kind_of, number

_UNITS: Mapping[str, float] = MappingProxyType(
    {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)")


def as_moment(value: Any, zone: Any = None) -> datetime:
    """Return a moment from ISO 8601 text, a number of seconds since 1970, or a date.

    >>> as_moment("2026-01-31"), as_moment(0)
    (datetime.datetime(2026, 1, 31, 0, 0, tzinfo=datetime.timezone.utc), datetime.datetime(1970, \
1, 1, 0, 0, tzinfo=datetime.timezone.utc))
    """
    place = UTC if zone is None else zone_named(zone)
    try:
        if isinstance(value, datetime):
            return value
        if isinstance(value, date):
            return datetime.combine(value, time(), place)
        if isinstance(value, str):
            if len(value) > 60:
                raise ValueError
            found = datetime.fromisoformat(value.strip())
            return found if found.tzinfo is not None else found.replace(tzinfo=place)
        return datetime.fromtimestamp(number(value), place)
    except ExpressionError:
        raise ExpressionError(f"{kind_of(value)} is not a moment") from None
    except (ValueError, OverflowError, OSError):
        raise ExpressionError(
            f"{str(value)[:40]!r} is not a moment", "Write it as 2026-01-31T10:00:00Z."
        ) from None


def as_date(value: Any) -> date:
    """Return a date from ISO 8601 text, or the date of a moment."""
    if type(value) is date:
        return value
    return as_moment(value).date()


def as_duration(value: Any) -> timedelta:
    """Return a duration from text such as `1h 30m`, or from a number of seconds.

    >>> as_duration("1h 30m"), as_duration(90)
    (datetime.timedelta(seconds=5400), datetime.timedelta(seconds=90))
    """
    if isinstance(value, timedelta):
        return value
    try:
        if isinstance(value, str):
            return timedelta(seconds=_seconds_of(value.strip()))
        return timedelta(seconds=number(value))
    except ExpressionError:
        raise ExpressionError(f"{kind_of(value)} is not a duration") from None
    except (ValueError, OverflowError):
        raise ExpressionError(
            f"{str(value)[:40]!r} is not a duration", "Write it as 90s, 1h 30m or 2d."
        ) from None


def _seconds_of(text: str) -> float:
    sign, text = (-1, text[1:].lstrip()) if text.startswith("-") else (1, text)
    parts = _PART.findall(text[:60])
    if not parts or _PART.sub("", text).strip():
        raise ValueError
    return sign * sum(float(count) * _UNITS[unit] for count, unit in parts)


@lru_cache(256)
def _zone(name: str) -> tzinfo:
    return UTC if name.upper() in {"UTC", "Z"} else ZoneInfo(name)


def zone_named(name: Any) -> tzinfo:
    """Return a time zone by its name, such as `Europe/Rome`; raise ExpressionError."""
    try:
        return _zone(name)
    # ZoneInfo raises many kinds of errors for names that lead to other files.
    except Exception:
        raise ExpressionError(
            f"there is no time zone {str(name)[:40]!r}", "Write a name such as Europe/Rome, or UTC."
        ) from None


_FIELDS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "year": lambda value: value.year,
        "month": lambda value: value.month,
        "day": lambda value: value.day,
        "weekday": lambda value: value.isoweekday(),
        "week": lambda value: value.isocalendar().week,
        "day_of_year": lambda value: value.timetuple().tm_yday,
    }
)
_FIELDS_BY_TYPE: Mapping[type, Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        date: _FIELDS,
        datetime: MappingProxyType(
            {
                **_FIELDS,
                "hour": lambda value: value.hour,
                "minute": lambda value: value.minute,
                "second": lambda value: value.second,
                "millisecond": lambda value: value.microsecond // 1000,
                "date": lambda value: value.date(),
                "timestamp": lambda value: value.timestamp(),
                "zone": lambda value: str(value.tzinfo),
            }
        ),
        timedelta: MappingProxyType(
            {
                "seconds": lambda value: value.total_seconds(),
                "minutes": lambda value: value.total_seconds() / 60,
                "hours": lambda value: value.total_seconds() / 3600,
                "days": lambda value: value / timedelta(days=1) if value.seconds else value.days,
            }
        ),
    }
)


def field_of_moment(value: Any, key: Any) -> Any:
    """Return a field of a moment, date or duration; raise MissingValue if it has no such field."""
    fields = _FIELDS_BY_TYPE[type(value)]
    read = fields.get(key) if isinstance(key, str) else None
    if read is None:
        message = f"a {kind_of(value)} has no field {str(key)[:60]!r}"
        raise MissingValue(message, f"Its fields are {', '.join(fields)}.")
    return read(value)


def computed_with_moments(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Return the sum, difference, product or quotient of values that contain a time.

    A moment or date and a duration give a moment or date; two moments or two dates a duration.
    """
    if type(left) is datetime and type(right) is datetime:
        left, right = left.astimezone(UTC), right.astimezone(UTC)
    try:
        result = operation(left, right)
    except (TypeError, AttributeError):
        raise ExpressionError(
            f"one cannot compute with {kind_of(left)} and {kind_of(right)}",
            "duration('2d') makes a duration, datetime(…) a moment.",
        ) from None
    except (OverflowError, ValueError):
        raise ExpressionError("the result is beyond the years 1 to 9999") from None
    except ZeroDivisionError:
        raise ExpressionError("division by zero") from None
    if isinstance(result, bool) or type(result) not in TEMPORAL | {int, float}:
        raise ExpressionError(f"one cannot compute with {kind_of(left)} and {kind_of(right)}")
    return result
