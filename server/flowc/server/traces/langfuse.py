"""Sends the spans of runs to Langfuse: a trace for each run, with its nodes as observations.

Langfuse takes OpenTelemetry's protocol. The id of a run, without its dashes, is the id of its trace
there: each run has one of its own, also if a client has begun a trace for several runs.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, StatusCode

from flowc.server.traces import span_names as names
from flowc.server.traces.observers import LangfuseAccount
from flowc.server.traces.posts import Posts

_TYPES = {
    "chat": "generation",
    "embeddings": "embedding",
    "invoke_agent": "agent",
    "execute_tool": "tool",
    "invoke_workflow": "chain",
}
_TYPES_OF_NODES = {"retrieve": "retriever"}
_RENAMED = {
    names.INPUT: "langfuse.observation.input",
    names.OUTPUT: "langfuse.observation.output",
    names.INPUT_MESSAGES: "langfuse.observation.input",
    names.OUTPUT_MESSAGES: "langfuse.observation.output",
    names.CONVERSATION: "langfuse.session.id",
    names.RUN: "langfuse.trace.metadata.run_id",
    names.TENANT: "langfuse.trace.metadata.tenant",
}


def is_of_run(span: ReadableSpan) -> bool:
    """Return whether a span is of a run's work."""
    return names.RUN in (span.attributes or {})


class LangfuseSpans(SpanExporter):
    """Sends spans of runs as Langfuse's observations."""

    def __init__(self, account: LangfuseAccount) -> None:
        headers = {
            "authorization": account.authorization,
            "content-type": "application/x-protobuf",
        }
        self._posts = Posts("Langfuse", account.url, headers)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        body = encode_spans([_observation(span) for span in spans]).SerializeToString()
        done = self._posts.post(body)
        return SpanExportResult.SUCCESS if done else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Close the connections."""
        self._posts.close()


def _observation(span: ReadableSpan) -> ReadableSpan:
    about = dict(span.attributes or {})
    trace_id = _trace_id_of(str(about[names.RUN]))
    # What a run is part of, such as a request, is not in its trace.
    is_outermost = names.SEGMENT in about
    return ReadableSpan(
        name=span.name,
        context=_within(trace_id, span.context),
        parent=None if is_outermost else _within(trace_id, span.parent),
        resource=span.resource,
        attributes={**about, **_more(span, about, is_outermost=is_outermost)},
        events=span.events,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _trace_id_of(run_id: str) -> int:
    try:
        return uuid.UUID(run_id).int
    except ValueError:
        # Of what calls models outside of the server's runs.
        return uuid.uuid5(uuid.NAMESPACE_OID, run_id).int


def _within(trace_id: int, context: SpanContext | None) -> SpanContext | None:
    if context is None:
        return None
    return SpanContext(trace_id, context.span_id, context.is_remote, context.trace_flags)


def _more(span: ReadableSpan, about: Mapping[str, Any], *, is_outermost: bool) -> dict[str, Any]:
    """Return the attributes that Langfuse reads, in addition to OpenTelemetry's."""
    of_node = _TYPES_OF_NODES.get(str(about.get(names.NODE_TYPE)), "span")
    more = {_RENAMED[name]: value for name, value in about.items() if name in _RENAMED}
    more["langfuse.observation.type"] = _TYPES.get(str(about.get(names.OPERATION)), of_node)
    more["langfuse.trace.name"] = about.get(names.WORKFLOW, "inline")
    if span.status.status_code is StatusCode.ERROR:
        more["langfuse.observation.level"] = "ERROR"
        more["langfuse.observation.status_message"] = span.status.description or ""
    if is_outermost:
        for name, of_trace in ((names.INPUT, "input"), (names.OUTPUT, "output")):
            if name in about:
                more[f"langfuse.trace.{of_trace}"] = about[name]
    return more
