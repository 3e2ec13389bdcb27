"""Schedules in the form in which DBOS takes and lists them."""

from collections.abc import Mapping
from typing import Any

from flowc.server.records.triggers import Schedule


def as_wanted(schedule: Schedule, queue: str) -> Any:
    """Return what DBOS is asked to store of a schedule, which fires through a queue."""
    return {
        "schedule_name": schedule.id,
        "workflow_name": "fire",
        "schedule": schedule.cron,
        "context": schedule.context,
        "cron_timezone": schedule.timezone,
        "automatic_backfill": schedule.catches_up,
        "queue_name": queue,
    }


def as_schedule(found: Mapping[str, Any]) -> Schedule:
    """Return a schedule as DBOS lists it."""
    return Schedule(
        id=found["schedule_name"],
        cron=found["schedule"],
        timezone=found["cron_timezone"] or "UTC",
        context=found["context"],
        catches_up=found["automatic_backfill"],
        is_paused=found["status"] != "ACTIVE",
        last_fired_at=found["last_fired_at"],
    )
