"""Where do spans go? To an OTLP endpoint, if the operator names one."""

from collections.abc import Callable

from opentelemetry import trace


def start_tracing(endpoint: str) -> Callable[[], object]:
    """Send spans there from now on; return what sends the last of them, and ends it."""
    # Few operators name one, and it takes a moment.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": "flowc"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    return provider.shutdown
