"""The runs of a tenant: starting, watching and steering them, and answering their questions."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy.exc import IntegrityError

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.definition.short_schemas import find_problems
from flowc.compiler.reading.large_values import in_worker, is_large
from flowc.nodes.people.human import as_answer
from flowc.server.engine.driving import new_run
from flowc.server.engine.publishing.watchers import Watchers
from flowc.server.engine.replay import require_nodes
from flowc.server.engine.segments import Segments
from flowc.server.environment.environment import Environment, EnvironmentNotReady
from flowc.server.records.interrupts import InterruptRecord
from flowc.server.records.refused import Refused
from flowc.server.records.run_events import RunEvent, light_part
from flowc.server.records.run_keys import same_json
from flowc.server.records.runs import ENDED, RunRecord
from flowc.server.records.times import now
from flowc.server.store import StoredRuns, StoredWorkflow, StoredWorkflows
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.claims import Claim
from flowc.server.store.runs.steering import NoSuchInterrupt, RunStart, StartLimits, Steering

# After this long without a publication, a watcher reads the store itself.
LOOK_SECONDS = 2.0
# Events that a watcher reads at a time: what a slow client has not read stays in the store.
_MOST_AT_ONCE = 200


class Working(NamedTuple):
    """The work on a run in this process, and what stores the run, if that is not done."""

    task: "asyncio.Task[str | None]"
    creation: "asyncio.Task[None] | None" = None


class KeyTaken(Refused):
    """The key belongs to a run with another input; send another key.

    `run_id` is that run.
    """

    run_id = ""

    @property
    def details(self) -> Sequence[Any]:
        """The run."""
        return [{"run_id": self.run_id}]

    def __init__(self, kind: str, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"The {kind} belongs to the run {run_id}, which has another input; send another key."
        )


class AnswerRefused(Refused):
    """The answer does not fit."""


@dataclass(frozen=True)
class RunOptions:
    """How a run starts; `delay` is in seconds, priority 1 is the highest.

    An `idempotency_key` creates one run of a workflow at most, a `deduplication_key` one unfinished
    run. Another input with the same key is refused, if the input `is_compared`; a new thread is no
    difference. With a `message`, the run is the next turn of its thread. A run stops before the
    nodes of `breakpoints`, and before every node if `is_stepping`.
    """

    idempotency_key: str | None = None
    deduplication_key: str | None = None
    priority: int = 10
    delay: float | None = None
    thread_id: str | None = None
    message: Any = None
    has_new_thread: bool = False
    is_compared: bool = True
    breakpoints: Sequence[str] = ()
    is_stepping: bool = False


@dataclass(frozen=True, kw_only=True)
class Runs:
    """One tenant's runs; `segments` are those that this process works on, if it works.

    Then, its `environment` is that of the runs.
    """

    tenant: str
    stored_runs: StoredRuns
    stored_workflows: StoredWorkflows
    steering: Steering
    watchers: Watchers
    segments: Segments | None
    environment: Environment | None

    async def submit(
        self,
        compiled: CompiledWorkflow,
        given: Any,
        stored: StoredWorkflow | None = None,
        options: RunOptions = RunOptions(),
        *,
        is_awaited: bool = False,
    ) -> RunRecord:
        """Start a run; raise InputRefused or EnvironmentNotReady if it cannot.

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
        _apply(options, run, compiled)
        if (known := await self._if_not_ready(compiled, run, options)) is not None:
            return known, None
        if stored is None:
            await self.stored_workflows.store_definition(run.hash, compiled.document.data)
        return await self._start(run, compiled, start._replace(message=options.message), options)

    async def start(
        self,
        run: RunRecord,
        compiled: CompiledWorkflow,
        *,
        is_awaited: bool = False,
        recorded: Mapping[str, Any] | None = None,
    ) -> RunRecord:
        """Start a run of a stored definition; return it, or the run that has one of its keys."""
        start = RunStart(is_awaited=is_awaited, recorded=recorded)
        return (await self._start(run, compiled, start))[0]

    async def _start(
        self,
        run: RunRecord,
        compiled: CompiledWorkflow,
        start: RunStart,
        options: RunOptions = RunOptions(),
    ) -> "tuple[RunRecord, Working | None]":
        """Start a run; return it, and its work if that is done in this process."""
        settings = compiled.workflow.settings
        limits = StartLimits(settings.max_runs, settings.rate)
        here = self.segments if self.segments and self.segments.has_room else None
        start = start._replace(limits=limits, worker=here.name if here is not None else None)
        if here is not None and start.is_unseen and start.is_plain_for(run):
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
        if options.is_compared and not await _asks_the_same(run, known, options.has_new_thread):
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
        options: RunOptions = RunOptions(),
    ) -> RunRecord:
        """Run a workflow until it ends or waits; raise InputRefused or EnvironmentNotReady."""
        run, working = await self._submit(
            compiled, given, stored, options, RunStart(is_awaited=True, is_unseen=True)
        )
        if working is not None:
            # The run continues if its caller does not wait any longer.
            if working.creation is not None:
                await asyncio.shield(working.creation)
            await asyncio.wait([working.task])
            if run.status in ENDED:
                return run
        return await self.at_rest(run.id)

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
        return await self.stored_runs.get(id)

    async def terminate(self, id: str, reason: str | None = None) -> RunRecord:
        """End a run at once as failed, so that it can be retried; raise NotPossible."""
        error = {"code": "terminated", "message": reason or "The run was terminated."}
        await self.steering.end(self.tenant, id, "failed", error)
        return await self.stored_runs.get(id)

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

    async def answer(self, interrupt_id: str, value: Any) -> InterruptRecord:
        """Answer a person's question; raise NoSuchInterrupt, AnswerRefused or NotAnswerable.

        Raises TooCostly if the answer takes too many steps to check.
        """
        asked = await self.stored_runs.interrupt(interrupt_id)
        if asked is None or asked.kind != "human":
            raise NoSuchInterrupt
        given = as_answer(value)
        problems = await find_problems(given, asked.data.get("schema", {}))
        if problems:
            sentences = [f"{'.'.join(map(str, path)) or 'answer'}: {why}" for path, why in problems]
            raise AnswerRefused(problems=sentences)
        await self.steering.answer(self.tenant, interrupt_id, given)
        found = await self.stored_runs.interrupt(interrupt_id)
        return found or asked

    async def signal(self, name: str, key: str, data: Any, id: str | None = None) -> int:
        """Send a signal, once for each id; return how many runs waited for it.

        Raises SignalTaken if an earlier one with the id was another.
        """
        # Other ids than those of the signals that nodes send.
        own = uuid.uuid5(uuid.NAMESPACE_OID, f"client {id}") if id is not None else uuid.uuid4()
        return await self.steering.send(self.tenant, own.hex, name, key, data, is_compared=True)


async def _asks_the_same(run: RunRecord, known: RunRecord, has_new_thread: bool) -> bool:
    """Return whether a new run has the input of a known one, and its definition if that is sent."""
    if run.workflow_id is None and run.hash != known.hash:
        return False
    if not has_new_thread and run.thread_id != known.thread_id:
        return False
    passed_over = {"thread_id"} if has_new_thread else set[str]()
    inputs = [
        {name: value for name, value in each.input.items() if name not in passed_over}
        for each in (run, known)
    ]
    compare = partial(same_json, *inputs)
    return await in_worker(compare) if is_large(run.input) else compare()


def _apply(options: RunOptions, run: RunRecord, compiled: CompiledWorkflow) -> None:
    """Apply options to a new run; raise ReplayRefused for a breakpoint that names no node."""
    run.priority, run.idempotency_key = options.priority, options.idempotency_key
    run.deduplication_key, run.thread_id = options.deduplication_key, options.thread_id
    if options.delay is not None:
        run.starts_at = now() + timedelta(seconds=options.delay)
    if options.breakpoints or options.is_stepping:
        require_nodes(options.breakpoints, compiled)
        nodes = sorted(set(options.breakpoints))
        run.breakpoints = {"nodes": nodes, "stepping": options.is_stepping}
