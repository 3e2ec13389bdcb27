"""How does one node run: its configuration resolved, its work tried, its output made plain?"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from pydantic import ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from flowc.compiler.definition import GoOn, GoTo, RetryPolicy
from flowc.compiler.events import Emit, Event
from flowc.compiler.expressions import ExpressionError, Names
from flowc.compiler.graph import DONE, ERROR
from flowc.compiler.node import BodyFailed, Context, Node, NodeError, Outcome, RunBody
from flowc.compiler.plain import NotPlain, require_plain
from flowc.compiler.plan import PlannedNode
from flowc.compiler.redaction import Redactor

MAX_OUTPUT_TEXT = 8_000_000
MAX_OUTPUT_VALUES = 400_000

NO_SECRETS = Redactor()

log = logging.getLogger(__name__)

SecretLookup = Callable[[str], str | None]


@dataclass(frozen=True)
class RunContext:
    """What a run has besides its state: services, secrets, listeners. None of it is ever stored.

    `saver` is the LangGraph checkpointer that the run has, for the journals of regions;
    `is_resumed` says that there may be such journals already.
    """

    run_id: str = "run"
    workflow_id: str = "workflow"
    emit: Emit = lambda event: None
    services: Mapping[type, Any] = field(default_factory=dict)
    secret: SecretLookup = lambda name: None
    saver: Any = None
    is_resumed: bool = False
    max_steps: int = 10_000


@dataclass(frozen=True, slots=True)
class View:
    """The part of a run's state that a node may read."""

    input: Mapping[str, Any]
    outputs: Mapping[str, Any]
    variables: Mapping[str, Any]
    names: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""


class NodeFailed(Exception):
    """A run ends with this when a node failed for good; the message is safe to store and show."""

    def __init__(
        self, code: str, message: str, node_id: str, attempt: int, at: tuple[str | int, ...] = ()
    ) -> None:
        self.code, self.message, self.node_id, self.attempt = code, message, node_id, attempt
        self.at = at
        super().__init__(f"{node_id}: {message}")


async def execute(
    node: PlannedNode, view: View, run: RunContext, run_body: RunBody | None = None
) -> Outcome:
    """Run a node to the end; raise NodeFailed if no attempt succeeds."""
    started = perf_counter()
    secrets = _secrets(node, run) if node.secrets else {}
    redactor = Redactor(secrets.values()) if secrets else NO_SECRETS
    work = _Work(node, view, run, secrets, redactor, run_body)
    run.emit(Event("node.started", node.id, {"type": node.node_type.type}, view.path))
    try:
        outcome = await _tried(node.retry, work)
    except Exception as problem:
        error = _as_node_error(problem, node)
        message = work.redactor.text(error.message)
        failure = {"code": error.code, "message": message, "duration_ms": _since(started)}
        run.emit(Event("node.failed", node.id, {**failure, "attempts": work.attempts}, view.path))
        coped = _coped(node, error, message, work.attempts)
        if coped is not None:
            return coped
        if isinstance(error, BodyFailed):
            raise NodeFailed(error.code, message, error.node_id, error.attempt, error.at) from None
        at = node.definition.at
        raise NodeFailed(error.code, message, node.id, work.attempts, at) from None
    data = {
        "output": outcome.output,
        "branch": outcome.branch,
        "usage": dict(outcome.usage),
        "attempts": work.attempts,
        "duration_ms": _since(started),
    }
    run.emit(Event("node.completed", node.id, data, view.path))
    return outcome


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


async def _within(seconds: float | None, work: Awaitable[Any]) -> Any:
    """Return what the work gives; raise NodeError if it takes longer, or says so itself."""
    try:
        if seconds is None:
            return await work
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        told = "The work timed out." if seconds is None else f"It took longer than {seconds:g} s."
        raise NodeError("timeout", told, retryable=True) from None


@dataclass
class _Work:
    """One node's work in one run, attempt after attempt."""

    node: PlannedNode
    view: View
    run: RunContext
    secrets: Mapping[str, str]
    redactor: Redactor
    run_body: RunBody | None
    attempts: int = 0

    async def attempt(self) -> Outcome:
        """Try once; raise NodeError."""
        self.attempts += 1
        resolved = self.node.configuration.fixed
        if resolved is None:
            names = names_for(self.node, self.view, self.run, self.secrets)
            resolved = _resolve(self.node, names, self.view)
        result = await _within(self.node.definition.timeout, resolved.run(self._context()))
        outcome = result if isinstance(result, Outcome) else Outcome(result)
        return _plain(outcome, self.redactor)

    def _context(self) -> Context:
        body = {"run_body": self.run_body} if self.run_body is not None else {}
        return Context(
            **body,
            variables=self.view.variables,
            run_id=self.run.run_id,
            node_id=self.node.id,
            attempt=self.attempts,
            input=self.view.input,
            services=self.run.services,
            emit=self._say,
        )

    def _say(self, kind: str, data: Any) -> None:
        said = {"kind": kind, "data": self.redactor.json(data)}
        self.run.emit(Event("node.said", self.node.id, said, self.view.path))


def names_for(node: PlannedNode, view: View, run: RunContext, secrets: Mapping[str, str]) -> Names:
    """Return what a node's expressions can read: only what they do read of other nodes."""
    nodes = {name: {"output": view.outputs[name]} for name in node.reads if name in view.outputs}
    names: dict[str, Any] = {
        **view.names,
        "nodes": nodes,
        **nodes,
        "input": view.input,
        "variables": dict(view.variables),
        "run": {"id": run.run_id, "workflow": run.workflow_id},
        "secrets": secrets,
    }
    if "error" in view.outputs:
        names["error"] = view.outputs["error"]
    if "input" in nodes:
        names["input"] = {**view.input, **nodes["input"]}
    return names


def _secrets(node: PlannedNode, run: RunContext) -> dict[str, str]:
    """Return the secrets that this node names, as far as the run has them."""
    found = {name: run.secret(name) for name in node.secrets}
    return {name: value for name, value in found.items() if value is not None}


def _resolve(node: PlannedNode, names: Names, view: View) -> Node:
    try:
        resolved = node.configuration.resolve(names, _incoming(node, view))
    except ExpressionError as problem:
        raise NodeError("expression-failed", f"{_sentence(str(problem))}") from None
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"The configuration is wrong once it is filled in: {where}: {first['msg']}."
        raise NodeError("invalid-configuration", message) from None
    return resolved


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _incoming(node: PlannedNode, view: View) -> Any:
    """Return the data that flows to a node: one node's output, or several by id."""
    sources = node.data_from
    if len(sources) == 1 and sources[0] in view.outputs:
        return view.outputs[sources[0]]
    found = {name: view.outputs[name] for name in sources if name in view.outputs}
    return found if sources else dict(view.input)


def _plain(outcome: Outcome, redactor: Redactor) -> Outcome:
    try:
        output = redactor.json(outcome.output)
        variables = redactor.json(dict(outcome.variables)) if outcome.variables else {}
        for value in (output, variables) if variables else (output,):
            require_plain(value, max_values=MAX_OUTPUT_VALUES, max_text=MAX_OUTPUT_TEXT)
    except NotPlain as problem:
        raise NodeError("output-not-plain", f"The output cannot be kept: {problem}") from None
    return Outcome(output, outcome.branch, variables, outcome.usage)


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


async def _tried(policy: RetryPolicy, work: _Work) -> Outcome:
    """Try as often as the policy says; once is tried without the machinery for more."""
    if policy.max_attempts == 1:
        return await work.attempt()
    outcome: Outcome = await _retrying(policy, work)(work.attempt)
    return outcome


def _retrying(policy: RetryPolicy, work: _Work) -> AsyncRetrying:
    def say(state: RetryCallState) -> None:
        problem = state.outcome.exception() if state.outcome else None
        message = work.redactor.text(problem.message) if isinstance(problem, NodeError) else ""
        data = {"attempt": work.attempts, "delay": state.upcoming_sleep, "message": message}
        work.run.emit(Event("node.retrying", work.node.id, data, work.view.path))

    return AsyncRetrying(
        stop=stop_after_attempt(policy.max_attempts),
        retry=retry_if_exception(lambda e: isinstance(e, NodeError) and e.retryable),
        wait=_wait(policy),
        before_sleep=say,
        reraise=True,
    )


def _wait(policy: RetryPolicy) -> Callable[[RetryCallState], float]:
    usual = wait_exponential_jitter(
        multiplier=policy.initial_delay,
        max=policy.max_delay,
        exp_base=policy.backoff,
        jitter=policy.initial_delay / 2 if policy.jitter else 0,
    )

    def wait(state: RetryCallState) -> float:
        problem = state.outcome.exception() if state.outcome else None
        asked = problem.retry_after if isinstance(problem, NodeError) else None
        return min(max(usual(state), asked or 0.0), policy.max_delay)

    return wait


def _as_node_error(problem: Exception, node: PlannedNode) -> NodeError:
    if isinstance(problem, NodeError):
        return problem
    if isinstance(problem, ExpressionError):
        return NodeError("expression-failed", f"It cannot be computed: {problem}.")
    # What a node type did not foresee may hold anything; only its kind is shown.
    log.exception("node type %s broke in node %s", node.node_type.type, node.id)
    kind = type(problem).__name__
    return NodeError("node-broke", f"The node type {node.node_type.type!r} broke: {kind}.")


def _since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
