"""Claims: how a worker takes a run, commits what happens in it, and lets it go.

A run belongs to one worker at a time. Its row has an *epoch*, which every claim raises, and every
write of a worker names the epoch of its claim: if the row has another one, nothing is written and
TakenOver is raised. So there are no leases and no clocks, and a worker that was only slow does no
harm.

An example. Worker A claims run r, which raises the epoch to 1. A's machine hangs, its database
sessions end, and the supervisor queues the segment again. Worker B claims r: the epoch is 2, the
attempt is 2, and a second `run.started` is appended. B reads r's events and answers, and continues
from the last checkpoint. Now A wakes up and commits a batch of events: its update has the condition
`epoch = 1`, matches no row, and A stops working on r. What A had not committed never happened; its
nodes that were running run again on B.

The same epoch fences runs from outside: `Steering.end` raises it when it cancels a run, so that the
worker's next write is refused.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, bindparam, func, update
from sqlalchemy.orm import Session

from flowc.compiler.node.interrupts import Answer, Interrupt
from flowc.compiler.node.outcome import total_usage
from flowc.compiler.running.event_data import RunStartedData
from flowc.compiler.running.events import (
    RUN_PAUSED,
    RUN_RESUMED,
    RUN_STARTED,
    RUN_USED,
    RUN_WAITING,
)
from flowc.server.records.deaths import deaths_in
from flowc.server.records.run_events import RunEvent
from flowc.server.records.run_facts import RunFacts
from flowc.server.records.runs import RunRecord
from flowc.server.records.tallies import TallySubject
from flowc.server.records.times import now
from flowc.server.store.database import Database, writing
from flowc.server.store.events import events_of
from flowc.server.store.runs.batches import Batch, RunEnd
from flowc.server.store.runs.stored_runs import record_of, with_nodes
from flowc.server.store.runs.transitions import (
    answers_of,
    append_event,
    append_events,
    await_answer,
    close_interrupts,
    come_to_rest,
    data_of,
    interrupts_of,
    lock_signals,
    locked,
    note_appended,
    open_interrupt,
)
from flowc.server.store.runs.work_queue import WorkQueue
from flowc.server.store.runs.writer import Writer
from flowc.server.store.tables import InterruptRow, Moment, RecordingRow, RunRow
from flowc.server.store.tallies import put_tally


@dataclass
class Claim:
    """The right to work on a segment of a run, until another worker takes it.

    A new run may not be stored yet: then it is committed with the first of what it does.
    """

    run: RunRecord
    tenant: str
    epoch: int
    attempt: int
    # The workers that died at it since it last got further.
    deaths: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    recorded: Mapping[str, Any] | None = None
    is_stored: bool = True
    # Whether it waited in the queue.
    is_queued: bool = False

    @property
    def ends_quietly(self) -> bool:
        """Whether nothing follows from the run's end, unless someone wants to be notified.

        Otherwise it may have interrupts to close, other runs wait for it, or it has a thread.
        """
        has_asked = self.run.segment > 0 or bool(self.answers or self.run.waiting)
        return self.run.max_runs is None and self.run.thread_id is None and not has_asked


_ENDED_BY_CLIENTS = frozenset({"cancelled", "failed"})
_RUNS: Table = RunRow.metadata.tables["runs"]
_IS_QUEUED = bindparam("worker", type_=_RUNS.c.worker.type).is_(None)
# One statement, so that of two workers that try at the same time, one finds no row: the other has
# raised the epoch, and a segment that has ended is no longer the row's.
_TAKE = (
    update(_RUNS)
    .where(
        _RUNS.c.id == bindparam("run"),
        _RUNS.c.segment == bindparam("at"),
        # If it names a process, that one has the run, until it is known to be dead.
        _RUNS.c.worker.is_(None),
        # What the queue has once given to a worker, only the queue can give to another one.
        (_RUNS.c.status == "pending") | ((_RUNS.c.status == "running") & _IS_QUEUED),
    )
    .values(
        status="running",
        epoch=_RUNS.c.epoch + 1,
        attempt=_RUNS.c.attempt + 1,
        events=_RUNS.c.events + 1,
        started_at=func.coalesce(_RUNS.c.started_at, bindparam("moment", type_=Moment())),
        worker=bindparam("worker", type_=_RUNS.c.worker.type),
    )
    .returning(*_RUNS.c)
)


class Claims:
    """The writes of workers."""

    def __init__(self, database: Database, queue: WorkQueue, writer: Writer) -> None:
        self.database, self._queue, self.writer = database, queue, writer

    @writing
    def claim(
        self,
        session: Session,
        run_id: str,
        segment: int,
        worker: str | None = None,
        *,
        is_again: bool = False,
    ) -> Claim | None:
        """Claim a run for one of its segments; None if that segment is over or taken already.

        A process that does not have the segment from the queue gives its own name. `is_again` if it
        had it before, and could not reach the database.
        """
        asked = {"run": run_id, "at": segment, "moment": now(), "worker": worker}
        taken = session.execute(_TAKE, asked).first()
        if taken is None:
            return None
        about: RunStartedData = {"segment": segment, "attempt": taken.attempt}
        if is_again:
            about["again"] = True
        append_events(session, taken, taken.events, [RunEvent.of(RUN_STARTED.of_run(about))])
        run = record_of(session, taken)
        claim = Claim(run, taken.tenant, taken.epoch, taken.attempt, is_queued=True)
        if taken.forked_from is not None:
            row = session.get(RecordingRow, run_id)
            claim.recorded = row.recorded if row is not None else None
        # In the first attempt at the first segment nothing has happened yet, except in a replay.
        if segment > 0 or taken.attempt > 1 or claim.recorded is not None:
            events = events_of(session, run_id)
            with_nodes(run, events)
            claim.deaths = deaths_in(events)
            claim.answers = answers_of(session, run_id)
        return claim

    @writing
    def release(self, session: Session, claim: Claim) -> None:
        """Note that this process stops, so that its end is no death. Raises TakenOver."""
        self._write(session, claim)
        row = locked(session, claim.run.id)
        append_event(session, row, RUN_RESUMED.of_run({"reason": "stopped"}))

    @writing
    def finish(self, session: Session, claim: Claim, end: RunEnd) -> None:
        """Commit the end of a run, and what follows from it. Raises TakenOver."""
        self._write(session, claim, end)
        close_interrupts(session, claim.run.id)
        come_to_rest(session, self._queue, claim.tenant, claim.run)

    @writing
    def rest(
        self,
        session: Session,
        claim: Claim,
        interrupts: Sequence[Interrupt],
        *,
        is_paused: bool,
    ) -> bool:
        """Let a run wait or pause; return False if an answer has arrived meanwhile.

        `claim` then has the answers, and the work continues. Raises TakenOver.
        """
        # Signals first, then the run: senders lock in the same order.
        asks = [i.ask for i in interrupts if i.ask.kind == "signal"]
        signals = [(ask.data["signal"], ask.data["key"]) for ask in asks]
        lock_signals(session, claim.tenant, signals)
        self._write(session, claim)
        row = locked(session, claim.run.id)
        known = interrupts_of(session, row.id)
        for interrupt in interrupts:
            if interrupt.id not in known:
                known[interrupt.id] = open_interrupt(session, self._queue, row, interrupt)
            elif known[interrupt.id].status == "closed":
                # The run failed while it waited, and is retried now.
                await_answer(session, self._queue, row, known[interrupt.id])
        asked_now = [known[interrupt.id] for interrupt in interrupts]
        if interrupts:
            self._close_signals(claim, known, {interrupt.id for interrupt in interrupts})
        row.usage, row.control = claim.run.usage, None
        if not is_paused and any(asked.status != "waiting" for asked in asked_now):
            claim.answers = answers_of(session, row.id)
            return False
        is_paused = is_paused or any(asked.kind == "breakpoint" for asked in asked_now)
        row.status = "paused" if is_paused else "waiting"
        row.segment, row.attempt, row.worker = row.segment + 1, 0, None
        rest = RUN_PAUSED if is_paused else RUN_WAITING
        append_event(
            session, row, rest.of_run({"interrupts": [data_of(asked) for asked in asked_now]})
        )
        come_to_rest(session, self._queue, row.tenant, row)
        return True

    def _close_signals(
        self, claim: Claim, known: Mapping[str, InterruptRow], asked: Container[str]
    ) -> None:
        """Close what the run no longer waits for; a signal that it has not read is unused again."""
        for id, row in known.items():
            is_unread = row.status == "answered" and id not in claim.answers
            if row.kind == "signal" and id not in asked and (row.status == "waiting" or is_unread):
                row.status, row.signal_id = "closed", None

    @writing
    def count_cut_off(self, session: Session, claim: Claim) -> None:
        """Count what was used and not written, if a client ended the run while it was at work."""
        row = locked(session, claim.run.id)
        if row.status not in _ENDED_BY_CLIENTS or row.epoch != claim.epoch + 1:
            return
        record = with_nodes(record_of(session, row), events_of(session, row.id))
        known = record.usage
        every = {name: used - known.get(name, 0) for name, used in claim.run.usage.items()}
        more = {name: used for name, used in every.items() if used > 0}
        if more:
            append_event(session, row, RUN_USED.of_run({"usage": more}))
            row.usage = total_usage([known, more])
            put_tally(session, row.tenant, record.tally.left_of(claim.run.tally, _about(row)))

    def _write(self, session: Session, claim: Claim, end: RunEnd | None = None) -> None:
        """Prove within a transaction that the run is ours, and perhaps end it; raise TakenOver."""
        driver = session.connection().connection.driver_connection
        batch = Batch(claim.run.id, claim.tenant, claim.epoch, end=end)
        [result] = self.writer.statements.write(driver, [batch], is_announced=True)
        if isinstance(result, Exception):
            raise result
        if batch.events:
            note_appended(session, RunFacts.of(claim.run, claim.tenant), batch.events)


def _about(row: RunRow) -> TallySubject:
    moments = (row.started_at, row.finished_at or now())
    return TallySubject(row.workflow_id, row.started_by, row.status, *moments, usage_only=True)
