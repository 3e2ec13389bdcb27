"""Sends spans to an OTLP endpoint, if the operator names one."""

from collections.abc import Callable

from opentelemetry import trace


def start_tracing(endpoint: str) -> Callable[[], object]:
    """Send spans to an endpoint from now on; return the function that flushes and ends this."""
    # Imported here: few operators use it, and it takes time.
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
