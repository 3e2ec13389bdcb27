"""Schedules, webhooks and dependencies, which start runs, and subscriptions to what runs do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple


@dataclass(frozen=True)
class Schedule:
    """A cron expression in a time zone, and what it starts.

    `context` is what it fires with. A schedule that `catches_up` also fires for the times at which
    no worker was running. `problem` is why it is disabled, if it is.
    """

    id: str
    cron: str
    timezone: str
    context: dict[str, Any]
    catches_up: bool = False
    is_paused: bool = False
    last_fired_at: str | None = None
    problem: str | None = None


class Webhook(NamedTuple):
    """A path at which messages start a workflow, and how they are verified, read and answered.

    `secret` is the name of the secret that verifies them; `header` is where the sender puts its
    proof, if that is not the usual one. A run gets the body of a message as its `input`, or the
    whole request; its `response` is the receipt, the output, or what a node responds.
    """

    path: str
    workflow_id: str
    secret: str | None
    created_at: datetime
    verification: str = "standard"
    header: str | None = None
    methods: Sequence[str] = ("POST",)
    input: str = "body"
    response: str = "accepted"


class Subscription(NamedTuple):
    """A URL notified of some kinds of events, of one workflow or all; `secret` names a secret."""

    id: str
    url: str
    kinds: list[str]
    workflow_id: str | None
    secret: str
    created_at: datetime


class Delivery(NamedTuple):
    """One message to a subscriber, and its attempts."""

    id: str
    status: str
    attempts: int
    payload: dict[str, Any]
    problem: str | None
    created_at: datetime
    finished_at: datetime | None


# How a run must have ended for a workflow that depends on it; `any` is in whatever way.
DependencyOutcome = Literal["completed", "failed", "any"]


class Dependencies(NamedTuple):
    """The workflows that one depends on, each with a run that ended since its last start, if any.

    `on` has how the runs of each must end.
    """

    workflow_id: str
    runs: dict[str, str | None]
    on: dict[str, DependencyOutcome]
    input: dict[str, Any]
