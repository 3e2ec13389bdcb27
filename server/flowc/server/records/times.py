"""Moments as flowc writes them: in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def as_text(moment: datetime | None) -> str | None:
    """Return a moment in ISO 8601 with `Z`, as clients read it."""
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None
