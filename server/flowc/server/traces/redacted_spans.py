"""Replaces secrets in spans before they leave the process."""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from flowc.compiler.running.redaction import KnownSecrets, Redactor


class RedactedSpans(SpanExporter):
    """Passes spans on to another exporter, with secrets replaced."""

    def __init__(self, exporter: SpanExporter, known: KnownSecrets) -> None:
        self._exporter, self._known = exporter, known

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export spans."""
        redactor = self._known.redactor
        found = [_redacted(span, redactor) for span in spans] if redactor else spans
        return self._exporter.export(found)

    def shutdown(self) -> None:
        """Close the other exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the other exporter."""
        return self._exporter.force_flush(timeout_millis)


def _redacted(span: ReadableSpan, redactor: Redactor) -> ReadableSpan:
    status = span.status
    if status.description:
        status = Status(status.status_code, redactor.text(status.description))
    return ReadableSpan(
        name=redactor.text(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes or {}, redactor),
        events=[_event(each, redactor) for each in span.events],
        links=span.links,
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _event(event: Event, redactor: Redactor) -> Event:
    attributes = _attributes(event.attributes or {}, redactor)
    return Event(redactor.text(event.name), attributes, event.timestamp)


def _attributes(found: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    return {name: redactor.json(value) for name, value in found.items()}
