"""Admission: when a run of a limited workflow may be worked on.

A workflow limits its runs in two ways. `max_runs` is how many may be at work at once; a run beyond
it is *held*: pending, but not in the queue. `rate` is how many may start in a period; a run beyond
it gets a later `starts_at`.

An example with `max_runs: 2`. Runs A and B are created and queued. C is created: two runs are in
already, so C is held. A worker finishes A, and `leave` finds C, clears its `control` and queues it,
in the same transaction. B then waits for a person: it is not at work any more and leaves, too, so D
may come in. When B is answered it has no privilege: `enqueue` holds it if C and D are in.

An example with `rate: {runs: 2, per: 60}`. Runs start at 0 s and 10 s. The next one is created at
20 s: the second last start was at 0 s, so it starts at 60 s; one after it looks at the start at
10 s and starts at 70 s. No period of 60 s, wherever it begins, has more than two starts.

All of this happens under a lock per workflow, so that two transactions never count the same place
as free. On SQLite there is one writer, which is lock enough.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from flowc.compiler.definition import RunRate
from flowc.server.records.refused import Refused
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.store.runs.control import Control
from flowc.server.store.runs.work_queue import WorkQueue
from flowc.server.store.tables import IS_UNFINISHED, RunRow


def enqueue(session: Session, queue: WorkQueue, row: RunRow) -> None:
    """Queue a run's segment, or hold the run until it is its turn."""
    row.control = None
    session.flush()
    if is_full(session, row.tenant, row):
        row.control = Control.HELD
    else:
        _let_in(session, queue, row)


def is_full(session: Session, tenant: str, run: RunRow | RunRecord) -> bool:
    """Return whether as many other runs of the workflow are at work as may be."""
    if run.max_runs is None:
        return False
    lock_workflow(session, tenant, run)
    mine = _same_workflow(tenant, run)
    # A queued run has its place already: else the queue could let more in than may be.
    is_in = (RunRow.status == "running") | (
        (RunRow.status == "pending") & or_(RunRow.control.is_(None), RunRow.control != Control.HELD)
    )
    others = select(func.count()).where(mine, RunRow.max_runs.is_not(None), is_in)
    return (session.scalar(others.where(RunRow.id != run.id)) or 0) >= run.max_runs


def leave(session: Session, queue: WorkQueue, tenant: str, run: RunRow | RunRecord) -> None:
    """Let held runs in, now that this run is not at work any more."""
    if run.max_runs is None:
        return
    session.flush()
    lock_workflow(session, tenant, run)
    held = (
        select(RunRow)
        .where(
            _same_workflow(tenant, run),
            RunRow.status == "pending",
            RunRow.control == Control.HELD,
        )
        .order_by(RunRow.priority, RunRow.created_at)
        # A transaction that has one of them locked lets the next one in itself.
        .with_for_update(skip_locked=True)
    )
    # Runs of the same workflow may have different limits, if its definition changed meanwhile.
    for next_one in session.scalars(held.limit(run.max_runs)).all():
        if is_full(session, tenant, next_one):
            return
        next_one.control = None
        session.flush()
        _let_in(session, queue, next_one)


def start_time(session: Session, tenant: str, run: RunRecord, rate: RunRate) -> datetime:
    """Return when a new run may start, so that no period has more starts than the rate allows."""
    lock_workflow(session, tenant, run)
    earliest = run.starts_at or now()
    starts = select(RunRow.starts_at).where(
        _same_workflow(tenant, run), RunRow.starts_at.is_not(None)
    )
    # With a rate of n runs, the n-th last start must be a whole period ago.
    last = session.scalar(starts.order_by(RunRow.starts_at.desc()).offset(rate.runs - 1).limit(1))
    return earliest if last is None else max(earliest, last + timedelta(seconds=rate.per))


def seconds_until(moment: datetime | None) -> float | None:
    """Return the seconds until a moment; None if it is past."""
    left = (moment - now()).total_seconds() if moment is not None else 0.0
    return left if left > 0 else None


def lock_workflow(session: Session, tenant: str, run: RunRow | RunRecord) -> None:
    """Prevent other transactions from letting runs of a workflow in until this one ends."""
    _lock(session, f"{tenant}/{run.workflow_id or run.hash}", 1)


def _lock(session: Session, lane: str, kind: int) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(lane, kind))))


class TooManyRuns(Refused):
    """The tenant has as many unfinished runs as it may have."""

    def __init__(self, most: int | None = None) -> None:
        many = f"{most:,} unfinished runs" if most is not None else "unfinished runs"
        super().__init__(
            f"The tenant has {many}, and may not have more: try again when some have ended."
        )


def require_room(session: Session, tenant: str, most: int | None) -> None:
    """Raise TooManyRuns if a tenant has more than `most` unfinished runs, with the new one.

    To be called after the run was added: the lock lasts until the transaction ends, so that no two
    processes count each other's new run as not there.
    """
    if most is None:
        return
    session.flush()
    _lock(session, tenant, 2)
    mine = select(RunRow.id).where(RunRow.tenant == tenant, IS_UNFINISHED).limit(most + 1)
    if (session.scalar(select(func.count()).select_from(mine.subquery())) or 0) > most:
        raise TooManyRuns(most)


def _same_workflow(tenant: str, run: RunRow | RunRecord) -> ColumnElement[bool]:
    """Return the condition for runs of the same workflow; without one, of the same definition."""
    if run.workflow_id is not None:
        return (RunRow.tenant == tenant) & (RunRow.workflow_id == run.workflow_id)
    is_unnamed = (RunRow.tenant == tenant) & RunRow.workflow_id.is_(None)
    return is_unnamed & (RunRow.hash == run.hash)


def _let_in(session: Session, queue: WorkQueue, row: RunRow) -> None:
    delay = seconds_until(row.starts_at)
    queue.enqueue(session, row.id, row.segment, row.priority, delay)
