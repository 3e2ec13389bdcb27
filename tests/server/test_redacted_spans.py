"""Spans leave the process without secrets: in their names, attributes, events and problems."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from flowc.compiler.running.redaction import MASK, KnownSecrets
from flowc.server.traces.redacted_spans import RedactedSpans


def test_no_part_of_a_span_has_a_secret() -> None:
    known, exported = KnownSecrets(), InMemorySpanExporter()
    known.add(["sesame-42"])
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(RedactedSpans(exported, known)))
    tracer = provider.get_tracer("t")
    with (
        pytest.raises(ValueError, match="sesame"),
        tracer.start_as_current_span("call sesame-42", attributes={"url": "/?k=sesame-42"}) as span,
    ):
        span.add_event("sent sesame-42", {"header": "sesame-42"})
        raise ValueError("sesame-42 is wrong")
    [found] = exported.get_finished_spans()
    assert "exception" in {event.name for event in found.events}
    text = found.to_json()
    assert "sesame-42" not in text
    assert text.count(MASK) >= 6
