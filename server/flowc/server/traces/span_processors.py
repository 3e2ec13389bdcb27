"""What is done with spans when they begin and end in this process."""

from collections.abc import Callable

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from flowc.compiler.running.redaction import KnownSecrets
from flowc.server.traces.redacted_spans import RedactedSpans
from flowc.server.traces.span_names import PASSED_ON


class PassedOn(SpanProcessor):
    """Names the run and the node in all spans within theirs, also in those of libraries."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Copy attributes from the span around a new one."""
        around = trace.get_current_span(parent_context)
        if not isinstance(around, ReadableSpan):
            return
        known, own = around.attributes or {}, span.attributes or {}
        for name in PASSED_ON:
            if name in known and name not in own:
                span.set_attribute(name, known[name])


class ChosenSpans(SpanProcessor):
    """Hands the spans on that are wanted, when they have ended."""

    def __init__(self, to: SpanProcessor, is_wanted: Callable[[ReadableSpan], bool]) -> None:
        self._to, self._is_wanted = to, is_wanted

    def on_end(self, span: ReadableSpan) -> None:
        """Hand a span on."""
        if self._is_wanted(span):
            self._to.on_end(span)

    def send(self, span: ReadableSpan) -> None:
        """Hand a span on that was made for this alone."""
        self._to.on_end(span)

    def shutdown(self) -> None:
        """Send what is left."""
        self._to.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is there."""
        return self._to.force_flush(timeout_millis)


def _any(span: ReadableSpan) -> bool:
    return True


def sending(
    exporter: SpanExporter,
    known: KnownSecrets,
    is_wanted: Callable[[ReadableSpan], bool] = _any,
) -> ChosenSpans:
    """Return what sends spans from a queue of its own, without the secrets in them."""
    return ChosenSpans(BatchSpanProcessor(RedactedSpans(exporter, known)), is_wanted)
