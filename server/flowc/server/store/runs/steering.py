"""Steering: how runs are created, answered, signalled, paused, resumed, cancelled and retried.

Every transition is one transaction: the run's row, its events, its interrupts, and the queued work
that follows are committed together, or none of them is.
"""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from flowc.compiler.definition import RunRate
from flowc.compiler.node.interrupts import Answer
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
from flowc.server.records.run_facts import RunFacts
from flowc.server.records.run_keys import same_json
from flowc.server.records.runs import ENDED, RunRecord
from flowc.server.records.senders import UNNAMED, Sender
from flowc.server.records.stops import StopNodes, stops_of
from flowc.server.records.times import now
from flowc.server.store.archives import restore
from flowc.server.store.checkpoints import delete_threads
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.events import events_of
from flowc.server.store.messages import begin_turn
from flowc.server.store.runs.admission import is_full, require_room, seconds_until, start_time
from flowc.server.store.runs.batches import Batch, Pending, WorkerInstructions
from flowc.server.store.runs.control import Control
from flowc.server.store.runs.creation import creation_of, parted
from flowc.server.store.runs.stored_runs import RUN_FIELDS, record_of, with_nodes
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
from flowc.server.store.runs.writer import Writer
from flowc.server.store.tables import (
    IS_UNFINISHED,
    InterruptRow,
    RecordingRow,
    RunRow,
    SignalRow,
)
from flowc.server.store.tallies import put_tally
from flowc.server.store.values import Values, put_values


class StartLimits(NamedTuple):
    """How many runs of a workflow may be at work at once, and how many may start in a period."""

    max_runs: int | None = None
    rate: RunRate | None = None


class RunStart(NamedTuple):
    """How a run starts: at once in the process `worker`, if that has a slot for it.

    An awaited run does not wait for those in the queue. It is `unseen` if no one gets its id before
    it has come to rest. `recorded` is what a replay reuses, and `changes` what was changed in the
    run before. With a `message`, it is the next turn of its thread. Its first event has the sender.
    """

    limits: StartLimits = StartLimits()
    worker: str | None = None
    is_awaited: bool = False
    is_unseen: bool = False
    recorded: Mapping[str, Any] | None = None
    message: Any = None
    changes: Sequence[RunEvent] = ()
    sender: Sender = UNNAMED

    def is_plain_for(self, run: RunRecord) -> bool:
        """Return whether nothing has to be looked up before the run may start at once."""
        has_more = self.recorded is not None or self.message is not None
        has_keys = run.idempotency_key is not None or run.deduplication_key is not None
        is_here = self.worker is not None and self.is_awaited and run.starts_at is None
        return is_here and self.limits == StartLimits() and not (has_more or has_keys)


_CREATED = (RunRow.key, *(getattr(RunRow, name) for name in RunFacts._fields))
_WAITING = and_(IS_UNFINISHED, RunRow.status == "pending", RunRow.control.is_(None))
_RUNNING = and_(IS_UNFINISHED, RunRow.status == "running")


def _created(run: RunRecord, start: RunStart) -> RunEvent:
    return RunEvent.of(RUN_CREATED.of_run(start.sender.created(run.priority)))


def _begin(run: RunRecord, start: RunStart) -> list[RunEvent]:
    """Let a new run begin now; return its first events."""
    created = _created(run, start)
    run.status, run.started_at = "running", now()
    return [created, RunEvent.of(RUN_STARTED.of_run({"segment": 0, "attempt": 1}), run.started_at)]


def _row_of(
    tenant: str, run: RunRecord, worker: str | None, events: Sequence[RunEvent]
) -> dict[str, Any]:
    is_here = int(worker is not None)
    fields = {name: getattr(run, name) for name in RUN_FIELDS}
    counters = {"attempt": is_here, "epoch": is_here, "events": len(events)}
    return {**fields, **counters, "tenant": tenant, "control": None, "worker": worker}


def _is_some(session: Session) -> bool:
    """Return whether a run waits in the queue that may be worked on now."""
    is_due = RunRow.starts_at.is_(None) | (RunRow.starts_at <= now())
    return session.scalar(select(RunRow.id).where(_WAITING, is_due).limit(1)) is not None


class NoSuchInterrupt(Refused):
    """There is no such question."""


class NotAnswerable(Refused):
    """This question was answered differently, or is no longer open."""


class SignalTaken(Refused):
    """A signal with this id was sent before, with another name, key or data; send another id."""


class NotPossible(Refused):
    """The status of the run does not allow this."""


class Steering:
    """Changes to runs from outside their workers; a tenant has at most `most` unfinished runs."""

    def __init__(
        self, database: Database, queue: WorkQueue, writer: Writer, most: int | None = None
    ) -> None:
        self.database, self._queue, self._writer, self._most = database, queue, writer, most

    def is_plain(self, run: RunRecord, start: RunStart) -> bool:
        """Return whether nothing has to be looked up before a new run may start at once."""
        return self._most is None and start.is_plain_for(run)

    async def create(self, tenant: str, run: RunRecord, start: RunStart) -> bool:
        """Store a new run; return whether it is the caller's, which then must work on it at once.

        It is, unless it must wait, or other runs wait in the queue and this one is not awaited.
        Otherwise it is in the queue, or held. Raises NoSuchThread, ThreadBusy or TooManyRuns.
        """
        if not self.is_plain(run, start):
            return await self._create(tenant, run, start)
        await self.begin(tenant, run, start)
        return True

    def begin(
        self, tenant: str, run: RunRecord, start: RunStart, *, soon: bool = False
    ) -> Coroutine[Any, Any, WorkerInstructions]:
        """Let a run begin now for which nothing has to be looked up; return what stores it.

        If that is to be done `soon`, it is committed with the first of what the run does.
        """
        events = _begin(run, start)
        new = _row_of(tenant, run, start.worker, events)
        about = RunFacts.of(run, tenant)
        batch = Batch(run.id, tenant, 1, Pending(events), new=new, about=about)
        return self._writer.commit(batch, soon=soon)

    @writing
    def _create(self, session: Session, tenant: str, run: RunRecord, start: RunStart) -> bool:
        run.max_runs = start.limits.max_runs
        if start.limits.rate is not None:
            run.starts_at = start_time(session, tenant, run, start.limits.rate)
        control = Control.HELD if is_full(session, tenant, run) else None
        delay = seconds_until(run.starts_at)
        is_first = start.is_awaited or not _is_some(session)
        is_here = start.worker is not None and not (control or delay) and is_first
        first = _begin(run, start) if is_here else [_created(run, start)]
        events = [*first, *start.changes]
        row, values = _row_of(tenant, run, start.worker if is_here else None, events), Values()
        creation = creation_of(self.database.dialect).returning(*_CREATED)
        created = session.execute(creation, parted({**row, "control": control}, values)).one()
        put_values(session, run.id, values)
        if start.message is not None:
            # After the insertion: a repeated key finds its run even if the thread is busy with it.
            begin_turn(session, tenant, run, start.message)
        if start.recorded is not None:
            session.add(RecordingRow(run_id=run.id, recorded=dict(start.recorded)))
        append_events(session, created, len(events), events)
        if control is None and not is_here:
            self._queue.enqueue(session, run.id, run.segment, run.priority, delay)
        require_room(session, tenant, self._most)
        return is_here

    @writing
    def answer(
        self,
        session: Session,
        tenant: str,
        interrupt_id: str,
        value: Any,
        by: str | None = None,
        key: str | None = None,
    ) -> str:
        """Store an answer, once; return the run's id. The same answer again changes nothing."""
        asked, row = self._asked(session, interrupt_id)
        if asked.tenant != tenant:
            raise NoSuchInterrupt
        if asked.status != "waiting":
            if asked.status == "answered" and asked.answer == value:
                return row.id
            raise NotAnswerable
        asked.answered_by, asked.answer_key = by, key
        take_answer(session, self._queue, row, asked, Answer(value))
        return row.id

    @writing
    def send(
        self,
        session: Session,
        tenant: str,
        id: str,
        name: str,
        key: str,
        data: Any,
        *,
        is_compared: bool = False,
    ) -> int:
        """Store a signal, once, and answer the runs that wait for it; return how many did.

        If it `is_compared`, raises SignalTaken for another signal with the id of an earlier one.
        """
        lock_signals(session, tenant, [(name, key)])
        if (known := session.get(SignalRow, (tenant, id))) is not None:
            if is_compared and not same_json(
                [known.name, known.key, known.data], [name, key, data]
            ):
                raise SignalTaken
            return 0
        signal = SignalRow(tenant=tenant, id=id, name=name, key=key, data=data, sent_at=now())
        session.add(signal)
        waiting = session.scalars(
            select(InterruptRow)
            .where(
                InterruptRow.tenant == tenant,
                InterruptRow.signal == name,
                InterruptRow.signal_key == key,
                InterruptRow.status == "waiting",
            )
            .order_by(InterruptRow.run_id)
        ).all()
        for asked in waiting:
            row = locked(session, asked.run_id)
            asked.signal_id = id
            take_answer(session, self._queue, row, asked, Answer(data))
        return len(waiting)

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
        ended_at = now()
        row.status, row.error, row.finished_at = status, dict(error), ended_at
        row.epoch += 1
        record = with_nodes(record_of(session, row), events_of(session, run_id))
        row.usage = record.usage
        put_tally(session, tenant, record.tallied(ended_at))
        close_interrupts(session, run_id)
        if status == "cancelled":
            delete_threads(session, [run_id])
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
        self, session: Session, tenant: str, run_id: str, nodes: StopNodes | None
    ) -> None:
        """Set the nodes before which a run stops; None ends debugging."""
        row = locked(session, run_id, tenant)
        if row.status in ENDED:
            raise NotPossible(f"The run is already {row.status}.")
        is_stepping = bool(row.breakpoints and row.breakpoints["stepping"])
        found = stops_of(nodes, is_stepping=is_stepping) if nodes is not None else None
        row.breakpoints = found
        append_event(session, row, RUN_BREAKPOINTS.of_run({"breakpoints": found}))

    @writing
    def retry(self, session: Session, tenant: str, run_id: str) -> None:
        """Continue a failed run from where it failed; raise NotPossible or TooManyRuns."""
        row = locked(session, run_id, tenant)
        if row.status != "failed":
            raise NotPossible(f"The run is {row.status}, not failed.")
        row.error, row.finished_at = None, None
        restore(session, run_id)
        queue_again(session, self._queue, row, {"reason": "retried"})
        require_room(session, tenant, self._most)

    @writing
    def expire(self, session: Session, interrupt_id: str) -> None:
        """Answer an interrupt whose time is over, if it is still open."""
        try:
            asked, row = self._asked(session, interrupt_id)
        except NoSuchInterrupt:
            return
        if asked.status == "waiting":
            late = Answer(is_late=asked.kind != "timer")
            take_answer(session, self._queue, row, asked, late)

    @reading
    def workers(self, session: Session) -> set[str]:
        """Return the processes that work on runs without the queue."""
        found = select(RunRow.worker).where(_RUNNING, RunRow.worker.is_not(None))
        return {str(worker) for worker in session.scalars(found.distinct())}

    @writing
    def requeue_of(self, session: Session, worker: str) -> int:
        """Queue the runs that a process worked on without the queue; return their number."""
        mine = _RUNNING & (RunRow.worker == worker)
        rows = session.scalars(select(RunRow).where(mine).order_by(RunRow.id).with_for_update())
        found = rows.all()
        for row in found:
            self._requeue(session, row)
        return len(found)

    @writing
    def requeue(self, session: Session, run_id: str) -> None:
        """Queue a run whose process could not write what it did."""
        row = locked(session, run_id)
        if row.worker is not None and row.status == "running":
            self._requeue(session, row, "stopped")

    def _requeue(
        self, session: Session, row: RunRow, reason: Literal["lost", "stopped"] = "lost"
    ) -> None:
        # If the process is alive after all, its next write is refused.
        row.epoch += 1
        attempts = row.attempt
        queue_again(session, self._queue, row, {"reason": reason})
        row.attempt = attempts

    def _asked(self, session: Session, interrupt_id: str) -> tuple[InterruptRow, RunRow]:
        run_id = session.scalar(select(InterruptRow.run_id).where(InterruptRow.id == interrupt_id))
        if run_id is None:
            raise NoSuchInterrupt
        row = locked(session, run_id)
        asked = session.get(InterruptRow, interrupt_id, populate_existing=True)
        if asked is None:
            raise NoSuchInterrupt
        return asked, row
