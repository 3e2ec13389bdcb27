"""What is noted of an act: who did what, to what, when, and how it ended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple


class Act(NamedTuple):
    """An act of a caller: `act` is a handler of `ROUTES`, `details` name what it was done to."""

    caller: str
    act: str
    details: Mapping[str, Any]
    status: int
    address: str | None = None
    request_id: str | None = None


class AuditEntry(NamedTuple):
    """An act as it is stored; `id` grows."""

    id: int
    at: datetime
    act: Act
