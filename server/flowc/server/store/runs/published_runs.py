"""The runs of all tenants, as what publishes their events to other systems reads them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import UNFINISHED
from flowc.server.records.times import now
from flowc.server.store.database import Database, reading
from flowc.server.store.events import events_of
from flowc.server.store.tables import RunRow

_RECENT = timedelta(minutes=10)


class PublishedRun(NamedTuple):
    """A run, the tenant that it belongs to, and its workflow if that is stored.

    `last` is the number of its last event.
    """

    tenant: str
    id: str
    workflow_id: str | None
    last: int


class PublishedRuns:
    """Reads the events of the runs of all tenants."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @reading
    def find(self, session: Session, id: str) -> PublishedRun | None:
        """Return a run; None if it is not stored any more."""
        found = select(RunRow.tenant, RunRow.id, RunRow.workflow_id, RunRow.events)
        row = session.execute(found.where(RunRow.id == id)).one_or_none()
        return PublishedRun(*row) if row is not None else None

    @reading
    def recent(self, session: Session) -> Sequence[str]:
        """Return the runs that are unfinished, or finished in the last ten minutes."""
        is_recent = RunRow.finished_at >= now() - _RECENT
        found = select(RunRow.id).where(RunRow.status.in_(UNFINISHED) | is_recent)
        return session.scalars(found.order_by(RunRow.created_at)).all()

    @reading
    def events(self, session: Session, id: str, after: int, limit: int) -> list[RunEvent]:
        """Return a run's events with numbers greater than `after`."""
        return events_of(session, id, after, limit)
