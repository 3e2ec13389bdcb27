"""Traces model calls as spans, with OpenTelemetry's names for generative AI.

Spans are recorded only if a tracer provider is set up; the server does so if it has somewhere to
send them.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from flowc.compiler.node import NodeError
from flowc.nodes.services.models.answers import ModelAnswer
from flowc.nodes.services.models.listening import CallUsage

_TRACER = trace.get_tracer("flowc")
_PARAMETERS = (
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "presence_penalty",
    "frequency_penalty",
)


# The operations, by the names that OpenTelemetry has for them.
_NAMES = {"embedding": "embeddings"}


class CallSpan:
    """The span of a running call."""

    def __init__(self, span: trace.Span, *, records_prompts: bool) -> None:
        self._span, self._records_prompts = span, records_prompts

    def record(self, answer: ModelAnswer) -> None:
        """Record the answer."""
        self._span.set_attributes(
            {
                "gen_ai.response.model": answer.model,
                "gen_ai.response.finish_reasons": [answer.finish_reason],
            }
        )
        self.record_usage(CallUsage.of(answer))
        if self._records_prompts:
            messages = [{"role": "assistant", "content": answer.text}]
            self._span.set_attribute("gen_ai.output.messages", _json(messages))

    def record_usage(self, usage: CallUsage) -> None:
        """Record what the call used."""
        self._span.set_attributes(
            {
                "gen_ai.usage.input_tokens": usage.prompt_tokens,
                "gen_ai.usage.output_tokens": usage.completion_tokens,
                "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
                "gen_ai.usage.cost": usage.cost,
            }
        )


@contextmanager
def trace_call(
    model: str,
    messages: list[dict[str, Any]],
    parameters: Mapping[str, Any],
    about: Mapping[str, str],
    *,
    records_prompts: bool,
) -> Iterator[CallSpan]:
    """Trace a chat; prompts and outputs are recorded only with `records_prompts`."""
    attributes: dict[str, Any] = {
        **{f"gen_ai.request.{key}": parameters[key] for key in _PARAMETERS if key in parameters},
        **{f"flowc.{key.replace('_', '.')}": value for key, value in about.items()},
    }
    if records_prompts:
        attributes["gen_ai.input.messages"] = _json(messages)
    with _span_of(model, "chat", attributes) as span:
        yield CallSpan(span, records_prompts=records_prompts)


@contextmanager
def trace_other_call(model: str, operation: str) -> Iterator[CallSpan]:
    """Trace a call that is no chat, such as an embedding; texts are not recorded."""
    with _span_of(model, _NAMES.get(operation, operation), {}) as span:
        yield CallSpan(span, records_prompts=False)


@contextmanager
def _span_of(model: str, operation: str, more: Mapping[str, Any]) -> Iterator[trace.Span]:
    provider, _, name = model.partition("/")
    attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider if name else "openai",
        "gen_ai.request.model": name or provider,
        **more,
    }
    with _TRACER.start_as_current_span(
        f"{operation} {name or provider}",
        kind=SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except NodeError as problem:
            # Our own message: the exception's text could repeat the key or the prompt.
            span.set_status(Status(StatusCode.ERROR, problem.message))
            span.set_attribute("error.type", problem.code)
            raise
        except asyncio.CancelledError:
            span.set_status(Status(StatusCode.ERROR, "It was cut off."))
            span.set_attribute("error.type", "cancelled")
            raise


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:100_000]
