"""The trace that a run is part of, as text to store: W3C's `traceparent`, and its `tracestate`."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
# Of the `tracestate`; the specification asks for as many at least.
_MOST_STATE = 512


def current_trace() -> str | None:
    """Return the trace of the span at work; None outside of traces."""
    found: dict[str, str] = {}
    _PROPAGATOR.inject(found)
    if not found:
        return None
    state = found.get("tracestate", "")
    parent = found["traceparent"]
    return f"{parent} {state}" if state and len(state) <= _MOST_STATE else parent


def context_of(stored: str | None) -> Context:
    """Return the context in which spans continue a stored trace; without one, they begin one."""
    if stored is None:
        return Context()
    parent, _, state = stored.partition(" ")
    return _PROPAGATOR.extract({"traceparent": parent, "tracestate": state}, Context())


def trace_id_of(stored: str | None) -> str | None:
    """Return the id of a stored trace.

    >>> trace_id_of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 a=b")
    '0af7651916cd43dd8448eb211c80319c'
    """
    return stored.split("-")[1] if stored is not None else None


def current_ids() -> dict[str, str]:
    """Return the ids of the trace and the span at work, as logs name them; none outside of traces.

    >>> current_ids()
    {}
    """
    at_work = trace.get_current_span().get_span_context()
    if not at_work.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(at_work.trace_id),
        "span_id": trace.format_span_id(at_work.span_id),
    }
