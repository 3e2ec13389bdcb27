"""What came back from a model, at once or piece by piece?"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowc.compiler.node import NodeError

OnText = Callable[[str], None]


@dataclass(frozen=True)
class ModelAnswer:
    """What came back; tokens are counted by the provider, `cost` is in US dollars.

    Of the prompt's tokens, some may have been `cached`; of the answer's, some for `reasoning`.
    `latency_ms` is from the request to the last of the answer.
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


def answer_of(response: Any, model: str, door: Any) -> ModelAnswer:
    """Return what a whole response says."""
    choice = response.choices[0]
    message, usage = choice.message, getattr(response, "usage", None)
    return ModelAnswer(
        text=message.content or "",
        model=model,
        finish_reason=choice.finish_reason or "stop",
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        cost=_cost(response, model, door),
        cached_tokens=_count(getattr(usage, "prompt_tokens_details", None), "cached_tokens"),
        reasoning_tokens=_count(
            getattr(usage, "completion_tokens_details", None), "reasoning_tokens"
        ),
        reasoning=getattr(message, "reasoning_content", None) or "",
        logprobs=_plain(getattr(choice, "logprobs", None)),
        tool_calls=tuple(_plain(call) for call in getattr(message, "tool_calls", None) or ()),
    )


async def streamed_answer(
    stream: AsyncIterator[Any], model: str, door: Any, tell: OnText
) -> ModelAnswer:
    """Read a stream to its end, telling of its text; raise NodeError if it breaks off."""
    chunks, texts = list[Any](), list[str]()
    try:
        async for chunk in stream:
            delta = chunk.choices[0].delta if chunk.choices else None
            if delta is not None and delta.content:
                texts.append(delta.content)
                tell(delta.content)
                if len(texts) > 1 and _is_text_alone(chunk, delta):
                    continue
                delta.content = None if len(texts) > 1 else delta.content
            chunks.append(chunk)
    finally:
        # Whoever is cancelled hangs up.
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    # litellm ends every stream in good order; what the provider said itself is in these.
    said = ("received_finish_reason", "intermittent_finish_reason")
    if not any(getattr(stream, name, None) for name in said):
        message = f"The model {model!r} broke off in the middle of its answer."
        raise NodeError("answer-broke-off", message, kind="connection")
    return replace(answer_of(door.stream_chunk_builder(chunks), model, door), text="".join(texts))


def _is_text_alone(chunk: Any, delta: Any) -> bool:
    """Say whether a piece of a stream has nothing but text: such ones need not be put together."""
    others = (getattr(delta, name, None) for name in ("tool_calls", "reasoning_content"))
    choice = chunk.choices[0]
    is_plain = choice.finish_reason is None and getattr(choice, "logprobs", None) is None
    return is_plain and not any(others) and getattr(chunk, "usage", None) is None


def _count(usage: Any, name: str) -> int:
    return int(getattr(usage, name, 0) or 0)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _cost(response: Any, model: str, door: Any) -> float:
    if model.startswith("offline/"):
        return 0.0
    known = (getattr(response, "_hidden_params", None) or {}).get("response_cost")
    if known is not None:
        return float(known)
    try:
        return float(door.completion_cost(completion_response=response, model=model) or 0.0)
    except Exception:
        # A model without a listed price, such as one's own, costs nothing that we know of.
        return 0.0
