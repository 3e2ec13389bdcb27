"""What do all transitions of runs have in common? Locks, events, questions, and work that follows.

All of this happens within a transaction that somebody else has begun.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from flowc.compiler.node.interrupts import Answer, Interrupt
from flowc.compiler.running.event_data import InterruptData, RunResumedData
from flowc.compiler.running.events import INTERRUPT_ANSWERED, RUN_RESUMED, Event, EventKind
from flowc.server.records.run_events import EVENT_FIELDS, RunEvent
from flowc.server.records.runs import AT_REST, RunRecord
from flowc.server.records.times import now
from flowc.server.store.database import APPENDED
from flowc.server.store.messages import ask_in_turn, end_turn
from flowc.server.store.runs.admission import enqueue, leave
from flowc.server.store.runs.announcements import announce
from flowc.server.store.runs.errands import Work
from flowc.server.store.runs.stored_runs import NoSuchRun
from flowc.server.store.tables import EventRow, InterruptRow, RunRow, SignalRow

# The PostgreSQL channel on which other processes are notified of runs with new events.
CHANNEL = "flowc_runs"
URGENT = "at once"
_NOTIFY = text("select pg_notify(:channel, :payload)")
_INSERT = insert(EventRow.__table__)  # type: ignore[arg-type]
# After these, those that wait for the run must look at once, and so must its worker.
_URGENT = {*(EventKind.of_status(status) for status in AT_REST), EventKind.RUN_BREAKPOINTS}


def ask_for(session: Session, work: Work, row: RunRow, interrupt: Interrupt) -> InterruptRow:
    """Keep what a run waits for; a signal that has come already answers it."""
    ask, moment = interrupt.ask, now()
    is_signal = ask.kind == "signal"
    asked = InterruptRow(
        id=interrupt.id,
        run_id=row.id,
        tenant=row.tenant,
        node_id=interrupt.node_id,
        path=interrupt.path,
        kind=ask.kind,
        status="open",
        data=dict(ask.data),
        signal=ask.data["signal"] if is_signal else None,
        signal_key=ask.data["key"] if is_signal else None,
        signal_id=None,
        answer=None,
        created_at=moment,
        due_at=moment + timedelta(seconds=ask.seconds) if ask.seconds is not None else None,
        answered_at=None,
    )
    session.add(asked)
    session.flush()
    if ask.kind == "human":
        ask_in_turn(session, row, asked.data)
    await_answer(session, work, row, asked)
    return asked


def await_answer(session: Session, work: Work, row: RunRow, asked: InterruptRow) -> None:
    """Ask, for the first time or anew; a signal that has come already answers."""
    asked.status = "open"
    if asked.signal is not None:
        take_kept_signal(session, row, asked)
    if asked.due_at is not None and asked.status == "open":
        seconds = max(0.0, (asked.due_at - now()).total_seconds())
        work.errand(session, "wake", asked.id, row.id, seconds)


def take_answer(
    session: Session, work: Work, row: RunRow, asked: InterruptRow, answer: Answer
) -> None:
    """Keep what came of an interrupt; the run goes on if it waits, and its worker if not."""
    _answer(asked, answer)
    append_event(
        session, row, INTERRUPT_ANSWERED.of_run({**data_of(asked), "status": asked.status})
    )
    if row.status == "waiting":
        go_on(session, work, row, {"reason": "answered", "interrupt": asked.id})


def go_on(session: Session, work: Work, row: RunRow, why: RunResumedData) -> None:
    """Have a run worked on again."""
    row.status, row.attempt = "pending", 0
    # A segment has an id of its own in the queue, where what ended stays known.
    row.segment += 1
    append_event(session, row, RUN_RESUMED.of_run(why))
    enqueue(session, work, row)


def after(
    session: Session, work: Work, tenant: str, run: RunRow | RunRecord, *, has_audience: bool = True
) -> None:
    """Do what follows when a run is not at work any more: others have their turn, or are told.

    Where it is known that nobody listens, nobody is looked for.
    """
    leave(session, work, tenant, run)
    end_turn(session, tenant, run)
    if has_audience:
        announce(session, work, tenant, run)


def locked(session: Session, run_id: str, tenant: str | None = None) -> RunRow:
    """Return a run that nobody else changes until the transaction ends; raise NoSuchRun."""
    row = session.get(RunRow, run_id, with_for_update=True, populate_existing=True)
    if row is None or tenant not in {None, row.tenant}:
        raise NoSuchRun
    return row


def lock_signals(session: Session, tenant: str, signals: Iterable[tuple[str, str]]) -> None:
    """Keep signals of these names from being sent while they begin to be waited for.

    Else each could miss the other. Before any lock on a run: whoever sends locks in this order.
    """
    if not _is_postgres(session):
        return
    for name, key in sorted(set(signals)):
        lock = func.pg_advisory_xact_lock(func.hashtextextended(f"{tenant}/{name}/{key}", 0))
        session.execute(select(lock))


def append_event(session: Session, row: RunRow, event: Event) -> None:
    """Append one event of a run whose row is locked."""
    row.events += 1
    append_events(session, row.id, row.events, [RunEvent.of(event)])


def append_events(session: Session, run_id: str, last: int, events: Sequence[RunEvent]) -> None:
    """Append events, numbered so that the last one has the number `last`.

    They are published when the transaction commits: here by `Database.write`, in other processes
    by PostgreSQL, which sends its notifications at the same moment.
    """
    if not events:
        return
    first = last - len(events) + 1
    rows = [
        {"run_id": run_id, **_columns(event), "number": first + i} for i, event in enumerate(events)
    ]
    is_urgent = any(event.kind in _URGENT for event in events)
    session.info.setdefault(APPENDED, {})[run_id] = is_urgent
    session.execute(_INSERT, rows)
    if _is_postgres(session):
        payload = f"{run_id} {URGENT}" if is_urgent else run_id
        session.execute(_NOTIFY, {"channel": CHANNEL, "payload": payload})


def _columns(event: RunEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in EVENT_FIELDS}


def _is_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def interrupts_of(session: Session, run_id: str) -> dict[str, InterruptRow]:
    """Return all that a run has asked, by id."""
    rows = session.scalars(select(InterruptRow).where(InterruptRow.run_id == run_id))
    return {row.id: row for row in rows}


def answers_of(session: Session, run_id: str) -> dict[str, Answer]:
    """Return what has come of a run's questions, by their ids."""
    rows = interrupts_of(session, run_id).values()
    given = [row for row in rows if row.status in {"answered", "late"}]
    return {row.id: Answer(row.answer, row.status == "late") for row in given}


def take_kept_signal(session: Session, row: RunRow, asked: InterruptRow) -> None:
    """Answer with the oldest signal sent since the run was created that it has not had yet."""
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


def let_on(session: Session, run_id: str) -> None:
    """Let a run go on from the breakpoints at which it stands."""
    session.execute(
        update(InterruptRow)
        .where(
            InterruptRow.run_id == run_id,
            InterruptRow.kind == "breakpoint",
            InterruptRow.status == "open",
        )
        .values(status="answered", answered_at=now())
    )


def close_interrupts(session: Session, run_id: str) -> None:
    """Ask no more."""
    session.execute(
        update(InterruptRow)
        .where(InterruptRow.run_id == run_id, InterruptRow.status == "open")
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
