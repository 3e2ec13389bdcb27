"""A stretch: one drive through the graph of a run, with all that a run at work has."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from langgraph.runtime import RunControl

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.running.breakpoints import Breakpoints
from flowc.compiler.running.events import Event, EventKind
from flowc.compiler.running.recorded import Recording
from flowc.compiler.running.redaction import KnownSecrets
from flowc.compiler.running.run_context import RunContext
from flowc.nodes.services.remote_steps import RemoteSteps
from flowc.nodes.services.signals import Signals
from flowc.nodes.services.threads import Thread
from flowc.server.engine.checkpointer import RunCheckpointer
from flowc.server.engine.driving import (
    Advance,
    advance,
    budget_of,
    context_of,
    error_of,
    result_of,
)
from flowc.server.engine.failures_of_runs import handle_failure
from flowc.server.engine.node_services.lasting import VariablesOfRun
from flowc.server.engine.node_services.remote_steps import StoredRemoteSteps
from flowc.server.engine.node_services.signals import StoredSignals
from flowc.server.engine.node_services.thread import SentThread, StoredThread
from flowc.server.engine.replay import given_recording
from flowc.server.engine.run_log import RunLog
from flowc.server.logs.log_context import LOG_CONTEXT, NOTHING, run_fields
from flowc.server.numbers.run_counts import RunCounts
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.store.checkpoints import StoredCheckpoints
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.lasting import StoredVariables
from flowc.server.store.remote_types import StoredRemoteTypes
from flowc.server.store.runs.batches import HasAudience, RunEnd, TakenOver, WorkerInstructions
from flowc.server.store.runs.claims import Claim, Claims
from flowc.server.store.runs.control import Control
from flowc.server.store.runs.steering import Steering
from flowc.server.store.spendings import StoredLedger
from flowc.server.store.threads import StoredThreads
from flowc.server.tenant_services import TenantServices
from flowc.server.traces.run_spans import RunSpans, RunTracing
from flowc.server.workflows.compiled import Workflows

Done = TypeVar("Done")


class Home(Protocol):
    """What a process has of a tenant to drive its runs."""

    @property
    def workflows(self) -> Workflows:
        """The tenant's workflows."""
        ...

    @property
    def services(self) -> TenantServices:
        """The services of its nodes."""
        ...


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """What a process needs to drive runs, and the stretches that it is driving, by run."""

    claims: Claims
    steering: Steering
    counts: RunCounts
    tracing: RunTracing
    home_of: Callable[[str], Home]
    checkpoints: StoredCheckpoints
    max_steps: int
    driving: "dict[str, Stretch]" = field(default_factory=dict)


class Stretch:
    """One drive through the graph: from the start or an answer to a rest or the end."""

    def __init__(self, place: Workplace, claim: Claim, compiled: CompiledWorkflow) -> None:
        self._place, self._claim, self._compiled = place, claim, compiled
        self._control = RunControl()
        self.task: asyncio.Task[Advance | None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._is_lost = False
        self._known = KnownSecrets()
        self._counts = place.counts.of_nodes(compiled.plan)
        self._breakpoints = Breakpoints()
        self._follow(WorkerInstructions(None, claim.run.breakpoints))
        self._fields: Mapping[str, str] = NOTHING
        self._spans: RunSpans | None = None
        self._log = RunLog(place.claims.writer, claim, self._follow, self._lose)

    async def drive(self) -> str | None:
        """Drive the run; return how the segment ended, or None if an answer arrived meanwhile."""
        run, claim = self._claim.run, self._claim
        fields = run_fields(run.id, claim.tenant, run.workflow_id)
        self._fields = {**LOG_CONTEXT.get(), **fields}
        LOG_CONTEXT.set(self._fields)
        with self._place.tracing.stretch(claim) as self._spans:
            result = await self._drive(run)
            if self._spans is not None:
                self._spans.ended(result)
            return result

    async def _drive(self, run: RunRecord) -> str | None:
        context = self._context()
        try:
            work = advance(self._compiled, run, context, self._control)
            self.task = driving = asyncio.create_task(work)
            done = await self._driven(driving)
            if done.interrupts or done.is_paused:
                return await self._rest(done)
            run.output, run.status = await result_of(self._compiled, done.outputs), "completed"
        except (TakenOver, *DATABASE_PROBLEMS):
            # The run is not ours, or may not be: it has not failed, and another attempt follows.
            raise
        except Exception as problem:
            error = error_of(problem, self._compiled)
            ends = (TakenOver, *DATABASE_PROBLEMS)
            cleanup = handle_failure(self._compiled, run, context, problem, error, ends=ends)
            self.task = handling = asyncio.create_task(cleanup)
            await self._driven(handling)
            run.error, run.status = error, "failed"
        await self._end(RunEnd.of(run, run.ended(self._compiled.plan.nodes)))
        return run.status

    async def _end(self, end: RunEnd) -> None:
        if self._claim.ends_quietly:
            with suppress(HasAudience):
                await self._log.flush(end)
                return
        await self._log.flush()
        await self._place.claims.finish(self._claim, end)

    async def _driven(self, driving: "asyncio.Task[Done]") -> Done:
        self._place.driving[self._claim.run.id] = self
        try:
            return await driving
        except asyncio.CancelledError:
            if self._is_lost:
                raise TakenOver(self._claim.run.id) from None
            raise
        finally:
            # This process may have taken the run over from itself.
            if self._place.driving.get(self._claim.run.id) is self:
                del self._place.driving[self._claim.run.id]
            if not driving.done():
                driving.cancel()
                await asyncio.gather(driving, return_exceptions=True)

    async def _rest(self, done: Advance) -> str | None:
        await self._log.flush()
        is_resting = await self._place.claims.rest(
            self._claim, done.interrupts, is_paused=done.is_paused
        )
        return ("paused" if done.is_paused else "waiting") if is_resting else None

    def _context(self) -> RunContext:
        place, claim = self._place, self._claim
        run, services = claim.run, place.home_of(claim.tenant).services
        self._known = services.known
        is_resumed = claim.attempt > 1 or run.segment > 0 or bool(claim.answers)
        repeatable = self._compiled.plan.repeatable
        saver = RunCheckpointer(place.checkpoints, self._log, repeatable, is_new=not is_resumed)
        context = context_of(self._compiled, run, services, place.max_steps, saver)
        return replace(
            context,
            tenant=claim.tenant,
            services={**context.services, **self._services()},
            emit=self._emit,
            hold_up=self._log.hold_up,
            commit=self._log.look,
            can_wait=True,
            is_resumed=is_resumed,
            answers=claim.answers,
            waiting=frozenset(run.waiting),
            counted=frozenset(run.usage_count.journaled),
            breakpoints=self._breakpoints,
            recording=self._recording(),
            budget=budget_of(self._compiled, run, self._ledger()),
            lasting=VariablesOfRun(StoredVariables(place.claims.database, claim.tenant), run),
            tracer=self._spans,
        )

    def _ledger(self) -> StoredLedger | None:
        limits, claim = self._compiled.workflow.settings.workflow_budget, self._claim
        if limits is None or claim.run.workflow_id is None:
            return None
        database = self._place.claims.database
        return StoredLedger(database, claim.tenant, claim.run.workflow_id, limits)

    def _services(self) -> dict[type, Any]:
        claims, claim = self._place.claims, self._claim
        types = StoredRemoteTypes(claims.database, claim.tenant)
        home = self._place.home_of(claim.tenant).services
        found: dict[type, Any] = {
            Signals: StoredSignals(self._place.steering, claim.tenant),
            RemoteSteps: StoredRemoteSteps(types, home, claim.run.workflow_id),
        }
        sent = claim.run.input.get("messages")
        if isinstance(sent, list) and all(isinstance(each, dict) for each in sent):
            # As in the memory of nodes, also for those of sub-workflows, which have other inputs.
            found[Thread] = SentThread(sent)
        elif claim.run.thread_id is not None:
            threads = StoredThreads(claims.database, claim.tenant)
            found[Thread] = StoredThread(threads, claim.run.thread_id, claim.run.id)
        return found

    def _recording(self) -> Recording | None:
        run, compiled = self._claim.run, self._compiled
        if self._claim.recorded is None:
            return None
        return given_recording(self._claim.recorded, compiled, run)

    def _emit(self, event: Event) -> None:
        # All that a run stores and its watchers see passes here; nodes redact what is theirs.
        if redactor := self._known.redactor:
            event = event._replace(data=redactor.json(event.data))
        run_event = RunEvent.of(event)
        self._claim.run.apply(run_event)
        self._log.append(run_event)
        self._counts.add(run_event)
        if self._spans is not None:
            self._spans.note(run_event)
        if event.kind is EventKind.NODE_STARTED:
            LOG_CONTEXT.set({**self._fields, "node": str(event.node_id)})

    def _follow(self, instructions: WorkerInstructions) -> None:
        if instructions.control == Control.PAUSE:
            self._control.request_drain("pause")
        stops = instructions.breakpoints or {"nodes": (), "stepping": False}
        self._breakpoints.names = frozenset(stops["nodes"])
        self._breakpoints.conditions = stops.get("conditions", {})
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
                await self._log.look()
            except TakenOver:
                self._lose()
