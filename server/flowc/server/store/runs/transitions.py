"""What all transitions of runs share: locks, events, interrupts, and the work that follows.

Each function runs within a transaction that its caller has started.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from flowc.compiler.node.interrupts import Answer, Interrupt
from flowc.compiler.running.event_data import InterruptData, RunResumedData
from flowc.compiler.running.events import INTERRUPT_ANSWERED, RUN_RESUMED, Event
from flowc.server.records.run_events import RunEvent
from flowc.server.records.run_facts import RunFacts
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.store.database import APPENDED, HAPPENED
from flowc.server.store.events import EVENTS, event_rows
from flowc.server.store.messages import (
    ask_in_turn,
    ask_the_next,
    end_turn,
    question_to_answer,
)
from flowc.server.store.runs.admission import enqueue, leave
from flowc.server.store.runs.announcements import announce
from flowc.server.store.runs.batches import CHANNEL, URGENT, is_urgent
from flowc.server.store.runs.stored_runs import NoSuchRun
from flowc.server.store.runs.work_queue import WorkQueue
from flowc.server.store.tables import InterruptRow, RunRow, SignalRow

_NOTIFY = text("select pg_notify(:channel, :payload)")
_INSERT = insert(EVENTS)


def open_interrupt(
    session: Session, queue: WorkQueue, row: RunRow, interrupt: Interrupt
) -> InterruptRow:
    """Store what a run waits for; a signal that was sent before answers it at once."""
    ask, moment = interrupt.ask, now()
    is_signal = ask.kind == "signal"
    opened = InterruptRow(
        id=interrupt.id,
        run_id=row.id,
        tenant=row.tenant,
        node_id=interrupt.node_id,
        path=interrupt.path,
        kind=ask.kind,
        status="waiting",
        data=dict(ask.data),
        signal=ask.data["signal"] if is_signal else None,
        signal_key=ask.data["key"] if is_signal else None,
        signal_id=None,
        answer=None,
        created_at=moment,
        due_at=moment + timedelta(seconds=ask.seconds) if ask.seconds is not None else None,
        answered_at=None,
        answered_by=None,
    )
    session.add(opened)
    session.flush()
    if ask.kind == "human":
        ask_in_turn(session, row, opened)
    await_answer(session, queue, row, opened)
    return opened


def await_answer(session: Session, queue: WorkQueue, row: RunRow, asked: InterruptRow) -> None:
    """Open an interrupt, also a closed one; a signal that was sent before answers it at once."""
    asked.status = "waiting"
    if asked.signal is not None:
        take_sent_signal(session, row, asked)
    if asked.due_at is not None and asked.status == "waiting":
        seconds = max(0.0, (asked.due_at - now()).total_seconds())
        queue.errand(session, "wake", asked.id, row.id, seconds)


def take_answer(
    session: Session, queue: WorkQueue, row: RunRow, asked: InterruptRow, answer: Answer
) -> None:
    """Store the answer of an interrupt, and queue the run if it waits.

    If the run is still at work, its worker finds the answer when it lets the run rest.
    """
    was_next = question_to_answer(session, row) == asked.id
    _answer(asked, answer)
    if was_next:
        session.flush()
        ask_the_next(session, row)
    answered = INTERRUPT_ANSWERED.of_run({**data_of(asked), "status": asked.status})
    append_event(session, row, answered)
    if row.status == "waiting":
        queue_again(session, queue, row, {"reason": "answered", "interrupt": asked.id})


def queue_again(session: Session, queue: WorkQueue, row: RunRow, why: RunResumedData) -> None:
    """Queue a run for its next segment."""
    row.status, row.attempt, row.worker = "pending", 0, None
    # Each segment has its own id in the queue, which refuses an id that it has finished.
    row.segment += 1
    append_event(session, row, RUN_RESUMED.of_run(why))
    enqueue(session, queue, row)


def come_to_rest(
    session: Session,
    queue: WorkQueue,
    tenant: str,
    run: RunRow | RunRecord,
    *,
    has_audience: bool = True,
) -> None:
    """Do what follows when a run is not at work any more: let others in, end its turn, announce it.

    Without an audience, there is nothing to look up and announce.
    """
    leave(session, queue, tenant, run)
    end_turn(session, tenant, run)
    if has_audience:
        announce(session, queue, tenant, run)


def locked(session: Session, run_id: str, tenant: str | None = None) -> RunRow:
    """Return a run, locked until the transaction ends; raise NoSuchRun."""
    row = session.get(RunRow, run_id, with_for_update=True, populate_existing=True)
    if row is None or tenant not in {None, row.tenant}:
        raise NoSuchRun(run_id)
    return row


def lock_signals(session: Session, tenant: str, signals: Iterable[tuple[str, str]]) -> None:
    """Lock signals by name and key, so that each is either sent before a run waits, or after.

    Without the lock, two transactions at the same time could each miss what the other writes. It
    must be taken before any lock on a run, by senders and waiters alike, or they deadlock.
    """
    if not _is_postgres(session):
        return
    for name, key in sorted(set(signals)):
        lock = func.pg_advisory_xact_lock(func.hashtextextended(f"{tenant}/{name}/{key}", 0))
        session.execute(select(lock))


def append_event(session: Session, row: RunRow, event: Event) -> None:
    """Append one event of a run whose row is locked."""
    row.events += 1
    append_events(session, row, row.events, [RunEvent.of(event)])


def append_events(session: Session, run: Any, last: int, events: Sequence[RunEvent]) -> None:
    """Append events of a run (its row), numbered so that the last one has the number `last`.

    They are published when the transaction commits: here by `Database.write`, in other processes
    by PostgreSQL, which sends its notifications at the same moment.
    """
    if not events:
        return
    note_appended(session, RunFacts.of(run, run.tenant), events)
    session.execute(_INSERT, event_rows(run.key, last, events))
    if _is_postgres(session):
        payload = f"{run.id} {URGENT}" if is_urgent(events) else run.id
        session.execute(_NOTIFY, {"channel": CHANNEL, "payload": payload})


def note_appended(session: Session, run: RunFacts, events: Sequence[RunEvent]) -> None:
    """Let the events of a run be published and reported after the commit."""
    session.info.setdefault(APPENDED, {})[run.id] = is_urgent(events)
    session.info.setdefault(HAPPENED, []).append((run, events))


def _is_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def interrupts_of(session: Session, run_id: str) -> dict[str, InterruptRow]:
    """Return all interrupts of a run, by id."""
    rows = session.scalars(select(InterruptRow).where(InterruptRow.run_id == run_id))
    return {row.id: row for row in rows}


def answers_of(session: Session, run_id: str) -> dict[str, Answer]:
    """Return the answers of a run's interrupts, by interrupt id."""
    rows = interrupts_of(session, run_id).values()
    answered = [row for row in rows if row.status in {"answered", "late"}]
    return {row.id: Answer(row.answer, row.status == "late", row.answered_at) for row in answered}


def take_sent_signal(session: Session, row: RunRow, asked: InterruptRow) -> None:
    """Answer with the oldest signal that was sent since the run was created and is unused by it."""
    taken = select(InterruptRow.signal_id).where(
        InterruptRow.run_id == row.id, InterruptRow.signal_id.is_not(None)
    )
    signal = session.scalar(
        select(SignalRow)
        .where(
            SignalRow.tenant == row.tenant,
            SignalRow.name == asked.signal,
            SignalRow.key == asked.signal_key,
            SignalRow.sent_at >= row.created_at,
            SignalRow.id.not_in(taken),
        )
        .order_by(SignalRow.sent_at, SignalRow.id)
        .limit(1)
    )
    if signal is not None:
        asked.signal_id = signal.id
        _answer(asked, Answer(signal.data))


def _answer(asked: InterruptRow, answer: Answer) -> None:
    asked.status = "late" if answer.is_late else "answered"
    asked.answer, asked.answered_at = answer.value, now()


def pass_breakpoints(session: Session, run_id: str) -> None:
    """Answer the breakpoints at which a run is paused, so that it continues past them."""
    session.execute(
        update(InterruptRow)
        .where(
            InterruptRow.run_id == run_id,
            InterruptRow.kind == "breakpoint",
            InterruptRow.status == "waiting",
        )
        .values(status="answered", answered_at=now())
    )


def close_interrupts(session: Session, run_id: str) -> None:
    """Close the open interrupts of a run, so that they can no longer be answered."""
    session.execute(
        update(InterruptRow)
        .where(InterruptRow.run_id == run_id, InterruptRow.status == "waiting")
        .values(status="closed")
    )


def data_of(asked: InterruptRow) -> InterruptData:
    """Return an interrupt as the data of an event."""
    return {
        "id": asked.id,
        "node_id": asked.node_id,
        "path": asked.path,
        "kind": asked.kind,
        "data": asked.data,
        "due_at": asked.due_at.isoformat() if asked.due_at is not None else None,
    }
