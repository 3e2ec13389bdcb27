"""Conversations that runs share, and their messages."""

from datetime import datetime
from typing import Any, NamedTuple

# The ids that clients may choose for threads.
THREAD_ID = r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$"


class ThreadRecord(NamedTuple):
    """A conversation that runs share; `messages` is the number of messages in it."""

    id: str
    workflow_id: str | None
    meta: dict[str, Any]
    messages: int
    created_at: datetime
    updated_at: datetime


class MessageRecord(NamedTuple):
    """One message of a thread; numbers begin at 1. `content` is a text, or a list of parts."""

    number: int
    role: str
    content: Any
    run_id: str | None
    created_at: datetime
