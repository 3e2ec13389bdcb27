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
from dataclasses import dataclass, field, replace
from typing import Any

from langgraph.runtime import RunControl

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.running.breakpoints import Breakpoints
from flowc.compiler.running.events import Event
from flowc.compiler.running.recorded import Recording
from flowc.compiler.running.run_context import RunContext
from flowc.nodes.services.signals import Signals
from flowc.nodes.services.threads import Thread
from flowc.server.engine.checkpointer import RunCheckpointer
from flowc.server.engine.driving import (
    Advance,
    RunFailed,
    advance,
    budget_of,
    context_of,
    error_of,
    result_of,
)
from flowc.server.engine.node_services.signals import StoredSignals
from flowc.server.engine.node_services.thread import StoredThread
from flowc.server.engine.patience import PATIENTLY
from flowc.server.engine.replay import given_recording
from flowc.server.engine.run_log import RunLog
from flowc.server.process_services import ProcessServices
from flowc.server.records.run_events import RunEvent
from flowc.server.store.checkpoints import StoredCheckpoints
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.batches import HasAudience, RunEnd, TakenOver, WorkerInstructions
from flowc.server.store.runs.claims import Claim, Claims
from flowc.server.store.runs.control import Control
from flowc.server.store.runs.steering import Steering
from flowc.server.store.runs.stored_runs import NoSuchRun
from flowc.server.store.spendings import StoredLedger
from flowc.server.store.threads import StoredThreads
from flowc.server.workflows.compiled import CannotRebuild, Workflows

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
    and a slot is free: its row names this process, and is found by it if the process dies.
    """

    name: str
    # As many as the segments that are worked on at once, wherever they come from.
    slots: asyncio.Semaphore
    starts_here: bool
    give_back: GiveBack
    claims: Claims
    steering: Steering
    workflows: Workflows
    services: ProcessServices
    checkpoints: StoredCheckpoints
    max_steps: int
    driving: "dict[str, _Stretch]" = field(default_factory=dict)
    started: "set[asyncio.Task[str | None]]" = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    # The runs that the database failed for: this process did not die, and takes them again.
    troubled: set[str] = field(default_factory=set)

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
            claim = await self.claims.claim(run_id, segment, is_again=is_again)
            return "nothing to do" if claim is None else await self._work(claim)
        finally:
            self.slots.release()

    def offer(self, run_id: str, segment: int) -> None:
        """Take a segment that was put in the queue just now, if a slot is free for it.

        Of several processes that are offered it, one gets it. The queue's entry is then ignored.
        """
        if self.has_room:
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
            await PATIENTLY(self.steering.requeue, run_id)
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

    def _tasks(self) -> list[asyncio.Task[Advance]]:
        return [stretch.task for stretch in self.driving.values() if stretch.task is not None]

    def published(self, run_id: str, is_urgent: bool) -> None:
        """Look whether a run that is driven here was ended or steered from outside."""
        if is_urgent and run_id in self.driving:
            self.driving[run_id].look()

    def look_at_all(self) -> None:
        """Look at all runs that are driven here: changes may have been missed."""
        for stretch in self.driving.values():
            stretch.look()

    async def _take_here(self, run_id: str, segment: int) -> str | None:
        async with self.slots:
            # If the database fails now, the queue still has the segment.
            with suppress(*DATABASE_PROBLEMS):
                claim = await self.claims.claim(run_id, segment, self.name)
                if claim is not None:
                    return await self._work_here(claim)
        return None

    async def _start_here(self, claim: Claim) -> str | None:
        async with self.slots:
            return await self._work_here(claim)

    async def _work_here(self, claim: Claim) -> str | None:
        try:
            return await self._work(claim)
        except DATABASE_PROBLEMS:
            # What this process cannot write, the queue gives to one that can.
            await PATIENTLY(self.steering.requeue, claim.run.id)
            return "lost"
        except Exception as problem:
            error = error_of(problem, None)
            await PATIENTLY(self.steering.end, claim.tenant, claim.run.id, "failed", error)
            return "failed"

    async def _work(self, claim: Claim) -> str | None:
        """Work on a segment until the run ends, rests or is taken over; return which it was."""
        try:
            return await self._work_on(claim)
        except TakenOver:
            with suppress(NoSuchRun, *DATABASE_PROBLEMS):
                await self.claims.count_cut_off(claim)
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
            await asyncio.wait_for(self.claims.release(claim), _RELEASE_SECONDS)

    async def _work_on(self, claim: Claim) -> str:
        self.troubled.discard(claim.run.id)
        try:
            if claim.deaths >= MAX_DEATHS:
                message = (
                    f"{claim.deaths} workers died at this run before any of its nodes finished."
                )
                raise RunFailed("crashed-too-often", f"{message} Retry it when it is safe.")
            compiled = await self.workflows.pinned(claim.run)
        except (CannotRebuild, RunFailed) as problem:
            claim.run.status = "failed"
            claim.run.error = {"code": problem.code, "message": problem.message}
            await self.claims.finish(claim, RunEnd.of(claim.run, claim.run.ended(())))
            return "failed"
        while True:
            result = await _Stretch(self, claim, compiled).drive()
            if result is not None:
                return result


class _Stretch:
    """One drive through the graph: from the start or an answer to a rest or the end."""

    def __init__(self, segments: Segments, claim: Claim, compiled: CompiledWorkflow) -> None:
        self._segments, self._claim, self._compiled = segments, claim, compiled
        self._control = RunControl()
        self.task: asyncio.Task[Advance] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._is_lost = False
        self._breakpoints = Breakpoints()
        self._follow(WorkerInstructions(None, claim.run.breakpoints))
        self._log = RunLog(segments.claims.writer, claim, self._follow, self._lose)

    async def drive(self) -> str | None:
        """Drive the run; return how the segment ended, or None if an answer arrived meanwhile."""
        run = self._claim.run
        try:
            self.task = asyncio.create_task(
                advance(self._compiled, run, self._context(), self._control)
            )
            done = await self._driven(self.task)
            if done.interrupts or done.is_paused:
                return await self._rest(done)
            run.output, run.status = await result_of(self._compiled, done.outputs), "completed"
        except (TakenOver, *DATABASE_PROBLEMS):
            # The run is not ours, or may not be: it has not failed, and another attempt follows.
            raise
        except Exception as problem:
            run.error, run.status = error_of(problem, self._compiled), "failed"
        await self._end(RunEnd.of(run, run.ended(self._compiled.plan.nodes)))
        return run.status

    async def _end(self, end: RunEnd) -> None:
        if self._claim.ends_quietly:
            with suppress(HasAudience):
                await self._log.flush(end)
                return
        await self._log.flush()
        await self._segments.claims.finish(self._claim, end)

    async def _driven(self, driving: "asyncio.Task[Advance]") -> Advance:
        self._segments.driving[self._claim.run.id] = self
        try:
            return await driving
        except asyncio.CancelledError:
            if self._is_lost:
                raise TakenOver(self._claim.run.id) from None
            raise
        finally:
            # This process may have taken the run over from itself.
            if self._segments.driving.get(self._claim.run.id) is self:
                del self._segments.driving[self._claim.run.id]
            if not driving.done():
                driving.cancel()
                await asyncio.gather(driving, return_exceptions=True)

    async def _rest(self, done: Advance) -> str | None:
        await self._log.flush()
        is_resting = await self._segments.claims.rest(
            self._claim, done.interrupts, is_paused=done.is_paused
        )
        return ("paused" if done.is_paused else "waiting") if is_resting else None

    def _context(self) -> RunContext:
        segments, claim = self._segments, self._claim
        run, services = claim.run, segments.services
        is_resumed = claim.attempt > 1 or run.segment > 0 or bool(claim.answers)
        repeatable = self._compiled.plan.repeatable
        saver = RunCheckpointer(segments.checkpoints, self._log, repeatable, is_new=not is_resumed)
        context = context_of(self._compiled, run, services, segments.max_steps, saver)
        return replace(
            context,
            tenant=claim.tenant,
            services={**context.services, **self._services()},
            emit=self._emit,
            hold_up=self._log.hold_up,
            can_wait=True,
            is_resumed=is_resumed,
            answers=claim.answers,
            waiting=frozenset(run.waiting),
            counted=frozenset(run.usage_count.journaled),
            breakpoints=self._breakpoints,
            recording=self._recording(),
            budget=budget_of(self._compiled, run, self._ledger()),
        )

    def _ledger(self) -> StoredLedger | None:
        limits, claim = self._compiled.workflow.settings.workflow_budget, self._claim
        if limits is None or claim.run.workflow_id is None:
            return None
        database = self._segments.claims.database
        return StoredLedger(database, claim.tenant, claim.run.workflow_id, limits)

    def _services(self) -> dict[type, Any]:
        claims, claim = self._segments.claims, self._claim
        found: dict[type, Any] = {Signals: StoredSignals(self._segments.steering, claim.tenant)}
        if claim.run.thread_id is not None:
            threads = StoredThreads(claims.database, claim.tenant)
            found[Thread] = StoredThread(threads, claim.run.thread_id, claim.run.id)
        return found

    def _recording(self) -> Recording | None:
        run, compiled = self._claim.run, self._compiled
        if self._claim.recorded is None:
            return None
        return given_recording(self._claim.recorded, compiled, run)

    def _emit(self, event: Event) -> None:
        run_event = RunEvent.of(event)
        self._claim.run.apply(run_event)
        self._log.append(run_event)

    def _follow(self, instructions: WorkerInstructions) -> None:
        if instructions.control == Control.PAUSE:
            self._control.request_drain("pause")
        stops = instructions.breakpoints or {"nodes": (), "stepping": False}
        self._breakpoints.names = frozenset(stops["nodes"])
        self._breakpoints.is_stepping = stops["stepping"]

    def _lose(self) -> None:
        self._is_lost = True
        if self.task is not None:
            self.task.cancel()

    def look(self) -> None:
        """Follow new instructions; stop if another worker has the run, or it was ended."""
        self._looking = asyncio.create_task(self._look_once())

    async def _look_once(self) -> None:
        # If the database fails now, the next write finds out.
        with suppress(*DATABASE_PROBLEMS):
            try:
                await self._log.flush()
            except TakenOver:
                self._lose()
