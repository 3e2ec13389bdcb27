"""How does a worker take a run, keep what happens in it, and let it go?

A run is one worker's at a time: whoever takes it raises its epoch, and what others write then is
refused.
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
from flowc.server.store.runs.announcements import has_audience
from flowc.server.store.runs.errands import Work
from flowc.server.store.runs.steering import DIRECT
from flowc.server.store.runs.stored_runs import events_of, record_of, with_nodes
from flowc.server.store.runs.transitions import (
    after,
    answers_of,
    append_event,
    append_events,
    ask_for,
    await_answer,
    close_interrupts,
    data_of,
    interrupts_of,
    lock_signals,
    locked,
)
from flowc.server.store.tables import Moment, RecordingRow, RunRow


class WorkerInstructions(NamedTuple):
    """What a worker gets back from each write: whether to pause, and the breakpoints.

    `has_audience` is whether a subscriber or a dependent workflow may have to hear of the run.
    """

    control: str | None
    breakpoints: Mapping[str, Any] | None
    has_audience: bool = True


class TakenOver(Exception):
    """Whoever writes to a run that is somebody else's by now meets this."""


@dataclass
class Claim:
    """The right to work on a segment of a run, until somebody else takes it.

    Where the queue does not know of it yet, `tell_queue` has to be called before anything but the
    segment's end is written: until then, the run's own row says that somebody may have lost it.
    """

    run: RunRecord
    tenant: str
    epoch: int
    attempt: int
    answers: dict[str, Answer] = field(default_factory=dict)
    recorded: Mapping[str, Any] | None = None
    tell_queue: Callable[[], Awaitable[None]] | None = None

    @property
    def has_asked(self) -> bool:
        """Whether the run can have asked anything yet."""
        return self.run.segment > 0 or bool(self.answers or self.run.waiting)


_RUNS: Table = RunRow.metadata.tables["runs"]
_HAS_AUDIENCE = has_audience(_RUNS).label("has_audience")
_NOT_DIRECT = case((_RUNS.c.control == DIRECT, None), else_=_RUNS.c.control)
# One statement takes a run: of two that try, one finds it as it has to be.
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
    """What workers do with runs."""

    def __init__(self, database: Database, work: Work) -> None:
        self.database, self._work = database, work

    @writing
    def claim(self, session: Session, run_id: str, segment: int) -> Claim | None:
        """Take a run to work on a segment of it; None if there is nothing left to do there."""
        taken = session.execute(_TAKE, {"run": run_id, "at": segment, "moment": now()}).first()
        if taken is None:
            return None
        started = RUN_STARTED.of_run({"segment": segment, "attempt": taken.attempt})
        append_events(session, run_id, taken.events, [RunEvent.of(started)])
        run = record_of(taken)
        claim = Claim(run, taken.tenant, taken.epoch, taken.attempt)
        if taken.forked_from is not None:
            kept = session.get(RecordingRow, run_id)
            claim.recorded = kept.recorded if kept is not None else None
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
        """Keep how a run ended, as its record says, after its last events. Raises TakenOver."""
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
        after(session, self._work, claim.tenant, run, has_audience=instructions.has_audience)

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
        """Let a run wait, or pause; False if what it waits for has come already.

        Then `claim` has the answers, and the work goes on. Raises TakenOver.
        """
        asks = [i.ask for i in interrupts if i.ask.kind == "signal"]
        signals = [(ask.data["signal"], ask.data["key"]) for ask in asks]
        lock_signals(session, claim.tenant, signals)
        self._append(session, claim, events)
        row = locked(session, claim.run.id)
        known = interrupts_of(session, row.id)
        for interrupt in interrupts:
            if interrupt.id not in known:
                known[interrupt.id] = ask_for(session, self._work, row, interrupt)
            elif known[interrupt.id].status == "closed":
                # The run had failed, and was tried again.
                await_answer(session, self._work, row, known[interrupt.id])
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
        after(session, self._work, row.tenant, row)
        return True

    def _append(
        self,
        session: Session,
        claim: Claim,
        events: Sequence[RunEvent],
        values: Mapping[str, Any] = MappingProxyType({}),
    ) -> WorkerInstructions:
        """Append events and set values, if the epoch is still ours; raise TakenOver if not."""
        kept = session.execute(
            update(_RUNS)
            .where(_RUNS.c.id == claim.run.id, _RUNS.c.epoch == claim.epoch)
            .values({"events": _RUNS.c.events + len(events), "control": _NOT_DIRECT, **values})
            .returning(_RUNS.c.events, _RUNS.c.control, _RUNS.c.breakpoints, _HAS_AUDIENCE)
        ).first()
        if kept is None:
            raise TakenOver(claim.run.id)
        append_events(session, claim.run.id, kept.events, events)
        return WorkerInstructions(kept.control, kept.breakpoints, bool(kept.has_audience))
