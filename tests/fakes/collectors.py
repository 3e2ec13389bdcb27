"""What a collector of spans has received, as OTLP over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fakes.loopback import Reply, Request, Server, reply_json
from fakes.processes import until

# Spans leave a process soon.
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100"}


@dataclass(frozen=True)
class Span:
    """A span, with its attributes as plain values."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    is_error: bool
    message: str
    seconds: float

    def of(self, name: str) -> Any:
        """Return an attribute, or None."""
        return self.attributes.get(name)


def accepted(request: Request) -> Reply:
    return reply_json({"status": 1})


def spans_at(collector: Server) -> list[Span]:
    """Return all spans that a collector has received."""
    found = [ExportTraceServiceRequest.FromString(each.body) for each in collector.requests]
    return [
        _span(span)
        for exported in found
        for of_resource in exported.resource_spans
        for scope in of_resource.scope_spans
        for span in scope.spans
    ]


def trace_at(collector: Server, run_id: str, *names: str) -> list[Span]:
    """Return the spans of a run's trace, once those of these names have arrived.

    A name that is there several times has to arrive as often.
    """

    def look() -> list[Span]:
        spans = spans_at(collector)
        ids = {span.trace_id for span in spans if span.of("flowc.run.id") == run_id}
        found = [span for span in spans if span.trace_id in ids]
        arrived = [span.name for span in found]
        is_whole = all(arrived.count(name) >= names.count(name) for name in names)
        return found if found and is_whole else []

    return list(until(look))


def named(spans: Sequence[Span], name: str) -> Span:
    """Return the one span of a name."""
    [found] = [span for span in spans if span.name == name]
    return found


def path_of(spans: Sequence[Span], span: Span) -> list[str]:
    """Return the names of a span and those around it, the outermost first."""
    around = [each for each in spans if each.span_id == span.parent_id]
    return [*(path_of(spans, around[0]) if around else []), span.name]


def _span(span: Any) -> Span:
    return Span(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes={each.key: _value(each.value) for each in span.attributes},
        is_error=span.status.code == 2,
        message=span.status.message,
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)
