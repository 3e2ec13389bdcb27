"""Durations as other tools write them: an amount with a unit, ISO 8601, milliseconds."""

import re
from typing import Any

_UNITS = {
    "ms": 0.001, "millisecond": 0.001, "milli": 0.001, "s": 1, "sec": 1, "second": 1, "m": 60,
    "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600, "d": 86400, "day": 86400,
    "w": 604800, "week": 604800,
}  # fmt: skip
_ISO = re.compile(
    r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII
)
_WORDS = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.ASCII | re.IGNORECASE)
_LONE = re.compile(r"\s*\{\{(.*)\}\}\s*", re.DOTALL)


def duration_here(given: Any, unit: Any = None) -> Any:
    """Return a duration as it is written here; what is none is returned as it is.

    >>> duration_here(5, "minutes"), duration_here("PT1H30M"), duration_here("2 minutes")
    (300, 5400.0, 120.0)
    >>> duration_here({"minutes": 1, "seconds": 5}), duration_here("{{input.n}}", "m")
    (65, '{{ (input.n) * 60 }}')
    """
    factor = unit_seconds(unit) if unit is not None else None
    if isinstance(given, dict) and given and all(unit_seconds(key) for key in given):
        return sum(amount * (unit_seconds(key) or 0) for key, amount in given.items())
    if isinstance(given, str):
        return _of_text(given, factor)
    return given * factor if factor and isinstance(given, (int, float)) else given


def unit_seconds(unit: Any) -> float | None:
    """Return how many seconds a unit has.

    >>> unit_seconds("Minutes"), unit_seconds("fortnight")
    (60, None)
    """
    word = str(unit).lower()
    return _UNITS.get(word) or _UNITS.get(word.removesuffix("s"))


def _of_text(text: str, factor: float | None) -> Any:
    lone = _LONE.fullmatch(text)
    if lone is not None:
        return text if factor is None else f"{{{{ ({lone[1].strip()}) * {factor:g} }}}}"
    iso = _ISO.fullmatch(text.strip())
    if iso is not None and any(iso.groups()):
        sizes = (604800, 86400, 3600, 60, 1)
        return sum(float(n) * size for n, size in zip(iso.groups("0"), sizes, strict=True))
    words = _WORDS.fullmatch(text.strip())
    if words is not None and unit_seconds(words[2]):
        return float(words[1]) * (unit_seconds(words[2]) or 0)
    try:
        return float(text) * (factor or 1)
    except ValueError:
        return text
