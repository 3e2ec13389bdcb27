"""Steering: how runs are created, answered, signalled, paused, resumed, cancelled and retried.

Every transition is one transaction: the run's row, its events, its interrupts, and the queued work
that follows are committed together, or none of them is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from flowc.compiler.definition import RunRate
from flowc.compiler.node.interrupts import Answer
from flowc.compiler.running.event_data import StopsData
from flowc.compiler.running.events import (
    RUN_BREAKPOINTS,
    RUN_CANCELLED,
    RUN_CREATED,
    RUN_FAILED,
    RUN_PAUSED,
    RUN_STARTED,
)
from flowc.server.records.refused import Refused
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import ENDED, RunRecord
from flowc.server.records.times import now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.messages import begin_turn
from flowc.server.store.runs.admission import is_full, seconds_until, start_time
from flowc.server.store.runs.control import Control
from flowc.server.store.runs.stored_runs import RUN_FIELDS, events_of, record_of, with_nodes
from flowc.server.store.runs.transitions import (
    append_event,
    append_events,
    close_interrupts,
    come_to_rest,
    lock_signals,
    locked,
    pass_breakpoints,
    queue_again,
    take_answer,
)
from flowc.server.store.runs.work_queue import WorkQueue
from flowc.server.store.tables import (
    DeliveryRow,
    InterruptRow,
    RecordingRow,
    RunRow,
    SignalRow,
    ThreadRow,
)


class StartLimits(NamedTuple):
    """How many runs of a workflow may be at work at once, and how many may start in a period."""

    max_runs: int | None = None
    rate: RunRate | None = None


_CREATE = insert(RunRow.__table__)  # type: ignore[arg-type]


class NoSuchInterrupt(Refused):
    """There is no such question."""


class NotAnswerable(Refused):
    """This question was answered differently, or is no longer open."""


class NotPossible(Refused):
    """The status of the run does not allow this."""


class Steering:
    """Changes to runs from outside their workers."""

    def __init__(self, database: Database, queue: WorkQueue) -> None:
        self.database, self._queue = database, queue

    @writing
    def create(
        self,
        session: Session,
        tenant: str,
        run: RunRecord,
        *,
        limits: StartLimits,
        is_queued: bool,
        recorded: Mapping[str, Any] | None = None,
        message: Any = None,
    ) -> bool:
        """Store a new run; return whether it is the caller's, which then must work on it at once.

        Otherwise it is in the queue, or held. With a `message`, it is the next turn of its thread:
        raises NoSuchThread or ThreadBusy.
        """
        run.max_runs = limits.max_runs
        if limits.rate is not None:
            run.starts_at = start_time(session, tenant, run, limits.rate)
        control = Control.HELD if is_full(session, tenant, run) else None
        delay = seconds_until(run.starts_at)
        is_here = control is None and delay is None and not is_queued
        events = [RunEvent.of(RUN_CREATED.of_run({"priority": run.priority}))]
        if is_here:
            control, run.status, run.started_at = Control.DIRECT, "running", now()
            started = RUN_STARTED.of_run({"segment": 0, "attempt": 1})
            events.append(RunEvent.of(started, run.started_at))
        fields = {name: getattr(run, name) for name in RUN_FIELDS}
        counters = {"attempt": int(is_here), "epoch": int(is_here), "events": len(events)}
        session.execute(_CREATE, [{**fields, **counters, "tenant": tenant, "control": control}])
        if message is not None:
            # After the insertion: a repeated key finds its run even if the thread is busy with it.
            begin_turn(session, tenant, run, message)
        if recorded is not None:
            session.add(RecordingRow(run_id=run.id, recorded=dict(recorded)))
        append_events(session, run.id, len(events), events)
        if control is None:
            self._queue.enqueue(session, run.id, run.segment, run.priority, delay)
        return is_here

    @writing
    def answer(self, session: Session, tenant: str, interrupt_id: str, value: Any) -> str:
        """Store an answer, once; return the run's id. The same answer again changes nothing."""
        asked, row = self._asked(session, interrupt_id)
        if asked.tenant != tenant:
            raise NoSuchInterrupt
        if asked.status != "open":
            if asked.status == "answered" and asked.answer == value:
                return row.id
            raise NotAnswerable
        take_answer(session, self._queue, row, asked, Answer(value))
        return row.id

    @writing
    def send(self, session: Session, tenant: str, id: str, name: str, key: str, data: Any) -> int:
        """Store a signal, once, and answer the runs that wait for it; return how many did."""
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
            take_answer(session, self._queue, row, asked, Answer(data))
        return len(found)

    @writing
    def end(
        self,
        session: Session,
        tenant: str,
        run_id: str,
        status: Literal["cancelled", "failed"],
        error: Mapping[str, str],
    ) -> None:
        """End a run at once; its worker stops, and can no longer write to it."""
        row = locked(session, run_id, tenant)
        if row.status in ENDED:
            if row.status == status == "cancelled":
                return
            raise NotPossible(f"The run is already {row.status}.")
        row.status, row.error, row.finished_at = status, dict(error), now()
        row.epoch += 1
        row.usage = with_nodes(record_of(row), events_of(session, run_id)).usage
        close_interrupts(session, run_id)
        kind = RUN_FAILED if status == "failed" else RUN_CANCELLED
        append_event(session, row, kind.of_run({"error": dict(error)}))
        come_to_rest(session, self._queue, tenant, row)

    @writing
    def pause(self, session: Session, tenant: str, run_id: str) -> None:
        """Pause a run; if it is at work, as soon as its running nodes have finished."""
        row = locked(session, run_id, tenant)
        if row.status in ENDED:
            raise NotPossible(f"The run is already {row.status}.")
        if row.status in {"pending", "waiting"}:
            row.status = "paused"
            row.segment += 1
            append_event(session, row, RUN_PAUSED.of_run({}))
            come_to_rest(session, self._queue, tenant, row)
        elif row.status == "running":
            row.control = Control.PAUSE

    @writing
    def resume(self, session: Session, tenant: str, run_id: str, *, is_step: bool = False) -> None:
        """Continue a paused run, which may still have to wait; a step stops at the next node."""
        row = locked(session, run_id, tenant)
        if row.status == "running" and row.control == Control.PAUSE and not is_step:
            row.control = None
            return
        if row.status != "paused":
            raise NotPossible(f"The run is {row.status}, not paused.")
        if is_step or row.breakpoints is not None:
            row.breakpoints = {**(row.breakpoints or {"nodes": []}), "stepping": is_step}
        pass_breakpoints(session, run_id)
        queue_again(session, self._queue, row, {"reason": "step" if is_step else "resumed"})

    @writing
    def set_breakpoints(
        self, session: Session, tenant: str, run_id: str, nodes: Sequence[str] | None
    ) -> None:
        """Set the nodes, by name, before which a run stops; None ends debugging."""
        row = locked(session, run_id, tenant)
        if row.status in ENDED:
            raise NotPossible(f"The run is already {row.status}.")
        is_stepping = bool(row.breakpoints and row.breakpoints["stepping"])
        stops: StopsData = {"nodes": sorted(set(nodes or ())), "stepping": is_stepping}
        row.breakpoints = stops if nodes is not None else None
        append_event(session, row, RUN_BREAKPOINTS.of_run({"breakpoints": row.breakpoints}))

    @writing
    def retry(self, session: Session, tenant: str, run_id: str) -> None:
        """Continue a failed run from where it failed."""
        row = locked(session, run_id, tenant)
        if row.status != "failed":
            raise NotPossible(f"The run is {row.status}, not failed.")
        row.error, row.finished_at = None, None
        queue_again(session, self._queue, row, {"reason": "retried"})

    @writing
    def expire(self, session: Session, interrupt_id: str) -> None:
        """Answer an interrupt whose time is over, if it is still open."""
        try:
            asked, row = self._asked(session, interrupt_id)
        except NoSuchInterrupt:
            return
        if asked.status != "open":
            return
        is_late = asked.kind != "timer"
        take_answer(session, self._queue, row, asked, Answer(is_late=is_late))

    @writing
    def requeue_lost(self, session: Session, older_seconds: float) -> None:
        """Queue the runs whose creator died before it wrote to them."""
        is_lost = RunRow.status.in_(["pending", "running"]) & (RunRow.control == Control.DIRECT)
        is_old = RunRow.created_at <= now() - timedelta(seconds=older_seconds)
        rows = session.scalars(select(RunRow).where(is_lost, is_old).with_for_update())
        for row in rows.all():
            self._requeue(session, row)

    @writing
    def requeue(self, session: Session, run_id: str) -> None:
        """Queue a run whose creator could not write to it."""
        row = locked(session, run_id)
        if row.control == Control.DIRECT and row.status not in ENDED:
            self._requeue(session, row)

    def _requeue(self, session: Session, row: RunRow) -> None:
        # If the creator is alive after all, its next write is refused.
        row.epoch += 1
        queue_again(session, self._queue, row, {"reason": "lost"})

    @reading
    def ended_before(self, session: Session, moment: datetime, limit: int = 100) -> list[str]:
        """Return runs that ended before a moment, oldest first; never one that waits."""
        is_old = RunRow.finished_at.is_not(None) & (RunRow.finished_at < moment)
        found = select(RunRow.id).where(RunRow.status.in_(ENDED), is_old)
        return list(session.scalars(found.order_by(RunRow.finished_at).limit(limit)))

    @writing
    def forget(self, session: Session, run_id: str) -> None:
        """Delete a run that has ended, with its events and interrupts."""
        session.execute(delete(RunRow).where(RunRow.id == run_id, RunRow.status.in_(ENDED)))

    @writing
    def forget_messages(self, session: Session, moment: datetime) -> None:
        """Delete older signals and deliveries, and threads without a message since the moment."""
        session.execute(delete(SignalRow).where(SignalRow.sent_at < moment))
        session.execute(delete(ThreadRow).where(ThreadRow.updated_at < moment))
        session.execute(delete(DeliveryRow).where(DeliveryRow.created_at < moment))

    def _asked(self, session: Session, interrupt_id: str) -> tuple[InterruptRow, RunRow]:
        run_id = session.scalar(select(InterruptRow.run_id).where(InterruptRow.id == interrupt_id))
        if run_id is None:
            raise NoSuchInterrupt
        row = locked(session, run_id)
        asked = session.get(InterruptRow, interrupt_id, populate_existing=True)
        if asked is None:
            raise NoSuchInterrupt
        return asked, row
