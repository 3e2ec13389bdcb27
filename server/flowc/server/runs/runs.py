"""The runs of a tenant: starting, watching and steering them, and answering their questions."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy.exc import IntegrityError

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.definition.short_schemas import find_problems
from flowc.nodes.people.human import as_answer
from flowc.server.access.callers import Caller
from flowc.server.engine.driving import new_run
from flowc.server.engine.publishing.watchers import Watchers
from flowc.server.engine.segments import Segments
from flowc.server.environment.environment import Environment, EnvironmentNotReady
from flowc.server.logs.run_lines import log_end
from flowc.server.records.interrupts import InterruptRecord
from flowc.server.records.refused import Refused
from flowc.server.records.run_events import RunEvent, light_part
from flowc.server.records.run_facts import RunFacts
from flowc.server.records.runs import ENDED, RunRecord
from flowc.server.records.times import now
from flowc.server.runs.run_options import PLAIN, KeyTaken, RunOptions, asks_the_same
from flowc.server.store import StoredRuns, StoredWorkflow, StoredWorkflows
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.claims import Claim
from flowc.server.store.runs.steering import NoSuchInterrupt, RunStart, StartLimits, Steering
from flowc.server.store.runs.stored_runs import WantedInterrupts
from flowc.server.traces.run_spans import RunTracing

# After this long without a publication, a watcher reads the store itself.
LOOK_SECONDS = 2.0
# Seconds for which a caller that waits for a run also waits for times that its nodes wait for.
SOON_SECONDS = 30.0
# Events that a watcher reads at a time: what a slow client has not read stays in the store.
_MOST_AT_ONCE = 200


class Working(NamedTuple):
    """The work on a run in this process, and what stores the run, if that is not done."""

    task: "asyncio.Task[str | None]"
    creation: "asyncio.Task[None] | None" = None


class AnswerRefused(Refused):
    """The answer does not fit."""


@dataclass(frozen=True, kw_only=True)
class Runs:
    """One tenant's runs; `segments` are those that this process works on, if it works.

    Then, its `environment` is that of the runs. What is done here is done by the `caller`.
    """

    tenant: str
    stored_runs: StoredRuns
    stored_workflows: StoredWorkflows
    steering: Steering
    watchers: Watchers
    segments: Segments | None
    environment: Environment | None
    caller: Caller
    tracing: RunTracing

    def acting_for(self, caller: Caller) -> "Runs":
        """Return the same runs, in which a caller does what is done."""
        return replace(self, caller=caller)

    def triggered_by(self, what: str) -> "Runs":
        """Return the same runs, started by something that no caller has asked for."""
        return self.acting_for(Caller(self.tenant, what))

    async def submit(
        self,
        compiled: CompiledWorkflow,
        given: Any,
        stored: StoredWorkflow | None = None,
        options: RunOptions = PLAIN,
        *,
        is_awaited: bool = False,
    ) -> RunRecord:
        """Start a run; raise InputRefused, EnvironmentNotReady or TooManyRuns if it cannot.

        It starts in this process, if that works on runs and has a free slot. A key that was used
        before returns the run that it created; KeyTaken is raised if that has another input.
        """
        start = RunStart(is_awaited=is_awaited)
        return (await self._submit(compiled, given, stored, options, start))[0]

    async def _submit(
        self,
        compiled: CompiledWorkflow,
        given: Any,
        stored: StoredWorkflow | None,
        options: RunOptions,
        start: RunStart,
    ) -> "tuple[RunRecord, Working | None]":
        run = await new_run(
            compiled,
            given,
            workflow_id=stored.id if stored else None,
            version=stored.version if stored else None,
        )
        options.apply(run, compiled)
        run.started_by = self.caller.name
        if (known := await self._if_not_ready(compiled, run, options)) is not None:
            return known, None
        if stored is None:
            await self.stored_workflows.store_definition(run.hash, compiled.document.data)
        return await self._start(
            run, compiled, start._replace(message=options.message, sender=options.sender), options
        )

    async def start(
        self,
        run: RunRecord,
        compiled: CompiledWorkflow,
        *,
        is_awaited: bool = False,
        recorded: Mapping[str, Any] | None = None,
        changes: Sequence[RunEvent] = (),
    ) -> RunRecord:
        """Start a run of a stored definition; return it, or the run that has one of its keys."""
        start = RunStart(is_awaited=is_awaited, recorded=recorded, changes=changes)
        for event in changes:
            run.apply(event)
        return (await self._start(run, compiled, start))[0]

    async def _start(
        self,
        run: RunRecord,
        compiled: CompiledWorkflow,
        start: RunStart,
        options: RunOptions = PLAIN,
    ) -> "tuple[RunRecord, Working | None]":
        """Start a run; return it, and its work if that is done in this process."""
        settings = compiled.workflow.settings
        limits = StartLimits(settings.max_runs, settings.rate)
        run.trace = self.tracing.begin(run.workflow_id)
        here = self.segments if self.segments and self.segments.has_room else None
        start = start._replace(limits=limits, worker=here.name if here is not None else None)
        if here is not None and start.is_unseen and self.steering.is_plain(run, start):
            return run, self._begin(run, start, here)
        try:
            is_ours = await self.steering.create(self.tenant, run, start)
        except IntegrityError:
            if (known := await self._of_keys(run, options)) is None:
                raise
            return known, None
        except DATABASE_PROBLEMS:
            if here is not None:
                here.recover(run.id)
            raise
        if here is None or not is_ours:
            return run, None
        claim = Claim(run, self.tenant, 1, 1, recorded=start.recorded)
        return run, Working(here.start(claim))

    async def _if_not_ready(
        self, compiled: CompiledWorkflow, run: RunRecord, options: RunOptions
    ) -> RunRecord | None:
        """Return the earlier run with a key of this one, if the environment is not ready for it.

        Raises EnvironmentNotReady if there is no such run.
        """
        if self.environment is None:
            return None
        try:
            await self.environment.require_ready(compiled)
        except EnvironmentNotReady:
            if (known := await self._of_keys(run, options)) is None:
                raise
            return known
        return None

    async def _of_keys(self, run: RunRecord, options: RunOptions) -> RunRecord | None:
        """Return the run that has one of the keys of a new one, if there is one.

        Raises KeyTaken if it has another input.
        """
        if run.idempotency_key is None and run.deduplication_key is None:
            return None
        found = await self.stored_runs.of_keys(
            run.workflow_id, run.idempotency_key, run.deduplication_key
        )
        if found is None:
            return None
        known = await self.stored_runs.get(found.run_id)
        if options.is_compared and not await asks_the_same(run, known, options.has_new_thread):
            raise KeyTaken(found.kind, known.id)
        return known

    def _begin(self, run: RunRecord, start: RunStart, here: Segments) -> Working:
        """Start a run that is stored with the first of what it does."""
        claim = Claim(run, self.tenant, 1, 1, is_stored=False)
        stored = self.steering.begin(self.tenant, run, start, soon=True)

        async def creation() -> None:
            try:
                await stored
            except DATABASE_PROBLEMS:
                here.recover(run.id)
                raise
            claim.is_stored = True

        # First, so that the writer has the run before anything that it does.
        creating = asyncio.create_task(creation())
        return Working(here.start(claim), creating)

    async def execute(
        self,
        compiled: CompiledWorkflow,
        given: Any,
        stored: StoredWorkflow | None = None,
        options: RunOptions = PLAIN,
        seconds: float | None = None,
    ) -> RunRecord:
        """Run a workflow until it ends or waits; raise InputRefused or EnvironmentNotReady.

        A run that waits for a time is waited for, if that comes soon. With `seconds`, the run is
        returned as it is after these, and is waited for whatever it waits for.
        """
        until = time.monotonic() + (SOON_SECONDS if seconds is None else seconds)
        run, working = await self._submit(
            compiled, given, stored, options, RunStart(is_awaited=True, is_unseen=True)
        )
        if working is not None:
            # The run continues if its caller does not wait any longer.
            if working.creation is not None:
                await asyncio.shield(working.creation)
            await asyncio.wait([working.task], timeout=seconds)
            if run.status in ENDED:
                return run
        elif seconds is None and _starts_late(run):
            return run
        return await self._settled(run.id, until, is_patient=seconds is not None)

    async def _settled(self, id: str, until: float, *, is_patient: bool) -> RunRecord:
        """Return a run once nothing more of it is to be waited for until a moment."""
        with self.watchers.watching(id, only_urgent=True) as watch:
            while True:
                run = await self.stored_runs.get_at_rest(id)
                left = until - time.monotonic()
                if is_patient and left <= 0:
                    return run or await self.stored_runs.get(id)
                if run is not None and not (
                    run.status == "waiting" and (is_patient or await self._comes_soon(id, left))
                ):
                    return run
                await watch.wait(min(LOOK_SECONDS, left) if left > 0 else LOOK_SECONDS)

    async def _comes_soon(self, id: str, seconds: float) -> bool:
        """Return whether a run waits for a time within these seconds, and for no one."""
        asked = await self.stored_runs.interrupts(WantedInterrupts(run_id=id, status="waiting"))
        times = [each.due_at for each in asked if each.kind == "timer" and each.due_at is not None]
        is_alone = seconds > 0 and len(times) == len(asked)
        return is_alone and bool(times) and min(times) <= now() + timedelta(seconds=seconds)

    async def at_rest(self, id: str) -> RunRecord:
        """Return a run once it has ended, waits or is paused; raise NoSuchRun."""
        with self.watchers.watching(id, only_urgent=True) as watch:
            while (run := await self.stored_runs.get_at_rest(id)) is None:
                await watch.wait(LOOK_SECONDS)
        return run

    async def events(self, id: str, after: int = 0) -> AsyncIterator[RunEvent]:
        """Yield a run's events with numbers greater than `after` until its end; raise NoSuchRun."""
        with self.watchers.watching(id) as watch:
            most = 1
            while True:
                status = await self.stored_runs.status(id)
                batch = light_part(await self.stored_runs.events(id, after, most))
                most = min(2 * len(batch) or 1, _MOST_AT_ONCE)
                for event in batch:
                    yield event
                    after = event.number
                if not batch:
                    if status in ENDED:
                        return
                    await watch.wait(LOOK_SECONDS)

    async def logs(self, id: str, after: int, limit: int, seconds: float) -> list[RunEvent]:
        """Return a run's events after a number; wait up to `seconds` if there is none yet."""
        with self.watchers.watching(id) as watch:
            events = await self.stored_runs.events(id, after, limit)
            until = time.monotonic() + seconds
            while not events and (left := until - time.monotonic()) > 0:
                if await self.stored_runs.status(id) in ENDED:
                    return await self.stored_runs.events(id, after, limit)
                await watch.wait(min(left, LOOK_SECONDS))
                events = await self.stored_runs.events(id, after, limit)
            return events

    async def cancel(self, id: str, reason: str | None = None) -> RunRecord:
        """End a run at once, whichever worker has it; raise NotPossible if it has ended."""
        error = {"code": "cancelled", "message": reason or "The run was cancelled."}
        await self.steering.end(self.tenant, id, "cancelled", error)
        return await self._ended(id, "cancelled")

    async def terminate(self, id: str, reason: str | None = None) -> RunRecord:
        """End a run at once as failed, so that it can be retried; raise NotPossible."""
        error = {"code": "terminated", "message": reason or "The run was terminated."}
        await self.steering.end(self.tenant, id, "failed", error)
        return await self._ended(id, "terminated")

    async def _ended(self, id: str, how: str) -> RunRecord:
        """Return a run that the caller ended; log who it was."""
        run = await self.stored_runs.get(id)
        log_end(RunFacts.of(run, self.tenant), how, self.caller.name)
        return run

    async def pause(self, id: str) -> RunRecord:
        """Pause a run once its running nodes have finished; raise NotPossible."""
        await self.steering.pause(self.tenant, id)
        return await self.stored_runs.get(id)

    async def resume(self, id: str, *, is_step: bool = False) -> RunRecord:
        """Continue a paused run, or only up to the next node; raise NotPossible."""
        await self.steering.resume(self.tenant, id, is_step=is_step)
        return await self.stored_runs.get(id)

    async def retry(self, id: str) -> RunRecord:
        """Continue a failed run from where it failed; raise NotPossible."""
        await self.steering.retry(self.tenant, id)
        return await self.stored_runs.get(id)

    async def answer(
        self, interrupt_id: str, value: Any, key: str | None = None
    ) -> InterruptRecord:
        """Answer a person's question; raise NoSuchInterrupt, AnswerRefused or NotAnswerable.

        The answer can be found by its idempotency `key`. Raises Forbidden if the question is for
        others, and TooCostly if the answer takes too many steps to check.
        """
        asked = await self.stored_runs.interrupt(interrupt_id)
        if asked is None or asked.kind != "human":
            raise NoSuchInterrupt
        self.require_asked(asked)
        given = as_answer(value)
        problems = await find_problems(given, asked.data.get("schema", {}))
        if problems:
            sentences = [f"{'.'.join(map(str, path)) or 'answer'}: {why}" for path, why in problems]
            raise AnswerRefused(problems=sentences)
        await self.steering.answer(self.tenant, interrupt_id, given, self.caller.name, key)
        found = await self.stored_runs.interrupt(interrupt_id)
        return found or asked

    def require_asked(self, question: InterruptRecord) -> None:
        """Raise Forbidden if a question is for others than the caller."""
        self.caller.require_question(question.data.get("assignee"), question.data.get("role"))

    async def signal(self, name: str, key: str, data: Any, id: str | None = None) -> int:
        """Send a signal, once for each id; return how many runs waited for it.

        Raises SignalTaken if an earlier one with the id was another.
        """
        # Other ids than those of the signals that nodes send.
        own = uuid.uuid5(uuid.NAMESPACE_OID, f"client {id}") if id is not None else uuid.uuid4()
        return await self.steering.send(self.tenant, own.hex, name, key, data, is_compared=True)


def _starts_late(run: RunRecord) -> bool:
    """Return whether a run starts later than a caller waits for it."""
    return run.starts_at is not None and run.starts_at > now() + timedelta(seconds=SOON_SECONDS)
