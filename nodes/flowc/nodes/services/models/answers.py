"""The answer of a model, read from a whole response or from a stream."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flowc.compiler.node import NodeError

# More than any answer has.
_MOST_TOKENS = 1_000_000_000
# Called with each piece of an answer's text, as it arrives.
OnText = Callable[[str], None]


@dataclass(frozen=True)
class ModelAnswer:
    """An answer; the provider counts the tokens, `cost` is in US dollars.

    `cached_tokens` are part of the prompt's tokens, `reasoning_tokens` part of the completion's.
    `latency_ms` is the time from the request to the end of the answer. Of an answer that was cut
    off, the tokens and the cost may be estimated.
    """

    text: str
    model: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cost: float
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    reasoning: str = ""
    logprobs: Any = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    latency_ms: float = 0.0
    is_estimated: bool = False


@dataclass
class Received:
    """An answer as far as it has arrived: pieces of its text, and chunks with what is not text."""

    texts: list[str] = field(default_factory=list)
    chunks: list[Any] = field(default_factory=list)


def usage_of(answer: ModelAnswer) -> dict[str, float]:
    """Return what an answer adds to the usage of a node.

    >>> usage_of(ModelAnswer("Hi", "openai/gpt-4", "stop", 7, 3, cost=0.5))["total_tokens"]
    10
    """
    # Few providers count these two: without a count, they are left out.
    details = {"cached_tokens": answer.cached_tokens, "reasoning_tokens": answer.reasoning_tokens}
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        **{name: count for name, count in details.items() if count},
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        "cost": answer.cost,
        "calls": 1,
        **({"estimated_calls": 1} if answer.is_estimated else {}),
        "latency_ms": answer.latency_ms,
    }


def answer_of(response: Any, model: str, litellm: Any) -> ModelAnswer:
    """Return the answer in a whole response."""
    choice = response.choices[0]
    message, usage = choice.message, getattr(response, "usage", None)
    return ModelAnswer(
        text=message.content or "",
        model=model,
        finish_reason=choice.finish_reason or "stop",
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        cost=_cost(response, model, litellm),
        cached_tokens=_count(getattr(usage, "prompt_tokens_details", None), "cached_tokens"),
        reasoning_tokens=_count(
            getattr(usage, "completion_tokens_details", None), "reasoning_tokens"
        ),
        reasoning=getattr(message, "reasoning_content", None) or "",
        logprobs=_plain(getattr(choice, "logprobs", None)),
        tool_calls=tuple(_plain(call) for call in getattr(message, "tool_calls", None) or ()),
    )


async def streamed_answer(
    stream: AsyncIterator[Any], model: str, litellm: Any, on_text: OnText, received: Received
) -> ModelAnswer:
    """Read a stream to its end, calling `on_text` for its text; raise NodeError if there is none.

    `received` has what has arrived. litellm is slow to join many chunks into an answer: those with
    nothing but text are joined here, and litellm gets the first of them and all others.
    """
    chunks, texts = received.chunks, received.texts
    try:
        async for chunk in stream:
            delta = chunk.choices[0].delta if chunk.choices else None
            if delta is not None and delta.content:
                texts.append(delta.content)
                on_text(delta.content)
                if len(texts) > 1 and _is_text_alone(chunk, delta):
                    continue
                delta.content = None if len(texts) > 1 else delta.content
            chunks.append(chunk)
    finally:
        # If the run is cancelled, this closes the connection, and the provider stops.
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    # litellm adds an end to every stream; these attributes show whether the provider sent one.
    reasons = ("received_finish_reason", "intermittent_finish_reason")
    if not any(getattr(stream, name, None) for name in reasons):
        message = f"The model {model!r} broke off in the middle of its answer."
        raise NodeError("answer-broke-off", message, kind="connection")
    answer = answer_of(litellm.stream_chunk_builder(chunks), model, litellm)
    return replace(answer, text="".join(texts))


def _is_text_alone(chunk: Any, delta: Any) -> bool:
    """Return whether a chunk of a stream has nothing but text."""
    others = (getattr(delta, name, None) for name in ("tool_calls", "reasoning_content"))
    choice = chunk.choices[0]
    is_plain = choice.finish_reason is None and getattr(choice, "logprobs", None) is None
    return is_plain and not any(others) and getattr(chunk, "usage", None) is None


def _count(usage: Any, name: str) -> int:
    # A service may say anything, and sums of these are stored as numbers.
    return max(0, min(int(getattr(usage, name, 0) or 0), _MOST_TOKENS))


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _cost(response: Any, model: str, litellm: Any) -> float:
    known = (getattr(response, "_hidden_params", None) or {}).get("response_cost")
    if known is not None:
        return float(known)
    try:
        return float(litellm.completion_cost(completion_response=response, model=model) or 0.0)
    except Exception:
        # A model without a listed price, such as a local one, is counted as free.
        return 0.0
