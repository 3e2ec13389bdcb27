"""The headers that tell a service which trace a request is part of (W3C Trace Context)."""

from functools import cache
from typing import Any


def trace_headers() -> dict[str, str]:
    """Return `traceparent` and `tracestate` of the span at work; none outside of traces."""
    found: dict[str, str] = {}
    _propagator().inject(found)
    return found


@cache
def _propagator() -> Any:
    # Imported here: it comes with the first call, as what else calls need.
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
        TraceContextTextMapPropagator,
    )

    return TraceContextTextMapPropagator()
