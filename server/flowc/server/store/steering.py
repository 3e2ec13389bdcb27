"""How is a run begun and steered: answered, signalled, paused, cancelled, tried again?

Every transition is one transaction: the run's row, its event, what it waits for, and the work that
follows from it are kept together, or none of them.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from flowc.compiler.interrupts import Answer
from flowc.server.records import ENDED, RunRecord, now
from flowc.server.store.database import Database
from flowc.server.store.tables import InterruptRow, RunRow, SignalRow
from flowc.server.store.transitions import (
    Work,
    close_interrupts,
    enqueue,
    go_on,
    lock_signals,
    locked,
    say,
    take_answer,
)

# What is said of a run that its creator works on, until somebody does.
DIRECT = "direct"
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
    """What is asked of runs from outside; `changed` is told of each run that is touched."""

    def __init__(self, database: Database, work: Work, changed: Callable[[str], None]) -> None:
        self._database, self._work, self._changed = database, work, changed

    async def create(
        self, tenant: str, run: RunRecord, *, is_queued: bool, delay: float | None = None
    ) -> None:
        """Keep a new run; unless the caller works on it, it is put in the queue."""
        fields = {name: getattr(run, name) for name in _NEW_FIELDS}
        async with self._database.transaction() as session:
            control = None if is_queued else DIRECT
            row = RunRow(tenant=tenant, attempt=0, epoch=0, events=0, control=control, **fields)
            session.add(row)
            await session.flush()
            await say(session, row, "run.created", {"priority": run.priority})
            if is_queued:
                await enqueue(session, self._work, row, delay)
        self._changed(run.id)

    async def answer(self, tenant: str, interrupt_id: str, value: Any) -> str:
        """Keep an answer, once; return the run's id. The same answer again changes nothing."""
        async with self._database.transaction() as session:
            asked, row = await self._asked(session, interrupt_id)
            if asked.tenant != tenant:
                raise NoSuchInterrupt(interrupt_id)
            if asked.status != "open":
                if asked.status == "answered" and asked.answer == value:
                    return row.id
                raise NotAnswerable(asked.status)
            await take_answer(session, self._work, row, asked, Answer(value))
        self._changed(row.id)
        return row.id

    async def send(self, tenant: str, id: str, name: str, key: str, data: Any) -> int:
        """Keep a signal, once, and give it to the runs that wait for it; return how many do."""
        async with self._database.transaction() as session:
            await lock_signals(session, tenant, [(name, key)])
            if await session.get(SignalRow, (tenant, id)) is not None:
                return 0
            signal = SignalRow(tenant=tenant, id=id, name=name, key=key, data=data, sent_at=now())
            session.add(signal)
            waiting = await session.scalars(
                select(InterruptRow)
                .where(
                    InterruptRow.tenant == tenant,
                    InterruptRow.signal == name,
                    InterruptRow.signal_key == key,
                    InterruptRow.status == "open",
                )
                .order_by(InterruptRow.run_id)
            )
            runs = []
            for asked in waiting.all():
                row = await locked(session, asked.run_id)
                asked.signal_id = id
                await take_answer(session, self._work, row, asked, Answer(data))
                runs.append(row.id)
        for run_id in runs:
            self._changed(run_id)
        return len(runs)

    async def cancel(self, tenant: str, run_id: str) -> tuple[bool, int]:
        """End a run at once; return whether it was being worked on, and its segment."""
        async with self._database.transaction() as session:
            row = await locked(session, run_id, tenant)
            if row.status in ENDED:
                if row.status == "cancelled":
                    return False, row.segment
                raise NotPossible(f"The run is {row.status} already.")
            was_at_work = row.status in {"running", "pending"}
            error = {"code": "cancelled", "message": "The run was cancelled."}
            row.status, row.error, row.finished_at = "cancelled", error, now()
            row.epoch += 1
            await close_interrupts(session, run_id)
            await say(session, row, "run.cancelled", {"error": error})
        self._changed(run_id)
        return was_at_work, row.segment

    async def pause(self, tenant: str, run_id: str) -> None:
        """Have a run stop at the next occasion: the nodes at work finish."""
        async with self._database.transaction() as session:
            row = await locked(session, run_id, tenant)
            if row.status in ENDED:
                raise NotPossible(f"The run is {row.status} already.")
            if row.status in {"pending", "waiting"}:
                row.status = "paused"
                row.segment += 1
                await say(session, row, "run.paused", {})
            elif row.status == "running":
                row.control = "pause"
        self._changed(run_id)

    async def resume(self, tenant: str, run_id: str) -> None:
        """Have a paused run go on, or wait on for what it waited for."""
        async with self._database.transaction() as session:
            row = await locked(session, run_id, tenant)
            row.control = None
            if row.status != "paused":
                raise NotPossible(f"The run is {row.status}, not paused.")
            await go_on(session, self._work, row, {"reason": "resumed"})
        self._changed(run_id)

    async def retry(self, tenant: str, run_id: str) -> None:
        """Have a failed run go on from where it failed."""
        async with self._database.transaction() as session:
            row = await locked(session, run_id, tenant)
            if row.status != "failed":
                raise NotPossible(f"The run is {row.status}, not failed.")
            row.error, row.finished_at = None, None
            await go_on(session, self._work, row, {"reason": "retried"})
        self._changed(run_id)

    async def expire(self, interrupt_id: str) -> None:
        """Take note that the time of an interrupt is over."""
        async with self._database.transaction() as session:
            try:
                asked, row = await self._asked(session, interrupt_id)
            except NoSuchInterrupt:
                return
            if asked.status != "open":
                return
            is_late = asked.kind != "timer"
            await take_answer(session, self._work, row, asked, Answer(is_late=is_late))
        self._changed(row.id)

    async def requeue_lost(self, older_seconds: float) -> None:
        """Queue the runs whose creator died before anybody worked on them."""
        is_lost = (RunRow.status == "pending") & (RunRow.control == DIRECT)
        is_old = RunRow.created_at <= now() - timedelta(seconds=older_seconds)
        async with self._database.transaction() as session:
            rows = await session.scalars(select(RunRow).where(is_lost, is_old).with_for_update())
            for row in rows.all():
                row.control = None
                await enqueue(session, self._work, row)

    async def _asked(self, session: AsyncSession, interrupt_id: str) -> tuple[InterruptRow, RunRow]:
        run_id = await session.scalar(
            select(InterruptRow.run_id).where(InterruptRow.id == interrupt_id)
        )
        if run_id is None:
            raise NoSuchInterrupt(interrupt_id)
        row = await locked(session, run_id)
        asked = await session.get(InterruptRow, interrupt_id, populate_existing=True)
        if asked is None:
            raise NoSuchInterrupt(interrupt_id)
        return asked, row
