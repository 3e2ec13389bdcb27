"""The spans of runs: one for each stretch of work, and in it those of nodes and attempts.

All stretches of a run continue the trace that is stored with it, in whichever process they are and
however long it waited in between. A run that waits has no span.
"""

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from flowc.compiler.definition import ToolDefinition
from flowc.compiler.node import NodeError, Outcome
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.events import EventKind
from flowc.compiler.running.node_spans import Attempt
from flowc.server.records.run_events import RunEvent
from flowc.server.records.times import now
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.batches import TakenOver
from flowc.server.store.runs.claims import Claim
from flowc.server.traces import span_names as names
from flowc.server.traces.trace_text import context_of, current_trace

_TRACER = trace.get_tracer("flowc")
# Characters of an input or an output.
_MOST_TEXT = 100_000
# The key of a body that lists a toolbox's tools, and calls none.
_LISTING = "tools of "


class RunTracing:
    """Begins the spans of runs, if it `is_on`; `records` says whether with inputs and outputs."""

    def __init__(self, *, is_on: bool = False, records: bool = False) -> None:
        self.is_on, self._records = is_on, records

    def begin(self, workflow_id: str | None) -> str | None:
        """Return the trace of a new run: that of the request, or else one of its own."""
        found = current_trace()
        if found is not None or not self.is_on:
            return found
        name = f"start_run {workflow_id}" if workflow_id is not None else "start_run"
        with _TRACER.start_as_current_span(name, kind=SpanKind.PRODUCER):
            return current_trace()

    @contextmanager
    def stretch(self, claim: Claim) -> Iterator["RunSpans | None"]:
        """Continue the trace of a run within this block, in a span of its own if traces are on."""
        token = attach(context_of(claim.run.trace))
        try:
            if not self.is_on:
                yield None
                return
            _note_waiting(claim)
            with _span(_name_of(claim), _about(claim), SpanKind.CONSUMER) as span:
                yield RunSpans(span, claim, records=self._records)
        finally:
            detach(token)


class RunSpans:
    """The spans of one stretch of a run; begins those of its nodes."""

    def __init__(self, span: Span, claim: Claim, *, records: bool) -> None:
        self._span, self._claim, self._records = span, claim, records
        if records:
            span.set_attribute(names.INPUT, _text(claim.run.input))

    @contextmanager
    def node(self, node: PlannedNode, path: str, around: Mapping[str, Any]) -> Iterator[None]:
        """Begin the span in which a node does its work."""
        name, operation = _operation_of(node, path, around)
        about = {
            names.NODE: node.id,
            names.NODE_TYPE: node.node_type.type,
            **operation,
            **({names.NODE_PATH: path} if path else {}),
        }
        with _span(name, about):
            yield

    def attempts(self, attempt: Attempt) -> Callable[[], Coroutine[Any, Any, Outcome]]:
        """Return an attempt that has a span of its own each time it is made."""
        numbers = itertools.count(1)

        async def traced() -> Outcome:
            number = next(numbers)
            with _span(f"attempt {number}", {names.ATTEMPT: number}) as span:
                try:
                    return await attempt()
                except NodeError as problem:
                    fail(span, problem.code)
                    raise

        return traced

    def note(self, event: RunEvent) -> None:
        """Note in the span at work how its node ended."""
        kind, data = event.kind, event.data
        if kind is EventKind.NODE_COMPLETED:
            status = "replayed" if data.get("replayed") else "completed"
            self._note_end(status, data, data["output"])
        elif kind is EventKind.NODE_FAILED:
            self._note_end("handled" if data.get("handled") else "failed", data)
            fail(trace.get_current_span(), data["code"])
        elif kind is EventKind.NODE_WAITING:
            trace.get_current_span().set_attribute(names.NODE_STATUS, "waiting")

    def _note_end(self, status: str, data: Any, output: Any = None) -> None:
        span = trace.get_current_span()
        span.set_attribute(names.NODE_STATUS, status)
        span.set_attribute(names.ATTEMPTS, data["attempts"])
        if data.get("cached"):
            span.set_attribute(names.CACHED, True)
        if self._records:
            span.set_attribute(names.INPUT, _text(data.get("input", {})))
            span.set_attribute(names.OUTPUT, _text(output))

    def ended(self, status: str | None) -> None:
        """Note how the stretch ended; None if an answer arrived meanwhile, and it continues."""
        run = self._claim.run
        self._span.set_attribute(names.RUN_STATUS, status or "answered")
        if status == "failed":
            fail(self._span, (run.error or {}).get("code", "unknown"))
        if status == "completed" and self._records:
            self._span.set_attribute(names.OUTPUT, _text(run.output))


def fail(span: Span, code: str) -> None:
    """Note that the work of a span failed; what runs were given and said may be in messages."""
    span.set_status(Status(StatusCode.ERROR, code))
    span.set_attribute(names.ERROR, code)


@contextmanager
def _span(name: str, about: names.Attributes, kind: SpanKind = SpanKind.INTERNAL) -> Iterator[Span]:
    """Begin a span; what ends it from outside, such as a lost run, is a failure without a text."""
    with _TRACER.start_as_current_span(
        name,
        kind=kind,
        attributes=about,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except _CUT_OFF as problem:
            fail(span, _code_of(problem))
            raise


# What is no failure of the node or run itself.
_CUT_OFF = (asyncio.CancelledError, TakenOver, *DATABASE_PROBLEMS)


def _code_of(problem: BaseException) -> str:
    if isinstance(problem, asyncio.CancelledError):
        return "cancelled"
    return "taken-over" if isinstance(problem, TakenOver) else "store-unavailable"


def _name_of(claim: Claim) -> str:
    id = claim.run.workflow_id
    return f"invoke_workflow {id}" if id is not None else "invoke_workflow"


def _about(claim: Claim) -> names.Attributes:
    run = claim.run
    about = {
        names.OPERATION: "invoke_workflow",
        names.RUN: run.id,
        names.TENANT: claim.tenant,
        names.SEGMENT: run.segment,
        names.ATTEMPT: claim.attempt,
    }
    if run.workflow_id is not None:
        about |= dict.fromkeys(
            (names.WORKFLOW, names.WORKFLOW_NAME, names.AGENT_NAME), run.workflow_id
        )
    if run.thread_id is not None:
        about[names.CONVERSATION] = run.thread_id
    return about


def _note_waiting(claim: Claim) -> None:
    """Note once how long a run waited in the queue, unless a worker has begun it before."""
    if not claim.is_queued or claim.attempt > 1:
        return
    claim.is_queued = False
    run, moment = claim.run, now()
    since = run.queued_at or max(run.created_at, run.starts_at or run.created_at)
    span = _TRACER.start_span(
        names.QUEUED,
        attributes={names.RUN: run.id, names.SEGMENT: run.segment},
        start_time=_nanoseconds(min(since, moment)),
    )
    span.end(_nanoseconds(moment))


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)


def _operation_of(
    node: PlannedNode, path: str, around: Mapping[str, Any]
) -> tuple[str, names.Attributes]:
    """Return the name of a node's span, and the operation that it is in OpenTelemetry's words."""
    kind = node.node_type.type
    if isinstance(node.definition, ToolDefinition) and f"/{_LISTING}" not in path:
        name = _tool_of(node, around)
        about = {names.TOOL_NAME: name, names.TOOL_TYPE: "function"}
        return f"execute_tool {name}", {names.OPERATION: "execute_tool", **about}
    if kind == "agent":
        about = {names.OPERATION: "invoke_agent", names.AGENT_NAME: node.id}
        return f"invoke_agent {node.id}", about
    return f"{kind} {node.id}", {}


def _tool_of(node: PlannedNode, around: Mapping[str, Any]) -> str:
    """Return the name of a tool; a toolbox is called with the name of one of its tools."""
    asked = around.get("arguments")
    inner = asked.get("tool") if isinstance(asked, dict) else None
    is_toolbox = node.node_type.is_toolbox(node.definition.config)
    return inner if is_toolbox and isinstance(inner, str) else node.id


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:_MOST_TEXT]
