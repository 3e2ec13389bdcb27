"""How is a run begun and steered: answered, signalled, paused, cancelled, tried again?

Every transition is one transaction: the run's row, its event, what it waits for, and the work that
follows from it are kept together, or none of them.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from flowc.compiler.interrupts import Answer
from flowc.server.records import ENDED, RunEvent, RunRecord, now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.tables import InterruptRow, RunRow, SignalRow
from flowc.server.store.transitions import (
    Work,
    close_interrupts,
    enqueue,
    go_on,
    keep,
    lock_signals,
    locked,
    say,
    take_answer,
)

# What is said of a run that its creator works on, until somebody does.
DIRECT = "direct"
_CREATE = insert(RunRow.__table__)  # type: ignore[arg-type]
_NEW_FIELDS = (
    "id", "workflow_id", "version", "hash", "uses", "status", "input", "output", "error", "usage",
    "priority", "idempotency_key", "segment", "created_at", "started_at", "finished_at",
)  # fmt: skip


class NoSuchInterrupt(Exception):
    """Whoever answers what was never asked meets this."""


class NotAnswerable(Exception):
    """Whoever answers what has been answered otherwise, or is not asked any more, meets this."""


class NotPossible(Exception):
    """Whoever asks of a run what its state does not allow meets this; the text says why."""


class Steering:
    """What is asked of runs from outside."""

    def __init__(self, database: Database, work: Work) -> None:
        self.database, self._work = database, work

    @writing
    def create(
        self,
        session: Session,
        tenant: str,
        run: RunRecord,
        *,
        is_queued: bool,
        delay: float | None = None,
    ) -> None:
        """Keep a new run; unless the caller works on it, it is put in the queue."""
        fields = {name: getattr(run, name) for name in _NEW_FIELDS}
        control = None if is_queued else DIRECT
        begun = {"tenant": tenant, "attempt": 0, "epoch": 0, "events": 1, "control": control}
        session.execute(_CREATE, [{**fields, **begun}])
        created = RunEvent(0, "run.created", now(), {"priority": run.priority})
        keep(session, run.id, 1, [created])
        if is_queued:
            self._work.enqueue(session, run.id, run.segment, run.priority, delay)

    @writing
    def answer(self, session: Session, tenant: str, interrupt_id: str, value: Any) -> str:
        """Keep an answer, once; return the run's id. The same answer again changes nothing."""
        asked, row = self._asked(session, interrupt_id)
        if asked.tenant != tenant:
            raise NoSuchInterrupt(interrupt_id)
        if asked.status != "open":
            if asked.status == "answered" and asked.answer == value:
                return row.id
            raise NotAnswerable(asked.status)
        take_answer(session, self._work, row, asked, Answer(value))
        return row.id

    @writing
    def send(self, session: Session, tenant: str, id: str, name: str, key: str, data: Any) -> int:
        """Keep a signal, once, and give it to the runs that wait for it; return how many do."""
        lock_signals(session, tenant, [(name, key)])
        if session.get(SignalRow, (tenant, id)) is not None:
            return 0
        signal = SignalRow(tenant=tenant, id=id, name=name, key=key, data=data, sent_at=now())
        session.add(signal)
        waiting = session.scalars(
            select(InterruptRow)
            .where(
                InterruptRow.tenant == tenant,
                InterruptRow.signal == name,
                InterruptRow.signal_key == key,
                InterruptRow.status == "open",
            )
            .order_by(InterruptRow.run_id)
        )
        found = waiting.all()
        for asked in found:
            row = locked(session, asked.run_id)
            asked.signal_id = id
            take_answer(session, self._work, row, asked, Answer(data))
        return len(found)

    @writing
    def cancel(self, session: Session, tenant: str, run_id: str) -> None:
        """End a run at once; whoever works on it is told, and may not write any more."""
        row = locked(session, run_id, tenant)
        if row.status in ENDED:
            if row.status == "cancelled":
                return
            raise NotPossible(f"The run is {row.status} already.")
        error = {"code": "cancelled", "message": "The run was cancelled."}
        row.status, row.error, row.finished_at = "cancelled", error, now()
        row.epoch += 1
        close_interrupts(session, run_id)
        say(session, row, "run.cancelled", {"error": error})

    @writing
    def pause(self, session: Session, tenant: str, run_id: str) -> None:
        """Have a run stop at the next occasion: the nodes at work finish."""
        row = locked(session, run_id, tenant)
        if row.status in ENDED:
            raise NotPossible(f"The run is {row.status} already.")
        if row.status in {"pending", "waiting"}:
            row.status = "paused"
            row.segment += 1
            say(session, row, "run.paused", {})
        elif row.status == "running":
            row.control = "pause"

    @writing
    def resume(self, session: Session, tenant: str, run_id: str) -> None:
        """Have a paused run go on, or wait on for what it waited for."""
        row = locked(session, run_id, tenant)
        row.control = None
        if row.status != "paused":
            raise NotPossible(f"The run is {row.status}, not paused.")
        go_on(session, self._work, row, {"reason": "resumed"})

    @writing
    def retry(self, session: Session, tenant: str, run_id: str) -> None:
        """Have a failed run go on from where it failed."""
        row = locked(session, run_id, tenant)
        if row.status != "failed":
            raise NotPossible(f"The run is {row.status}, not failed.")
        row.error, row.finished_at = None, None
        go_on(session, self._work, row, {"reason": "retried"})

    @writing
    def expire(self, session: Session, interrupt_id: str) -> None:
        """Take note that the time of an interrupt is over."""
        try:
            asked, row = self._asked(session, interrupt_id)
        except NoSuchInterrupt:
            return
        if asked.status != "open":
            return
        is_late = asked.kind != "timer"
        take_answer(session, self._work, row, asked, Answer(is_late=is_late))

    @writing
    def requeue_lost(self, session: Session, older_seconds: float) -> None:
        """Queue the runs whose creator died before anybody worked on them."""
        is_lost = (RunRow.status == "pending") & (RunRow.control == DIRECT)
        is_old = RunRow.created_at <= now() - timedelta(seconds=older_seconds)
        rows = session.scalars(select(RunRow).where(is_lost, is_old).with_for_update())
        for row in rows.all():
            row.control = None
            enqueue(session, self._work, row)

    @reading
    def ended_before(self, session: Session, moment: datetime, limit: int = 100) -> list[str]:
        """Return runs that ended before a moment, oldest first; never one that waits."""
        is_old = RunRow.finished_at.is_not(None) & (RunRow.finished_at < moment)
        found = select(RunRow.id).where(RunRow.status.in_(ENDED), is_old)
        return list(session.scalars(found.order_by(RunRow.finished_at).limit(limit)))

    @writing
    def forget(self, session: Session, run_id: str) -> None:
        """Delete a run that has ended, with its events and what it asked."""
        session.execute(delete(RunRow).where(RunRow.id == run_id, RunRow.status.in_(ENDED)))

    @writing
    def forget_signals(self, session: Session, moment: datetime) -> None:
        """Delete the signals that were sent before a moment."""
        session.execute(delete(SignalRow).where(SignalRow.sent_at < moment))

    def _asked(self, session: Session, interrupt_id: str) -> tuple[InterruptRow, RunRow]:
        run_id = session.scalar(select(InterruptRow.run_id).where(InterruptRow.id == interrupt_id))
        if run_id is None:
            raise NoSuchInterrupt(interrupt_id)
        row = locked(session, run_id)
        asked = session.get(InterruptRow, interrupt_id, populate_existing=True)
        if asked is None:
            raise NoSuchInterrupt(interrupt_id)
        return asked, row
