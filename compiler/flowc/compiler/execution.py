"""How does one node run: its configuration resolved, its work tried, its output made plain?"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from flowc.compiler.attempts import tried, within
from flowc.compiler.definition import GoOn, GoTo
from flowc.compiler.events import Event
from flowc.compiler.graph import DONE, ERROR
from flowc.compiler.guards import Limit
from flowc.compiler.handover import as_node_error, plain_outcome, timed_out
from flowc.compiler.interrupts import (
    Answer,
    Ask,
    Interrupt,
    Interrupted,
    interrupt_id,
    wait_here,
)
from flowc.compiler.node import BodyFailed, Context, Node, NodeError, Outcome, RunBody, no_body
from flowc.compiler.plan import PlannedNode
from flowc.compiler.redaction import Redactor
from flowc.compiler.resolution import (
    cache_key,
    filled_in,
    limits_of,
    names_for,
    secrets_of,
    validated,
)
from flowc.compiler.run_context import NodeFailed, RunContext, View

NO_SECRETS = Redactor()


async def execute(
    node: PlannedNode,
    view: View,
    run: RunContext,
    turn: int = 0,
    run_body: RunBody | None = None,
) -> Outcome:
    """Run a node to the end, for the n-th time in its region.

    Raises NodeFailed if no attempt succeeds, and Interrupted if it has to wait.
    """
    started = perf_counter()
    work = _Work(node, view, run, turn, run_body)
    was_waiting = bool(run.waiting) and (view.path, node.id) in run.waiting
    if not was_waiting:
        run.emit(Event("node.started", node.id, node.started, view.path))
    try:
        if node.plain is not None and not run.guards.limits.by_type:
            outcome = await work.plainly(node.plain)
        else:
            outcome = await work.guarded()
    except Interrupted as stopped:
        if not was_waiting:
            run.emit(Event("node.waiting", node.id, _awaited(node, view, stopped), view.path))
        raise
    except Exception as problem:
        return work.failed(as_node_error(problem, node.id, node.node_type.type), started)
    data = {
        "output": outcome.output,
        "branch": outcome.branch,
        "usage": dict(outcome.usage) if outcome.usage else {},
        "attempts": work.attempts,
        "duration_ms": _since(started),
        "cached": work.is_cached,
    }
    run.emit(Event("node.completed", node.id, data, view.path))
    return outcome


def _awaited(node: PlannedNode, view: View, stopped: Interrupted) -> dict[str, Any]:
    """Return what is told of a node that waits: what for, unless it is in its body."""
    own = [i for i in stopped.interrupts if (i.path, i.node_id) == (view.path, node.id)]
    return {"interrupt": own[0].as_json() if own else None}


def _coped(node: PlannedNode, error: NodeError, message: str, attempts: int) -> Outcome | None:
    """Return how the workflow goes on after this failure; None if it does not."""
    policy = node.definition.on_error
    if policy == "fail":
        return None
    said = {"node": node.id, "code": error.code, "message": message, "attempts": attempts}
    if isinstance(policy, GoTo):
        return Outcome(None, branch=ERROR, error=said)
    output = policy.output if isinstance(policy, GoOn) else None
    return Outcome(output, error=said)


@dataclass(slots=True)
class _Work:
    """One node's work in one run, attempt after attempt."""

    node: PlannedNode
    view: View
    run: RunContext
    turn: int
    run_body: RunBody | None
    redactor: Redactor = NO_SECRETS
    attempts: int = 0
    is_cached: bool = False
    asked: int = 0

    async def plainly(self, plain: Node) -> Outcome:
        """Run a node of which nothing is computed, and round which nothing stands."""
        self.attempts = 1
        try:
            result = await plain.run(self._context())
        except TimeoutError:
            raise timed_out() from None
        return plain_outcome(result if isinstance(result, Outcome) else Outcome(result), NO_SECRETS)

    def failed(self, error: NodeError, started: float) -> Outcome:
        """Tell of a failure, and return how the workflow goes on; raise NodeFailed if it ends."""
        node, message = self.node, self.redactor.text(error.message)
        failure = {"code": error.code, "message": message, "duration_ms": _since(started)}
        data = {**failure, "attempts": self.attempts}
        self.run.emit(Event("node.failed", node.id, data, self.view.path))
        coped = _coped(node, error, message, self.attempts)
        if coped is not None:
            return coped
        if isinstance(error, BodyFailed):
            raise NodeFailed(error.code, message, error.node_id, error.attempt, error.at) from None
        raise NodeFailed(error.code, message, node.id, self.attempts, node.definition.at) from None

    async def guarded(self) -> Outcome:
        """Do the work within all that guards it; raise NodeError or ExpressionError."""
        resolved, key, limits = self._prepared()
        cache = self.run.guards.cache
        if key is not None and (kept := await cache.get(key)) is not None:
            self.is_cached = True
            return Outcome(**json.loads(kept))
        if not limits:
            outcome = await self._tried(resolved)
        else:
            async with self.run.guards.limits.taken(limits):
                outcome = await self._tried(resolved)
        if key is not None and self.node.definition.cache is not None:
            variables = dict(outcome.variables)
            said = {"output": outcome.output, "branch": outcome.branch, "variables": variables}
            await cache.put(key, json.dumps(said), self.node.definition.cache.ttl)
        return outcome

    def _prepared(self) -> tuple[Node, str | None, list[Limit]]:
        """Return the node with its values, its key in the cache, and the limits it is under."""
        node = self.node
        secrets = secrets_of(node, self.run)
        if secrets:
            self.redactor = Redactor(secrets.values())
        names = names_for(node, self.view, self.run, secrets)
        filled = filled_in(node, self.view, names)
        key = cache_key(node, filled, self.run) if node.definition.cache else None
        return validated(node, filled), key, limits_of(node, names, self.run)

    async def _tried(self, resolved: Node) -> Outcome:
        if self.node.retry.max_attempts == 1:
            return await self.attempt(resolved)
        attempt = partial(self.attempt, resolved)
        return await tried(self.node.retry, attempt, self._tell)

    async def attempt(self, resolved: Node) -> Outcome:
        """Try once; raise NodeError or ExpressionError."""
        self.attempts, self.asked = self.attempts + 1, 0
        target, timeout = resolved.target(), self.node.timeout
        work: Callable[[], Awaitable[Any]] = partial(resolved.run, self._context())
        if timeout is not None:
            work = partial(within, timeout, work)
        if target is not None:
            circuits, key = self.run.guards.circuits, f"{self.run.tenant} {target}"
            work = partial(circuits.through, key, target, work)
        try:
            result = await work()
        except TimeoutError:
            raise timed_out() from None
        outcome = result if isinstance(result, Outcome) else Outcome(result)
        return plain_outcome(outcome, self.redactor)

    def _tell(self, problem: NodeError, delay: float) -> None:
        message = self.redactor.text(problem.message)
        data = {"attempt": self.attempts, "delay": delay, "message": message}
        self.run.emit(Event("node.retrying", self.node.id, data, self.view.path))

    def _context(self) -> Context:
        return Context(
            run_body=self.run_body or no_body,
            variables=self.view.variables,
            run_id=self.run.run_id,
            node_id=self.node.id,
            attempt=self.attempts,
            input=self.view.input,
            services=self.run.services,
            emit=self._say,
            place=self._place(),
            wait_for=self._wait_for if self.run.can_wait else wait_here,
        )

    def _place(self) -> str:
        view = self.view
        return f"{self.run.run_id}/{view.task}/{view.path}{self.node.id}#{self.turn}"

    async def _wait_for(self, ask: Ask) -> Answer:
        """Return the answer, if it has come; else end the node's work until it has."""
        self.asked += 1
        id = interrupt_id(self._place(), self.asked)
        if id in self.run.answers:
            return self.run.answers[id]
        told = ask._replace(data=self.redactor.json(dict(ask.data)))
        raise Interrupted(Interrupt(id, self.node.id, self.view.path, told))

    def _say(self, kind: str, data: Any) -> None:
        said = {"kind": kind, "data": self.redactor.json(data)}
        self.run.emit(Event("node.said", self.node.id, said, self.view.path))


def outputs_after(node: PlannedNode, outcome: Outcome) -> dict[str, Any]:
    """Return the outputs that a node leaves: its own, unless it failed for another to go on.

    The last error that the workflow coped with stands among them under a name that is no id.
    """
    error = {"error": dict(outcome.error)} if outcome.error is not None else {}
    return error if outcome.branch == ERROR and error else {node.id: outcome.output, **error}


def branch_after(node: PlannedNode, outcome: Outcome) -> str | None:
    """Return the branch that a node chose; one with a way for failures says that all went well."""
    if outcome.branch is None and node.definition.error_target is not None:
        return DONE
    return outcome.branch


def _since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
