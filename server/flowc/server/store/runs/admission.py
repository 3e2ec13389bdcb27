"""When may a run be worked on? Its workflow says how many may at once, and how many in a time.

A run that waits for its turn is not in the queue; whoever leaves lets the next one in.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from flowc.compiler.definition import RunRate
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.store.runs.errands import Work
from flowc.server.store.tables import RunRow

# What is said of a run that waits for its turn.
HELD = "held"


def enqueue(session: Session, work: Work, row: RunRow) -> None:
    """Put a run's segment in the queue, or let it wait until it is its turn."""
    row.control = None
    session.flush()
    if is_full(session, row.tenant, row):
        row.control = HELD
    else:
        _let_in(session, work, row)


def is_full(session: Session, tenant: str, run: RunRow | RunRecord) -> bool:
    """Say whether as many runs of a run's workflow are at work as may be, besides it."""
    if run.max_runs is None:
        return False
    lock_workflow(session, tenant, run)
    mine = _same_workflow(tenant, run)
    is_in = (RunRow.status == "running") | (
        (RunRow.status == "pending") & or_(RunRow.control.is_(None), RunRow.control != HELD)
    )
    others = select(func.count()).where(mine, RunRow.max_runs.is_not(None), is_in)
    return (session.scalar(others.where(RunRow.id != run.id)) or 0) >= run.max_runs


def leave(session: Session, work: Work, tenant: str, run: RunRow | RunRecord) -> None:
    """Let in those that wait for their turn, now that a run is not at work any more."""
    if run.max_runs is None:
        return
    session.flush()
    lock_workflow(session, tenant, run)
    waiting = (
        select(RunRow)
        .where(_same_workflow(tenant, run), RunRow.status == "pending", RunRow.control == HELD)
        .order_by(RunRow.priority, RunRow.created_at)
        # Somebody who steers one of them lets the next one in himself.
        .with_for_update(skip_locked=True)
    )
    for next_one in session.scalars(waiting.limit(run.max_runs)).all():
        if is_full(session, tenant, next_one):
            return
        next_one.control = None
        session.flush()
        _let_in(session, work, next_one)


def start_time(session: Session, tenant: str, run: RunRecord, rate: RunRate) -> datetime:
    """Return when a new run may begin, so that never more do in a time than the rate allows."""
    lock_workflow(session, tenant, run)
    earliest = run.starts_at or now()
    begun = select(RunRow.starts_at).where(
        _same_workflow(tenant, run), RunRow.starts_at.is_not(None)
    )
    last = session.scalar(begun.order_by(RunRow.starts_at.desc()).offset(rate.runs - 1).limit(1))
    return earliest if last is None else max(earliest, last + timedelta(seconds=rate.per))


def seconds_until(moment: datetime | None) -> float | None:
    """Return how long it is until a moment; None if it is over."""
    left = (moment - now()).total_seconds() if moment is not None else 0.0
    return left if left > 0 else None


def lock_workflow(session: Session, tenant: str, run: RunRow | RunRecord) -> None:
    """Keep other runs of a workflow from being let in until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        lane = f"{tenant}/{run.workflow_id or run.hash}"
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(lane, 1))))


def _same_workflow(tenant: str, run: RunRow | RunRecord) -> ColumnElement[bool]:
    """Say of runs whether they are of the same workflow; if it is not kept, the same definition."""
    if run.workflow_id is not None:
        return (RunRow.tenant == tenant) & (RunRow.workflow_id == run.workflow_id)
    is_not_kept = (RunRow.tenant == tenant) & RunRow.workflow_id.is_(None)
    return is_not_kept & (RunRow.hash == run.hash)


def _let_in(session: Session, work: Work, row: RunRow) -> None:
    delay = seconds_until(row.starts_at)
    work.enqueue(session, row.id, row.segment, row.priority, delay)
