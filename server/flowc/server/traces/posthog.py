"""Sends runs that ended and calls of models to PostHog, as its LLM analytics name them."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
)

from flowc.compiler.running.events import EventKind
from flowc.server.records.run_events import RunEvent
from flowc.server.records.run_facts import RunFacts
from flowc.server.traces import span_names as names
from flowc.server.traces.observers import PosthogAccount
from flowc.server.traces.posts import Posts

_ENDS = {
    EventKind.RUN_COMPLETED: "completed",
    EventKind.RUN_FAILED: "failed",
    EventKind.RUN_CANCELLED: "cancelled",
}
_EVENTS = {"chat": "$ai_generation", "embeddings": "$ai_embedding"}
# PostHog's names of what spans have.
_PROPERTIES = {
    names.RUN: "$ai_trace_id",
    names.CONVERSATION: "$ai_session_id",
    names.MODEL: "$ai_model",
    names.PROVIDER: "$ai_provider",
    names.INPUT_TOKENS: "$ai_input_tokens",
    names.OUTPUT_TOKENS: "$ai_output_tokens",
    names.CACHED_TOKENS: "$ai_cache_read_input_tokens",
    names.COST: "$ai_total_cost_usd",
    names.OUTPUT: "$ai_output_state",
    names.INPUT_MESSAGES: "$ai_input",
    names.OUTPUT_MESSAGES: "$ai_output_choices",
    names.NODE: "node_id",
    names.WORKFLOW: "workflow_id",
    names.TENANT: "tenant",
    names.RUN_STATUS: "status",
}
_JSON = frozenset({names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.OUTPUT})


def is_model_call(span: ReadableSpan) -> bool:
    """Return whether a span is a call that PostHog has a name for."""
    return (span.attributes or {}).get(names.OPERATION) in _EVENTS


class EndedRuns:
    """Hands each run that ended to what exports spans for PostHog, as a span from start to end.

    It is made from the events of the run, which say this once, and not from the spans of its work:
    a run can end while it waits.
    """

    def __init__(self, export: Callable[[ReadableSpan], None], *, records: bool) -> None:
        self._export, self._records = export, records

    def committed(self, run: RunFacts, events: Sequence[RunEvent]) -> None:
        """Export the end of a run, if it is among events that were committed."""
        for event in events:
            if event.kind in _ENDS:
                self._export(self._span(run, event))

    def _span(self, run: RunFacts, end: RunEvent) -> ReadableSpan:
        about = {
            names.RUN: run.id,
            names.TENANT: run.tenant,
            names.RUN_STATUS: _ENDS[end.kind],
            names.WORKFLOW: run.workflow_id,
            names.CONVERSATION: run.thread_id,
        }
        if self._records and end.kind is EventKind.RUN_COMPLETED:
            about[names.OUTPUT] = json.dumps(end.data["output"], default=str)
        error = end.data.get("error") if end.kind is EventKind.RUN_FAILED else None
        status = Status(StatusCode.ERROR, error.get("code", "unknown")) if error else Status()
        return ReadableSpan(
            name=run.workflow_id or "inline",
            context=SpanContext(secrets.randbits(128), secrets.randbits(64), False, _SAMPLED),
            attributes={name: value for name, value in about.items() if value is not None},
            status=status,
            start_time=int((run.started_at or end.at).timestamp() * 1e9),
            end_time=int(end.at.timestamp() * 1e9),
        )


_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class PosthogEvents(SpanExporter):
    """Sends spans as PostHog's events."""

    def __init__(self, account: PosthogAccount) -> None:
        self._key = account.key
        self._posts = Posts("PostHog", account.url, {"content-type": "application/json"})

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        batch = {"api_key": self._key, "batch": [_event(span) for span in spans]}
        done = self._posts.post(json.dumps(batch, default=str).encode())
        return SpanExportResult.SUCCESS if done else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Close the connections."""
        self._posts.close()


def _parsed(text: str) -> Any:
    """Return the value of JSON, or the text if it is not whole."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _event(span: ReadableSpan) -> dict[str, Any]:
    about: Mapping[str, Any] = span.attributes or {}
    context = span.get_span_context() or INVALID_SPAN_CONTEXT
    found = {
        _PROPERTIES[name]: _parsed(value) if name in _JSON else value
        for name, value in about.items()
        if name in _PROPERTIES
    }
    end, start = span.end_time or 0, span.start_time or 0
    operation = about.get(names.OPERATION)
    trace_id = found.setdefault("$ai_trace_id", format_trace_id(context.trace_id))
    properties = {
        **found,
        "$ai_span_name": about.get(names.NODE) if operation else span.name,
        "$ai_latency": (end - start) / 1e9,
        "$ai_is_error": span.status.status_code is StatusCode.ERROR,
        # The run is no person.
        "$process_person_profile": False,
    }
    if operation:
        properties["$ai_span_id"] = format_span_id(context.span_id)
    if properties["$ai_is_error"]:
        properties["$ai_error"] = span.status.description or ""
    return {
        "event": _EVENTS.get(str(operation), "$ai_trace"),
        "distinct_id": trace_id,
        "timestamp": datetime.fromtimestamp(end / 1e9, UTC).isoformat(),
        "properties": properties,
    }
