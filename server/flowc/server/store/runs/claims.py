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

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, case, func, update
from sqlalchemy.orm import Session

from flowc.compiler.node.interrupts import Answer, Interrupt
from flowc.compiler.running.events import RUN_PAUSED, RUN_STARTED, RUN_WAITING, Event
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.store.database import Database, writing
from flowc.server.store.runs.announcements import has_audience as audience_of
from flowc.server.store.runs.control import Control
from flowc.server.store.runs.stored_runs import events_of, record_of, with_nodes
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
    open_interrupt,
)
from flowc.server.store.runs.work_queue import WorkQueue
from flowc.server.store.tables import Moment, RecordingRow, RunRow


class WorkerInstructions(NamedTuple):
    """What a worker gets back from each write: whether to pause, and the breakpoints.

    `has_audience` is whether a subscriber or a dependent workflow may have to be notified.
    """

    control: str | None
    breakpoints: Mapping[str, Any] | None
    has_audience: bool = True


class TakenOver(Exception):
    """Another worker has the run, or it was ended: the epoch of this claim is over."""


@dataclass
class Claim:
    """The right to work on a segment of a run, until another worker takes it.

    A run that starts in the process that created it is not in the queue. `put_in_queue` must then
    be called before anything but the segment's end is written: until then the run's own row, with
    its control DIRECT, lets others find it if this process dies.
    """

    run: RunRecord
    tenant: str
    epoch: int
    attempt: int
    answers: dict[str, Answer] = field(default_factory=dict)
    recorded: Mapping[str, Any] | None = None
    put_in_queue: Callable[[], Awaitable[None]] | None = None

    @property
    def has_asked(self) -> bool:
        """Whether the run may have interrupts by now."""
        return self.run.segment > 0 or bool(self.answers or self.run.waiting)


_RUNS: Table = RunRow.metadata.tables["runs"]
_HAS_AUDIENCE = audience_of(_RUNS).label("has_audience")
_NOT_DIRECT = case((_RUNS.c.control == Control.DIRECT, None), else_=_RUNS.c.control)
# One statement, so that of two workers that try at the same time, one finds no row: the other has
# raised the epoch, and a segment that has ended is no longer the row's.
_TAKE = (
    update(_RUNS)
    .where(
        _RUNS.c.id == bindparam("run"),
        _RUNS.c.segment == bindparam("at"),
        _RUNS.c.status.in_(["pending", "running"]),
    )
    .values(
        status="running",
        epoch=_RUNS.c.epoch + 1,
        attempt=_RUNS.c.attempt + 1,
        events=_RUNS.c.events + 1,
        started_at=func.coalesce(_RUNS.c.started_at, bindparam("moment", type_=Moment())),
        control=_NOT_DIRECT,
    )
    .returning(*_RUNS.c)
)


class Claims:
    """The writes of workers."""

    def __init__(self, database: Database, queue: WorkQueue) -> None:
        self.database, self._queue = database, queue

    @writing
    def claim(self, session: Session, run_id: str, segment: int) -> Claim | None:
        """Claim a run for one of its segments; None if that segment is over already."""
        taken = session.execute(_TAKE, {"run": run_id, "at": segment, "moment": now()}).first()
        if taken is None:
            return None
        started = RUN_STARTED.of_run({"segment": segment, "attempt": taken.attempt})
        append_events(session, run_id, taken.events, [RunEvent.of(started)])
        run = record_of(taken)
        claim = Claim(run, taken.tenant, taken.epoch, taken.attempt)
        if taken.forked_from is not None:
            row = session.get(RecordingRow, run_id)
            claim.recorded = row.recorded if row is not None else None
        # In the first attempt at the first segment nothing has happened yet.
        if segment > 0 or taken.attempt > 1:
            with_nodes(run, events_of(session, run_id))
            claim.answers = answers_of(session, run_id)
        return claim

    @writing
    def append(
        self, session: Session, claim: Claim, events: Sequence[RunEvent]
    ) -> WorkerInstructions:
        """Commit events; return the worker's instructions. Raises TakenOver."""
        return self._append(session, claim, events)

    @writing
    def finish(
        self, session: Session, claim: Claim, events: Sequence[RunEvent], end: Event
    ) -> None:
        """Commit the last events and the end of a run, as its record has it. Raises TakenOver."""
        run, moment = claim.run, now()
        last = RunEvent.of(end, moment)
        values = {
            "status": run.status,
            "output": run.output,
            "error": run.error,
            "usage": run.usage,
            "finished_at": moment,
            "control": None,
        }
        instructions = self._append(session, claim, [*events, last], values)
        if claim.has_asked:
            close_interrupts(session, run.id)
        come_to_rest(
            session, self._queue, claim.tenant, run, has_audience=instructions.has_audience
        )

    @writing
    def rest(
        self,
        session: Session,
        claim: Claim,
        events: Sequence[RunEvent],
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
        self._append(session, claim, events)
        row = locked(session, claim.run.id)
        known = interrupts_of(session, row.id)
        for interrupt in interrupts:
            if interrupt.id not in known:
                known[interrupt.id] = open_interrupt(session, self._queue, row, interrupt)
            elif known[interrupt.id].status == "closed":
                # The run failed while it waited, and is retried now.
                await_answer(session, self._queue, row, known[interrupt.id])
        asked_now = [known[interrupt.id] for interrupt in interrupts]
        row.usage, row.control = claim.run.usage, None
        if not is_paused and any(asked.status != "open" for asked in asked_now):
            claim.answers = answers_of(session, row.id)
            return False
        is_paused = is_paused or any(asked.kind == "breakpoint" for asked in asked_now)
        row.status = "paused" if is_paused else "waiting"
        row.segment, row.attempt = row.segment + 1, 0
        rest = RUN_PAUSED if is_paused else RUN_WAITING
        append_event(
            session, row, rest.of_run({"interrupts": [data_of(asked) for asked in asked_now]})
        )
        come_to_rest(session, self._queue, row.tenant, row)
        return True

    def _append(
        self,
        session: Session,
        claim: Claim,
        events: Sequence[RunEvent],
        values: Mapping[str, Any] = MappingProxyType({}),
    ) -> WorkerInstructions:
        """Append events and set values, if the epoch is still ours; raise TakenOver if not."""
        written = session.execute(
            update(_RUNS)
            .where(_RUNS.c.id == claim.run.id, _RUNS.c.epoch == claim.epoch)
            .values({"events": _RUNS.c.events + len(events), "control": _NOT_DIRECT, **values})
            .returning(_RUNS.c.events, _RUNS.c.control, _RUNS.c.breakpoints, _HAS_AUDIENCE)
        ).first()
        if written is None:
            raise TakenOver(claim.run.id)
        append_events(session, claim.run.id, written.events, events)
        return WorkerInstructions(written.control, written.breakpoints, bool(written.has_audience))
