"""What starts runs besides requests, and who is notified of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Schedule:
    """What is begun at the times of a cron expression, as it is in a time zone.

    `context` says what; one that `catches_up` begins what it missed while nobody worked.
    """

    id: str
    cron: str
    timezone: str
    context: dict[str, Any]
    catches_up: bool = False
    is_paused: bool = False
    last_fired_at: str | None = None


class Webhook(NamedTuple):
    """A path under which a workflow is begun from outside; `secret` is the name of one."""

    path: str
    workflow_id: str
    secret: str
    created_at: datetime


class Subscription(NamedTuple):
    """Who is told of which kinds of events, of one workflow or of all; `secret` is a name."""

    id: str
    url: str
    kinds: list[str]
    workflow_id: str | None
    secret: str
    created_at: datetime


class Delivery(NamedTuple):
    """One message to a subscriber, and how often it was tried."""

    id: str
    status: str
    attempts: int
    payload: dict[str, Any]
    problem: str | None
    created_at: datetime
    finished_at: datetime | None


class Dependencies(NamedTuple):
    """The workflows that one depends on, each with the run that has completed since it last ran."""

    workflow_id: str
    runs: dict[str, str | None]
    input: dict[str, Any]
