"""Sends spans to where the operator wants them: an OTLP endpoint, Langfuse, PostHog.

Each gets the same spans, or some of them, from a queue of its own.
"""

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

from opentelemetry import trace

from flowc.compiler.running.redaction import KnownSecrets
from flowc.server.records.run_facts import Committed
from flowc.server.settings import Settings


class Tracing(NamedTuple):
    """What `stop` ends, after it has sent what is left; `ended` gets the events of runs."""

    stop: Callable[[], object]
    ended: Committed | None = None


def start_tracing(settings: Settings, known: KnownSecrets) -> Tracing:
    """Send spans from now on; raise ObserverRefused if an observer has no account."""
    # Imported here: few operators use it, and it takes time.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    from flowc.server.traces.langfuse import LangfuseSpans, is_of_run  # noqa: PLC0415
    from flowc.server.traces.observers import LangfuseAccount, PosthogAccount  # noqa: PLC0415
    from flowc.server.traces.posthog import (  # noqa: PLC0415
        EndedRuns,
        PosthogEvents,
        is_model_call,
    )
    from flowc.server.traces.span_processors import PassedOn, sending  # noqa: PLC0415

    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say more, or otherwise.
    named = Resource({"service.name": "flowc", "service.version": version("flowc")})
    detected = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "flowc")})
    provider, ended = TracerProvider(resource=named.merge(detected)), None
    provider.add_span_processor(PassedOn())
    if settings.otlp_endpoint is not None:
        endpoint = OTLPSpanExporter(endpoint=settings.otlp_endpoint)
        provider.add_span_processor(sending(endpoint, known))
    if "langfuse" in settings.model_observers:
        langfuse = LangfuseSpans(LangfuseAccount.in_environment())
        provider.add_span_processor(sending(langfuse, known, is_of_run))
    if "posthog" in settings.model_observers:
        posthog = sending(PosthogEvents(PosthogAccount.in_environment()), known, is_model_call)
        provider.add_span_processor(posthog)
        ended = EndedRuns(posthog.send, records=settings.record_prompts).committed
    trace.set_tracer_provider(provider)
    return Tracing(provider.shutdown, ended)
