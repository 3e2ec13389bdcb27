"""How does a worker take a run, keep what happens in it, and let it go?

A run is one worker's at a time: whoever takes it raises its epoch, and what others write then is
refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import update
from sqlalchemy.orm import Session

from flowc.compiler.interrupts import Answer, Interrupt
from flowc.server.records import RunEvent, RunRecord, now
from flowc.server.store.database import Database, writing
from flowc.server.store.runs import events_of, record_of, with_nodes
from flowc.server.store.steering import DIRECT
from flowc.server.store.tables import RunRow
from flowc.server.store.transitions import (
    Work,
    answers_of,
    ask_for,
    close_interrupts,
    interrupts_of,
    keep,
    lock_signals,
    locked,
    say,
    told_of,
)


class TakenOver(Exception):
    """Whoever writes to a run that is somebody else's by now meets this."""


@dataclass
class Claim:
    """The right to work on a segment of a run, until somebody else takes it."""

    run: RunRecord
    tenant: str
    epoch: int
    attempt: int
    answers: dict[str, Answer] = field(default_factory=dict)


class Claims:
    """What workers do with runs."""

    def __init__(self, database: Database, work: Work) -> None:
        self.database, self._work = database, work

    @writing
    def claim(self, session: Session, run_id: str, segment: int) -> Claim | None:
        """Take a run to work on a segment of it; None if there is nothing left to do there."""
        row = session.get(RunRow, run_id, with_for_update=True)
        at_work = {"pending", "running"}
        if row is None or row.segment != segment or row.status not in at_work:
            return None
        row.epoch, row.attempt = row.epoch + 1, row.attempt + 1
        row.status, row.started_at = "running", row.started_at or now()
        row.control = None if row.control == DIRECT else row.control
        data = {"segment": segment, "attempt": row.attempt}
        say(session, row, "run.started", data)
        answers = answers_of(session, run_id)
        events = events_of(session, run_id)
        run = with_nodes(record_of(row), events)
        return Claim(run, row.tenant, row.epoch, row.attempt, answers)

    @writing
    def append(self, session: Session, claim: Claim, events: Sequence[RunEvent]) -> str | None:
        """Keep events; return what the run has been asked to do. Raises TakenOver."""
        kept = session.execute(
            update(RunRow)
            .where(RunRow.id == claim.run.id, RunRow.epoch == claim.epoch)
            .values(events=RunRow.events + len(events))
            .returning(RunRow.events, RunRow.control)
        )
        found = kept.first()
        if found is None:
            raise TakenOver(claim.run.id)
        last, control = found
        keep(session, claim.run.id, last, events)
        return control

    @writing
    def finish(
        self, session: Session, claim: Claim, events: Sequence[RunEvent], unreached: Sequence[str]
    ) -> None:
        """Keep how a run ended, as its record says, after its last events. Raises TakenOver."""
        run = claim.run
        row = self._mine(session, claim, events)
        row.status, row.output, row.error = run.status, run.output, run.error
        row.usage, row.finished_at, row.control = run.usage, now(), None
        data = {"output": run.output} if run.status == "completed" else {"error": run.error}
        close_interrupts(session, run.id)
        say(session, row, f"run.{run.status}", {**data, "unreached": list(unreached)})

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
        row = self._mine(session, claim, events)
        known = interrupts_of(session, row.id)
        for interrupt in interrupts:
            if interrupt.id not in known:
                asked = ask_for(session, self._work, row, interrupt)
                known[asked.id] = asked
        asked_now = [known[interrupt.id] for interrupt in interrupts]
        row.usage, row.control = claim.run.usage, None
        if not is_paused and any(asked.status != "open" for asked in asked_now):
            claim.answers = answers_of(session, row.id)
            return False
        row.status = "paused" if is_paused else "waiting"
        row.segment, row.attempt = row.segment + 1, 0
        told = [told_of(asked) for asked in asked_now]
        say(session, row, f"run.{row.status}", {"interrupts": told})
        return True

    def _mine(self, session: Session, claim: Claim, events: Sequence[RunEvent]) -> RunRow:
        row = locked(session, claim.run.id)
        if row.epoch != claim.epoch:
            raise TakenOver(claim.run.id)
        row.events += len(events)
        keep(session, row.id, row.events, events)
        return row
