"""Runs one node: computes its configuration, makes the attempts, and checks its output.

Most of the order here is about what a node must not do twice, or must not show: a recorded result
comes before a breakpoint, a cached output before the limits, and nothing leaves without redaction.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

from flowc.compiler.expressions import RECORDED, RecordedValues, evaluated
from flowc.compiler.guards import Limit
from flowc.compiler.node import Context, Node, NodeError, Outcome
from flowc.compiler.node.interrupts import (
    SHORT,
    Answer,
    Ask,
    Interrupt,
    Interrupted,
    interrupt_id,
    wait_here,
)
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.breakpoints import Breakpoints
from flowc.compiler.running.event_data import (
    NodeCompletedData,
    NodeFailedData,
    NodeUsedData,
    NodeWaitingData,
    ReadsData,
)
from flowc.compiler.running.events import (
    NODE_COMPLETED,
    NODE_FAILED,
    NODE_RETRYING,
    NODE_SAID,
    NODE_STARTED,
    NODE_USED,
    NODE_WAITING,
)
from flowc.compiler.running.explanations import explained, failure_data, node_failed
from flowc.compiler.running.failed_attempts import failed_attempt, store_failed_attempt
from flowc.compiler.running.failures import timed_out
from flowc.compiler.running.handling import handled_failure, require_turns
from flowc.compiler.running.inside import NOTHING_INSIDE, Inside, counted_key
from flowc.compiler.running.node_secrets import NodeSecrets
from flowc.compiler.running.node_spans import traced_attempt
from flowc.compiler.running.outcomes import plain_outcome
from flowc.compiler.running.reads import reads_of, values_of
from flowc.compiler.running.recorded import Recorded
from flowc.compiler.running.resolution import (
    cache_key,
    filled_in,
    limits_of,
    names_for,
    validated,
)
from flowc.compiler.running.retries import with_retries, with_time_limit
from flowc.compiler.running.retry_conditions import retry_conditions
from flowc.compiler.running.run_context import RunContext, View
from flowc.compiler.running.spending import Spent, milliseconds_since
from flowc.compiler.running.stops import awaited_data, stop_before


async def execute(
    node: PlannedNode,
    view: View,
    run: RunContext,
    turn: int = 0,
    inside: Inside = NOTHING_INSIDE,
) -> Outcome:
    """Run a node to its end, for the n-th time in its region.

    Raises NodeFailed if no attempt succeeds and the workflow does not continue after that, and
    Interrupted if the node must wait.
    """
    if run.hold_up is not None and (held := run.hold_up()) is not None:
        await held
    work = _Work(node, view, run, turn, inside)
    recorded = await work.begun()
    # A node that waited runs again from its beginning; its events were emitted the first time.
    was_waiting = bool(run.waiting) and (view.path, node.id) in run.waiting
    if not was_waiting:
        run.emit(NODE_STARTED.of_node(node.id, {"type": node.node_type.type}, view.path))
    try:
        if recorded is not None:
            outcome = work.replayed(recorded)
        # Computing a configuration costs more than most nodes do; a constant one needs none.
        elif node.plain is not None and not run.guards.limits.by_type:
            outcome = await work.plainly(node.plain)
        else:
            outcome = await work.guarded()
        require_turns(node, outcome, view.edges)
    except (Interrupted, asyncio.CancelledError) as stopped:
        work.stopped(None if was_waiting else stopped)
        raise
    except Exception as problem:
        return work.failed(problem)
    work.completed(outcome)
    return outcome


@dataclass(slots=True)
class _Work:
    """The work of one node in one run, over all its attempts.

    `names` are what its expressions read, and `filled` is its configuration with all values
    computed; `asked` counts what it has waited for.
    `values` and `reads` are the time and the random values that its expressions read.
    """

    node: PlannedNode
    view: View
    run: RunContext
    turn: int
    inside: Inside
    started: float = field(default_factory=perf_counter)
    attempts: int = 0
    is_cached: bool = False
    is_replayed: bool = False
    asked: int = 0
    names: Mapping[str, Any] = field(default_factory=dict)
    filled: Mapping[str, Any] | None = None
    spent: Spent = field(init=False)
    secrets: NodeSecrets = field(init=False)
    values: RecordedValues | None = None
    reads: ReadsData | None = None

    def __post_init__(self) -> None:
        self.spent = Spent(self._emit_used)
        self.secrets = NodeSecrets(self.node, self.run)

    async def begun(self) -> Recorded | None:
        """Return the recorded result; without one, stop at a breakpoint by raising Interrupted."""
        recording, breakpoints = self.run.recording, self.run.breakpoints
        recorded = None
        if recording is not None:
            recorded = recording.of(self.view.path, self.node.id, self.turn)
        if recorded is None and breakpoints is not None:
            await self._stop_at(breakpoints)
        return recorded

    async def _stop_at(self, breakpoints: Breakpoints) -> None:
        """Raise Interrupted if the run stops before this node and was not resumed from there."""
        node_id, path = self.node.id, self.view.path
        if self.run.can_wait and breakpoints.may_stop(path, node_id):
            # 0 is the breakpoint; what the node itself asks counts from 1.
            id = interrupt_id(self._place(), 0)
            if id not in self.run.answers:
                ask = await stop_before(breakpoints, node_id, self.view, self.run)
                if ask is not None:
                    raise Interrupted(Interrupt(id, node_id, path, ask))

    def replayed(self, recorded: Recorded) -> Outcome:
        """Return the recorded result; raise NodeError if the node failed in the recording."""
        self.is_replayed = True
        if recorded.error is not None:
            raise NodeError(*recorded.error)
        return Outcome(recorded.output, recorded.branch, recorded.variables)

    async def plainly(self, plain: Node) -> Outcome:
        """Run a node whose configuration is constant, without retries, limits or cache."""
        self.attempts = 1
        try:
            result = await plain.run(self._context())
        except TimeoutError:
            raise timed_out() from None
        return await self._outcome_of(result)

    def completed(self, outcome: Outcome) -> None:
        """Emit `node.completed`."""
        self.secrets.flush()
        data: NodeCompletedData = {
            "output": outcome.output,
            "branch": outcome.branch,
            "usage": self.spent.total(),
            "attempts": self.attempts,
            "duration_ms": milliseconds_since(self.started),
            "cached": self.is_cached,
        }
        self.spent.name_models(data)
        if outcome.variables:
            data["variables"] = dict(outcome.variables)
        if self.is_replayed:
            data["replayed"] = True
        self._end(data)
        self.run.emit(NODE_COMPLETED.of_node(self.node.id, data, self.view.path))

    def stopped(self, problem: BaseException | None) -> None:
        """Emit what a node used that waits or is cut off, and `node.waiting` if it is new."""
        self.secrets.flush()
        self.spent.emit()
        if isinstance(problem, Interrupted):
            place = self.view.path, self.node.id
            own = [i for i in problem.interrupts if (i.path, i.node_id) == place]
            data: NodeWaitingData = {"interrupt": awaited_data(own[0]) if own else None}
            self.run.emit(NODE_WAITING.of_node(self.node.id, data, self.view.path))

    def failed(self, problem: Exception) -> Outcome:
        """Emit `node.failed`; return how the workflow continues, or raise NodeFailed if it ends."""
        self.secrets.flush()
        node, about = self.node, (self.secrets.redactor, self.run.secret_hint)
        error = explained(problem, node.id, node.node_type.type, *about, node)
        error, continued = handled_failure(node, error, self.attempts, self.view.edges)
        data = failure_data(error, node, self.attempts, milliseconds_since(self.started))
        if self.spent:
            data["usage"] = self.spent.total()
            self.spent.name_models(data)
        if continued is not None:
            data["handled"] = True
        self._end(data)
        self.run.emit(NODE_FAILED.of_node(node.id, data, self.view.path))
        if continued is not None:
            return continued
        # `from None`, because the cause may contain secrets that only the message is free of.
        raise node_failed(error, node, self.attempts) from None

    def _end(self, data: NodeCompletedData | NodeFailedData) -> None:
        """Add the computed configuration to the event's data, and count the node's run.

        The event counts what the results in the journal cost: if they are used again, in a retry of
        the run, they cost nothing more.
        """
        self.spent.end()
        for key in self.spent.journaled:
            self.inside.record(counted_key(key), Outcome(output=True))
        if self.filled is not None and self.node.configuration.computed:
            given = {name: self.filled[name] for name in self.node.configuration.computed}
            data["input"] = self.secrets.redactor.json(given)
        if self.reads is not None:
            data["reads"] = self.reads
        if self.run.recording is not None:
            self.run.recording.count(self.view.path, self.node.id)

    async def guarded(self) -> Outcome:
        """Do the work behind the cache and the limits; raise NodeError or ExpressionError."""
        resolved, key, limits = await self._prepared()
        cache = self.run.guards.cache
        if key is not None and (found := await cache.get(key)) is not None:
            self.is_cached = True
            return Outcome(**json.loads(found))
        if not limits:
            outcome = await self._tried(resolved)
        else:
            async with self.run.guards.limits.taken(limits):
                outcome = await self._tried(resolved)
        if key is not None and self.node.definition.cache is not None:
            # Without its usage: reusing the output costs nothing.
            variables = dict(outcome.variables)
            entry = {"output": outcome.output, "branch": outcome.branch, "variables": variables}
            await cache.put(key, json.dumps(entry), self.node.definition.cache.ttl)
        return outcome

    async def _prepared(self) -> tuple[Node, str | None, list[Limit]]:
        """Return the node with its values, its cache key if it is cached, and its limits."""
        node = self.node
        secrets = await self.secrets.read() if node.secrets else {}
        names = names_for(node, self.view, self.run, secrets)
        if node.is_recorded:
            self.values = await self._recorded_values()
            names = {**names, RECORDED: self.values}
        self.names = names
        self.filled = filled = await evaluated(partial(filled_in, node, self.view, names))
        if secrets:
            self.secrets.note(filled)
        key = cache_key(node, filled, self.run) if node.definition.cache else None
        # Without a key there is nothing to evaluate.
        limits = partial(limits_of, node, names, self.run)
        found = limits() if node.configuration.key is None else await evaluated(limits)
        return validated(node, filled), key, found

    async def _recorded_values(self) -> RecordedValues:
        where = (self.view.path, self.node.id, self.turn, self._place())
        self.reads = await reads_of(self.run, *where, self.inside)
        # An effect of the node may carry these values, so they must outlive a crash after it.
        if self.run.commit is not None and not self.node.is_repeatable:
            await self.run.commit()
        return values_of(self.reads)

    async def _tried(self, resolved: Node) -> Outcome:
        if self.node.retry.max_attempts == 1:
            return await self.attempt(resolved)
        attempt = traced_attempt(self.run.tracer, partial(self.attempt, resolved))
        conditions = retry_conditions(self.node, self.names, lambda: self.attempts)
        return await with_retries(self.node.retry, attempt, self._emit_retry, conditions)

    async def attempt(self, resolved: Node) -> Outcome:
        """Make one attempt; raise NodeError or ExpressionError."""
        # Each attempt asks from the beginning, so its questions get the same ids.
        self.attempts, self.asked = self.attempts + 1, 0
        if (failure := failed_attempt(self.node, self.inside, self.attempts)) is not None:
            raise failure
        if self.values is not None:
            self.values.restart("work")
        timeout = self.node.timeout
        work: Callable[[], Awaitable[Any]] = partial(resolved.run, self._context())
        if timeout is not None:
            work = partial(with_time_limit, timeout, work)
        try:
            result = await work()
        except TimeoutError:
            raise timed_out() from None
        return await self._outcome_of(result)

    async def _outcome_of(self, result: Any) -> Outcome:
        if not isinstance(result, Outcome):
            return await plain_outcome(Outcome(result), self.secrets.redactor)
        if result.usage:
            self.spent.add(result.usage)
        return await plain_outcome(result, self.secrets.redactor)

    def _emit_retry(self, problem: NodeError, delay: float) -> None:
        self.secrets.flush()
        store_failed_attempt(self.node, self.inside, self.attempts, problem)
        message = self.secrets.redactor.text(problem.message)
        event = NODE_RETRYING.of_node(
            self.node.id,
            {"attempt": self.attempts, "delay": delay, "message": message},
            self.view.path,
        )
        self.run.emit(event)

    def _emit_used(self, data: NodeUsedData) -> None:
        self.run.emit(NODE_USED.of_node(self.node.id, data, self.view.path))

    def _context(self) -> Context:
        return Context(
            run_body=self.inside.run_body,
            once=self._once,
            through=self._through,
            tools=self.node.tools,
            now=self.run.now,
            variables=self.view.variables,
            run_id=self.run.run_id,
            node_id=self.node.id,
            attempt=self.attempts,
            input=self.view.input,
            services=self.secrets.services(),
            emit=self._emit,
            place=self._place(),
            wait_for=self._wait_for if self.run.can_wait else self.run.wait_for,
            budget=self.run.budget,
            add_usage=self.spent.add,
            lasting=self.run.lasting,
            declared=self.node.declared,
            stored_in=self.node.stored_in,
        )

    def _place(self) -> str:
        # A node that edges run again has the same path and turn, but another LangGraph task.
        view = self.view
        return f"{self.run.run_id}/{view.task}/{view.path}{self.node.id}#{self.turn}"

    async def _wait_for(self, ask: Ask) -> Answer:
        """Return the answer if there is one; otherwise raise Interrupted to end the node's work."""
        self.asked += ask.turn is None
        id = interrupt_id(self._place(), ask.turn or self.asked)
        if id in self.run.answers:
            return self.run.answers[id]
        if ask.kind == "timer" and ask.seconds is not None and ask.seconds < SHORT:
            return await wait_here(ask)
        redacted = ask._replace(data=self.secrets.redactor.json(dict(ask.data)))
        raise Interrupted(Interrupt(id, self.node.id, self.view.path, redacted))

    async def _through(self, target: str, work: Callable[[], Awaitable[Any]]) -> Any:
        # One tenant's failing calls (a wrong address, say) must not stop another tenant's.
        key = f"{self.run.tenant} {target}"
        return await self.run.guards.circuits.through(key, target, work)

    async def _once(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        known = self.inside.recorded(key)
        if known is None:
            before = len(self.spent)
            with self.spent.working_on(key):
                # Before it is stored: what a service returned may contain the secret sent to it.
                output = self.secrets.redactor.json(await work())
            known = Outcome(output, usage=self.spent.total(since=before))
            self.inside.record(key, known)
        elif known.usage and self._is_uncounted(key):
            # It was paid for before the node waited or its process ended, and no event says so.
            self.spent.add(known.usage)
            self.run.budget.spent(known.usage.get("cost", 0), known.usage.get("total_tokens", 0))
        if known.usage:
            self.spent.journaled.add(key)
        return known.output

    def _is_uncounted(self, key: str) -> bool:
        if key in self.spent.journaled or (self.view.path, self.node.id, key) in self.run.counted:
            return False
        return self.inside.recorded(counted_key(key)) is None

    def _emit(self, kind: str, data: Any) -> None:
        self.secrets.emit(kind, data, self._emit_said)

    def _emit_said(self, kind: str, data: Any) -> None:
        self.run.emit(NODE_SAID.of_node(self.node.id, {"kind": kind, "data": data}, self.view.path))
