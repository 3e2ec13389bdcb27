"""Moments as flowc writes them: in UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any


def now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)


def as_text(moment: datetime | None) -> str | None:
    """Return a moment in ISO 8601 with `Z`, as clients read it.

    >>> as_text(datetime(2026, 1, 5, 9, 30, tzinfo=UTC))
    '2026-01-05T09:30:00Z'
    """
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None


def json_of(record: object, names: Iterable[str]) -> dict[str, Any]:
    """Return fields of a record as JSON: moments as texts, all else as it is."""
    found = ((name, getattr(record, name)) for name in names)
    return {name: as_text(v) if isinstance(v, datetime) else v for name, v in found}
