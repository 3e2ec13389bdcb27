"""How many runs wait for a free slot, and for how long."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from flowc.server.records.times import now
from flowc.server.store.database import Database, reading
from flowc.server.store.events import EVENTS, last_event_of
from flowc.server.store.tables import IS_UNFINISHED, RunRow

_IS_QUEUED = and_(IS_UNFINISHED, RunRow.status == "pending", RunRow.control.is_(None))


class QueueDepth(NamedTuple):
    """The runs that wait for a slot, and since when the first of them does."""

    runs: int
    since: datetime | None


class QueuedRuns:
    """Reads the queued runs of all tenants."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @reading
    def depth(self, session: Session) -> QueueDepth:
        """Return how many runs are queued; those that start later or wait for others are not.

        A run is queued since its last event, or since the moment at which it was to start.
        """
        at = EVENTS.c.at
        moment = now()
        is_due = RunRow.starts_at.is_(None) | (RunRow.starts_at <= moment)
        queued = select(RunRow).where(_IS_QUEUED, is_due).subquery()
        since = func.min(case((queued.c.starts_at.is_(None), at)))
        found = session.execute(
            select(func.count(), since, func.min(queued.c.starts_at))
            .select_from(queued)
            .join(EVENTS, EVENTS.c.id == last_event_of(queued.c))
        ).one()
        times = [each for each in found[1:] if each is not None]
        return QueueDepth(int(found[0]), min(times, default=None))
