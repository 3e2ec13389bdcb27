"""What retention deletes: runs that ended long ago, and what nothing refers to any more."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from flowc.server.records.runs import ENDED
from flowc.server.records.times import now
from flowc.server.store.checkpoints import delete_threads
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.events import delete_events
from flowc.server.store.lasting import forget_variables
from flowc.server.store.tables import (
    DefinitionRow,
    FileRow,
    NodeCacheRow,
    RunRow,
    SignalRow,
    ThreadRow,
    VersionRow,
)
from flowc.server.store.trigger_rows import DeliveryRow
from flowc.server.store.values import delete_values

# As many runs are deleted in one transaction, or fewer if they have more events than this.
_RUNS, _EVENTS = 100, 2_000
_DEFINITIONS = 500
# An upload that was interrupted is deleted after this.
_ABANDONED = timedelta(days=1)


class OldRun(NamedTuple):
    """A run that has ended; `events` is their number."""

    id: str
    created_at: datetime
    events: int


class OldData:
    """Finds and deletes old data of all tenants, a little in each transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @writing
    def sweep(self, session: Session) -> None:
        """Delete cached outputs that have expired, and uploads that were never completed."""
        moment = now()
        session.execute(delete(NodeCacheRow).where(NodeCacheRow.expires_at <= moment))
        is_left = (~FileRow.is_whole, FileRow.created_at < moment - _ABANDONED)
        session.execute(delete(FileRow).where(*is_left))

    @reading
    def tenants(self, session: Session) -> list[str]:
        """Return the tenants that have runs."""
        return list(_tenants(session))

    @reading
    def ended_before(
        self, session: Session, tenant: str, moment: datetime, since: datetime | None = None
    ) -> list[OldRun]:
        """Return some runs that ended before a moment, in the order of their creation.

        None of them was created before `since`. Runs that wait are never among them.
        """
        # A run that ended before the moment was created before it: an index finds those.
        found = (
            select(RunRow.id, RunRow.created_at, RunRow.events)
            .where(RunRow.tenant == tenant, RunRow.created_at < moment)
            .where(RunRow.status.in_(ENDED), RunRow.finished_at < moment)
            .order_by(RunRow.created_at)
            .limit(_RUNS)
        )
        if since is not None:
            found = found.where(RunRow.created_at >= since)
        runs = [OldRun(*row) for row in session.execute(found)]
        before = accumulate((run.events for run in runs), initial=0)
        return [run for run, events in zip(runs, before, strict=False) if events < _EVENTS]

    @writing
    def forget_runs(self, session: Session, run_ids: Sequence[str]) -> int:
        """Delete runs with all that is theirs, unless they were retried; return their number."""
        mine = (RunRow.id.in_(run_ids), RunRow.status.in_(ENDED))
        locked = select(RunRow.id, RunRow.key).where(*mine).order_by(RunRow.id).with_for_update()
        found = session.execute(locked).all()
        ended = [id for id, _ in found]
        delete_events(session, [key for _, key in found])
        delete_values(session, ended)
        delete_threads(session, ended)
        session.execute(delete(RunRow).where(RunRow.id.in_(ended)))
        return len(ended)

    @reading
    def unused_definitions(self, session: Session, tenant: str, moment: datetime) -> Sequence[str]:
        """Return the hashes of some definitions that nothing is pinned to since a moment."""
        of_runs = select(RunRow.hash).where(RunRow.tenant == tenant, RunRow.workflow_id.is_(None))
        of_versions = select(VersionRow.hash).where(VersionRow.tenant == tenant)
        found = (
            select(DefinitionRow.hash)
            .where(DefinitionRow.tenant == tenant, DefinitionRow.created_at < moment)
            .where(DefinitionRow.hash.not_in(of_runs), DefinitionRow.hash.not_in(of_versions))
            .limit(_DEFINITIONS)
        )
        return session.scalars(found).all()

    @writing
    def forget_definitions(
        self, session: Session, tenant: str, hashes: Sequence[str], moment: datetime
    ) -> None:
        """Delete definitions, except those that were stored again since a moment."""
        session.execute(
            delete(DefinitionRow)
            .where(DefinitionRow.tenant == tenant, DefinitionRow.hash.in_(hashes))
            .where(DefinitionRow.created_at < moment)
        )

    @writing
    def forget_messages(self, session: Session, moment: datetime) -> None:
        """Delete older signals and deliveries, and threads without a message since the moment."""
        session.execute(delete(SignalRow).where(SignalRow.sent_at < moment))
        session.execute(delete(ThreadRow).where(ThreadRow.updated_at < moment))
        session.execute(delete(DeliveryRow).where(DeliveryRow.created_at < moment))
        forget_variables(session, moment)


def _tenants(session: Session) -> Iterator[str]:
    """Yield the tenants of runs, each found in the index after the one before."""
    found = session.scalar(select(func.min(RunRow.tenant)))
    while found is not None:
        yield found
        found = session.scalar(select(func.min(RunRow.tenant)).where(RunRow.tenant > found))
