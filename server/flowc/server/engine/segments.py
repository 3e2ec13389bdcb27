"""Segments: the stretches of work that a run consists of.

A segment claims the run, drives its graph until the run ends, waits or is paused, and lets it go.

An example: draft -> approve -> send, where `approve` asks a person.

1. The run is created, and segment 0 is queued. A worker claims it: epoch 1, `run.started`. It
   drives the graph: `draft` completes, `approve` raises Interrupted, and LangGraph returns that.
   `Claims.rest` stores the question and sets the run to waiting, with segment 1 as its next one.
   Nothing of the run is left in memory, and the worker is free.
2. The person answers, days later. The answer, `run.resumed` and the queued segment 1 are one
   transaction. Any worker claims segment 1, loads events and answers, and drives the graph from its
   last checkpoint: `draft` is not run again, `approve` is, and now gets its answer. `send` runs,
   and `Claims.finish` commits the end.

If the answer arrives between the node's question and `Claims.rest`, the run does not rest: the same
segment continues with another *stretch*, one more drive through the graph with the new answers.

What a superstep did is one commit: its events, what its nodes wrote, and the checkpoint after it.
So no checkpoint ever has a result that no event reports. It is committed before a node begins that
has an effect, and otherwise soon (`run_log.py`). After a crash, events may be ahead of the
checkpoint, but not of what their nodes wrote; a node whose outcome was not committed runs again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from flowc.server.engine.driving import (
    Advance,
    RunFailed,
    error_of,
)
from flowc.server.engine.patience import PATIENTLY
from flowc.server.engine.stretch import Stretch, Workplace
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.batches import RunEnd, TakenOver
from flowc.server.store.runs.claims import Claim
from flowc.server.store.runs.stored_runs import NoSuchRun
from flowc.server.workflows.compiled import CannotRebuild

# A run that this many workers died at, without a step further, may be what kills them: it fails.
MAX_DEATHS = 3
# Seconds in which a process that stops may note that for one of its runs.
_RELEASE_SECONDS = 2.0
# Seconds in which what was started here may still end, when the process stops.
_STOP_SECONDS = 5.0
# Seconds after which a segment that found no free slot here goes back to the queue.
_SLOT_SECONDS = 5.0

# Puts a segment of a run back in the queue, for any worker.
GiveBack = Callable[[str, int], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Works on segments of runs in this process, which is known to others by its name.

    Some come from the queue. A run that is started in this process does not, if it `starts_here`
    and a slot is free: its row names this process, and is found by it if the process dies. Where
    no other process works, what finds no free slot is in the `backlog`, too, in order of priority.
    """

    name: str
    # As many as the segments that are worked on at once, wherever they come from.
    slots: asyncio.Semaphore
    starts_here: bool
    is_alone: bool
    give_back: GiveBack
    place: Workplace
    started: "set[asyncio.Task[str | None]]" = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    # The runs that the database failed for: this process did not die, and takes them again.
    troubled: set[str] = field(default_factory=set)
    backlog: list[tuple[int, int, str, int]] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)

    @property
    def has_room(self) -> bool:
        """Whether a run may start here without waiting in the queue."""
        return self.starts_here and not self.slots.locked() and not self.stopping.is_set()

    async def take(self, run_id: str, segment: int) -> str | None:
        """Claim a segment from the queue and work on it; return how it ended.

        Returns None for a segment that is left unfinished because this process stops: another
        worker must continue it.
        """
        try:
            await asyncio.wait_for(self.slots.acquire(), _SLOT_SECONDS)
        except TimeoutError:
            await self.give_back(run_id, segment)
            return "given back"
        try:
            if self.stopping.is_set():
                return None
            is_again = run_id in self.troubled
            claim = await self.place.claims.claim(run_id, segment, is_again=is_again)
            return "nothing to do" if claim is None else await self._work(claim)
        finally:
            self.slots.release()
            self._take_next()

    def offer(self, run_id: str, segment: int, priority: int = 10) -> None:
        """Take a segment that was put in the queue just now, as soon as a slot is free for it.

        Of several processes that are offered it, one gets it. The queue's entry is then ignored.
        """
        if self.has_room:
            self._note(asyncio.create_task(self._take_here(run_id, segment)))
        elif self.is_alone and self.starts_here:
            heappush(self.backlog, (priority, next(self.numbers), run_id, segment))

    def _take_next(self) -> None:
        """Take the next segment of the backlog; the queue may have given it to a worker already."""
        if self.backlog and self.has_room:
            _, _, run_id, segment = heappop(self.backlog)
            self._note(asyncio.create_task(self._take_here(run_id, segment)))

    def start(self, claim: Claim) -> "asyncio.Task[str | None]":
        """Start to work on a segment that this process has claimed, without the queue."""
        return self._note(asyncio.create_task(self._start_here(claim)))

    def recover(self, run_id: str) -> None:
        """Queue a run that may have been stored as one of this process, although that failed.

        The connection can be lost just after the database has committed.
        """
        self._note(asyncio.create_task(self._recover(run_id)))

    async def _recover(self, run_id: str) -> str | None:
        with suppress(NoSuchRun):
            await PATIENTLY(self.place.steering.requeue, run_id)
        return None

    def _note(self, working: "asyncio.Task[str | None]") -> "asyncio.Task[str | None]":
        self.started.add(working)
        working.add_done_callback(self.started.discard)
        return working

    async def stop(self, seconds: float) -> None:
        """Start no more segments, wait some seconds for the current ones, and cancel the rest.

        Cancelled segments stay in the queue, or in their runs' rows, so that others continue them.
        """
        self.stopping.set()
        if tasks := self._tasks():
            await asyncio.wait(tasks, timeout=seconds)
        left = self._tasks()
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._end_of_started()

    async def _end_of_started(self) -> None:
        """Wait until what was started here has ended, but not long for a database."""
        if self.started:
            await asyncio.wait(self.started, timeout=_STOP_SECONDS)
        for working in self.started:
            working.cancel()
        await asyncio.gather(*self.started, return_exceptions=True)

    def _tasks(self) -> list[asyncio.Task[Advance | None]]:
        return [stretch.task for stretch in self.place.driving.values() if stretch.task is not None]

    def published(self, run_id: str, is_urgent: bool) -> None:
        """Look whether a run that is driven here was ended or steered from outside."""
        if is_urgent and run_id in self.place.driving:
            self.place.driving[run_id].look()

    def look_at_all(self) -> None:
        """Look at all runs that are driven here: changes may have been missed."""
        for stretch in self.place.driving.values():
            stretch.look()

    async def _take_here(self, run_id: str, segment: int) -> str | None:
        try:
            async with self.slots:
                # If the database fails now, the queue still has the segment.
                with suppress(*DATABASE_PROBLEMS):
                    claim = await self.place.claims.claim(run_id, segment, self.name)
                    if claim is not None:
                        return await self._work_here(claim)
        finally:
            self._take_next()
        return None

    async def _start_here(self, claim: Claim) -> str | None:
        try:
            async with self.slots:
                return await self._work_here(claim)
        finally:
            self._take_next()

    async def _work_here(self, claim: Claim) -> str | None:
        try:
            return await self._work(claim)
        except DATABASE_PROBLEMS:
            # What this process cannot write, the queue gives to one that can.
            await self._recover(claim.run.id)
            return "lost"
        except Exception as problem:
            error = error_of(problem, None)
            await PATIENTLY(self.place.steering.end, claim.tenant, claim.run.id, "failed", error)
            return "failed"

    async def _work(self, claim: Claim) -> str | None:
        """Work on a segment until the run ends, rests or is taken over; return which it was."""
        try:
            return await self._work_on(claim)
        except TakenOver:
            with suppress(NoSuchRun, *DATABASE_PROBLEMS):
                await self.place.claims.count_cut_off(claim)
            return "taken over"
        except DATABASE_PROBLEMS:
            self.troubled.add(claim.run.id)
            raise
        except asyncio.CancelledError:
            if self.stopping.is_set():
                await self._release(claim)
                return None
            raise

    async def _release(self, claim: Claim) -> None:
        with suppress(TakenOver, TimeoutError, *DATABASE_PROBLEMS):
            await asyncio.wait_for(self.place.claims.release(claim), _RELEASE_SECONDS)

    async def _work_on(self, claim: Claim) -> str:
        self.troubled.discard(claim.run.id)
        try:
            if claim.deaths >= MAX_DEATHS:
                message = f"{claim.deaths} workers died at this run, and none of them got further."
                raise RunFailed("crashed-too-often", f"{message} Retry it when it is safe.")
            compiled = await self.place.home_of(claim.tenant).workflows.pinned(claim.run)
        except (CannotRebuild, RunFailed) as problem:
            claim.run.status = "failed"
            claim.run.error = {"code": problem.code, "message": problem.message}
            await self.place.claims.finish(claim, RunEnd.of(claim.run, claim.run.ended(())))
            return "failed"
        while True:
            result = await Stretch(self.place, claim, compiled).drive()
            if result is not None:
                return result
