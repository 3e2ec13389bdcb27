"""Filters on moments, dates and durations."""

import calendar
from datetime import date, datetime, timedelta
from typing import Any

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.filters.word import Word
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.moments import (
    as_date,
    as_duration,
    as_moment,
    computed_with_moments,
    zone_named,
)
from flowc.compiler.expressions.values import limited, text, whole


def _datetime(value: Any, format: Any = None, zone: Any = None) -> datetime:
    if format is None:
        found = as_moment(value, zone)
        return found
    try:
        read = datetime.strptime(text(value)[:200], text(format)[:200])
    except (ValueError, OverflowError):
        raise ExpressionError(f"{value[:40]!r} does not have the form {format[:40]!r}") from None
    return read if read.tzinfo is not None else read.replace(tzinfo=zone_named(zone or "UTC"))


def _date(value: Any, format: Any = None) -> date:
    return as_date(value) if format is None else _datetime(value, format).date()


def _duration(value: Any) -> timedelta:
    return as_duration(value)


def _timestamp(value: Any) -> int | float:
    seconds = as_moment(value).timestamp()
    return int(seconds) if seconds.is_integer() else seconds


def _dateformat(value: Any, format: Any = "%Y-%m-%d %H:%M", zone: Any = None) -> str:
    moment = value if type(value) is date else as_moment(value)
    if zone is not None:
        moment = _timezone(moment, zone)
    if len(text(format)) > 200 or "\0" in format:
        raise ExpressionError("a format has at most 200 characters")
    try:
        return limited(moment.strftime(format))
    except (ValueError, UnicodeError):
        raise ExpressionError(f"{format[:40]!r} is no format of a date") from None


def _timezone(value: Any, zone: Any) -> datetime:
    moment, place = as_moment(value), zone_named(zone)
    try:
        return moment.astimezone(place)
    except (OverflowError, ValueError):
        raise ExpressionError("the result is beyond the years 1 to 9999") from None


def _add(value: Any, duration: Any = 0, months: Any = 0, years: Any = 0) -> Any:
    moment = value if isinstance(value, date) else as_moment(value)
    count = whole(months, "months", 120_000) + 12 * whole(years, "years", 10_000)
    if count:
        year, month = divmod(moment.year * 12 + moment.month - 1 + count, 12)
        if not 1 <= year <= 9999:
            raise ExpressionError("the result is beyond the years 1 to 9999")
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        moment = moment.replace(year=year, month=month + 1, day=day)
    return computed_with_moments(lambda one, other: one + other, moment, as_duration(duration))


_STARTS = ("year", "month", "week", "day", "hour", "minute")


def _start_of(value: Any, part: Any) -> Any:
    if part not in _STARTS:
        raise ExpressionError(f"the part is one of {', '.join(_STARTS)}")
    moment = value if isinstance(value, date) else as_moment(value)
    if part == "week":
        moment -= timedelta(days=moment.weekday())
    if part in ("year", "month"):
        moment = moment.replace(day=1, month=1 if part == "year" else moment.month)
    if isinstance(moment, datetime):
        hour = moment.hour if part in ("hour", "minute") else 0
        minute = moment.minute if part == "minute" else 0
        moment = moment.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return moment


def _now(frame: Frame, zone: Any = None) -> datetime:
    return frame.recorded.now if zone is None else frame.recorded.now.astimezone(zone_named(zone))


def _today(frame: Frame, zone: Any = None) -> date:
    return _now(frame, zone).date()


_AT = "'2026-01-31T10:30:00Z'"

WORDS = (
    Word("add_time", _add, "the moment or date moved by a duration, by `months`, by `years`",
         ((f"{_AT}|add_time('36h')", '"2026-02-01T22:30:00+00:00"'),
          ("'2026-01-31'|date|add_time(months=1)", '"2026-02-28"')), makes_moments=True,
         takes="number or text or moment or date"),
    Word("date", _date, "the date of a moment, or of text in the form `format`",
         ((f"{_AT}|date", '"2026-01-31"'), ("'31.01.2026'|date('%d.%m.%Y')", '"2026-01-31"')),
         gives="date", makes_moments=True, takes="number or text or moment or date"),
    Word("dateformat", _dateformat, "a moment or date as text, in the form of C's strftime",
         ((f"{_AT}|dateformat('%d.%m.%Y')", '"31.01.2026"'),
          (f"{_AT}|dateformat('%H:%M', 'Asia/Tokyo')", '"19:30"')), gives="text",
         takes="number or text or moment or date"),
    Word("datetime", _datetime,
         "a moment, from ISO 8601 text, text in the form `format`, or seconds since 1970; `zone` "
         "is that of text without one",
         ((f"({_AT}|datetime).year", "2026"), ("0|datetime", '"1970-01-01T00:00:00+00:00"'),
          ("'31.01.2026'|datetime('%d.%m.%Y', 'Europe/Rome')", '"2026-01-31T00:00:00+01:00"')),
         gives="moment", makes_moments=True, takes="number or text or moment or date"),
    Word("duration", _duration,
         "a duration, from text such as '1h 30m' or a number of seconds; in JSON, its seconds",
         (("'1h 30m'|duration", "5400"), ("('2d'|duration).hours", "48.0")),
         gives="duration", makes_moments=True, takes="number or text or duration"),
    Word("start_of", _start_of,
         "the beginning of the year, month, week, day, hour or minute of a moment or date",
         ((f"{_AT}|start_of('month')", '"2026-01-01T00:00:00+00:00"'),
          ("'2026-01-31'|date|start_of('week')", '"2026-01-26"')), makes_moments=True,
         takes="number or text or moment or date"),
    Word("timestamp", _timestamp, "the seconds since 1970 of a moment",
         (("'2026-01-01T00:00:00Z'|timestamp", "1767225600"),), gives="number",
         takes="number or text or moment or date"),
    Word("timezone", _timezone, "the same moment in another time zone",
         ((f"{_AT}|timezone('America/New_York')", '"2026-01-31T05:30:00-05:00"'),),
         gives="moment", makes_moments=True, takes="number or text or moment or date"),
)  # fmt: skip

FUNCTIONS = (
    Word("date", _date, "a date, from text or a moment",
         (("date('2026-01-31') - date('2026-01-01') == duration('30d')", "true"),),
         gives="date", is_function=True, makes_moments=True),
    Word("datetime", _datetime,
         "a moment, from ISO 8601 text, text in the form `format`, or seconds since 1970",
         (("datetime('2026-01-31T10:00Z') + duration('2h')", '"2026-01-31T12:00:00+00:00"'),
          ("datetime('2026-01-31T10:00', zone='Europe/Rome') > datetime('2026-01-31T09:30Z')",
           "false")),
         gives="moment", is_function=True, makes_moments=True),
    Word("duration", _duration, "a duration, from text or a number of seconds",
         (("duration('1d') / duration('1h')", "24.0"),),
         gives="duration", is_function=True, makes_moments=True),
    Word("now", _now, "the moment at which the node began; the same if it runs again",
         (("now() == now()", "true"), ("now().year >= 2026", "true")),
         gives="moment", is_function=True, makes_moments=True),
    Word("today", _today, "the date at which the node began",
         (("today() == now().date", "true"),),
         gives="date", is_function=True, makes_moments=True),
)  # fmt: skip
