"""The answer of a model, read from a whole response or from a stream."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from flowc.compiler.node import NodeError
from flowc.nodes.services.models.citations import (
    citations_in_chunk,
    citations_of,
    unique_citations,
)
from flowc.nodes.services.models.requested_calls import calls_in_message, calls_in_stream
from flowc.nodes.services.models.thoughts import ThoughtSplitter, without_thoughts

# More than any answer has.
_MOST_TOKENS = 1_000_000_000
# Called with each piece of an answer's text, as it arrives.
OnText = Callable[[str], None]


class Streaming(NamedTuple):
    """What is called with the pieces of an answer as they arrive: its text, and its thoughts."""

    on_text: OnText
    on_thought: OnText


@dataclass(frozen=True)
class ModelAnswer:
    """An answer; the provider counts the tokens, `cost` is in US dollars.

    `cached_tokens` are part of the prompt's tokens, `reasoning_tokens` part of the completion's.
    `latency_ms` is the time from the request to the end of the answer. Of an answer that was cut
    off, the tokens and the cost may be estimated. `warnings` say what of the request was left out.
    `thinking_blocks` are signed thoughts, which their provider wants back before results of tools.
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
    refusal: str = ""
    citations: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    thinking_blocks: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> "ModelAnswer":
        """Return an answer that was stored as JSON."""
        lists = {name: tuple(value) for name, value in stored.items() if isinstance(value, list)}
        return cls(**{**stored, **{name: lists[name] for name in _TUPLES & lists.keys()}})


_TUPLES = frozenset({"tool_calls", "citations", "warnings", "thinking_blocks"})


@dataclass
class Received:
    """An answer as far as it has arrived: pieces of its text and its thoughts, and other chunks."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
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
    native = getattr(message, "reasoning_content", None) or ""
    text, thought = without_thoughts(_text_of(message.content))
    return ModelAnswer(
        text=text.lstrip() if native else text,
        model=model,
        finish_reason=choice.finish_reason or "stop",
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        cost=_cost(response, model, litellm),
        cached_tokens=_count(getattr(usage, "prompt_tokens_details", None), "cached_tokens"),
        reasoning_tokens=_count(
            getattr(usage, "completion_tokens_details", None), "reasoning_tokens"
        ),
        reasoning="\n".join(part for part in (native, thought) if part),
        logprobs=_plain(getattr(choice, "logprobs", None)),
        tool_calls=calls_in_message(message),
        refusal=_refusal(message),
        citations=citations_of(response, message),
        thinking_blocks=tuple(getattr(message, "thinking_blocks", None) or ()),
    )


def _text_of(content: Any) -> str:
    """Return the text of a message, also of one that is sent in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content or ""


def _refusal(message: Any) -> str:
    specific = getattr(message, "provider_specific_fields", None) or {}
    found = getattr(message, "refusal", None) or specific.get("refusal")
    return found if isinstance(found, str) else ""


async def streamed_answer(
    stream: AsyncIterator[Any],
    model: str,
    litellm: Any,
    on_text: OnText,
    on_thought: OnText,
    received: Received,
) -> ModelAnswer:
    """Read a stream to its end, calling back for its text and its thoughts.

    Raises NodeError if the stream breaks off. `received` has what has arrived. litellm is slow to
    join many chunks into an answer: those with nothing but text or thoughts are joined here, and
    litellm gets the first of them and all others.
    """
    splitter = ThoughtSplitter(on_text, on_thought)
    try:
        async for chunk in stream:
            _receive(chunk, received, splitter, on_thought)
    finally:
        # If the run is cancelled, this closes the connection, and the provider stops.
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    splitter.flush()
    # litellm adds an end to every stream; these attributes show whether the provider sent one.
    reasons = ("received_finish_reason", "intermittent_finish_reason")
    if not any(getattr(stream, name, None) for name in reasons):
        message = f"The model {model!r} broke off in the middle of its answer."
        raise NodeError("answer-broke-off", message, kind="connection")
    answer = answer_of(litellm.stream_chunk_builder(received.chunks), model, litellm)
    return _completed(answer, received)


def _receive(chunk: Any, received: Received, splitter: ThoughtSplitter, on_thought: OnText) -> None:
    """Pass on what a chunk adds, and keep the chunk if it has more than a text or a thought."""
    delta = chunk.choices[0].delta if chunk.choices else None
    if delta is None:
        received.chunks.append(chunk)
        return
    text, thought = delta.content, getattr(delta, "reasoning_content", None)
    if thought:
        received.thoughts.append(thought)
        splitter.follow_thoughts()
        on_thought(thought)
    if text:
        received.texts.append(text)
        splitter(text)
    if not received.chunks or not _is_text_alone(chunk, delta):
        received.chunks.append(chunk)


def _completed(answer: ModelAnswer, received: Received) -> ModelAnswer:
    """Return an answer with all that litellm did not put together."""
    text, thought = without_thoughts("".join(received.texts))
    native = "".join(received.thoughts)
    deltas = [chunk.choices[0].delta for chunk in received.chunks if chunk.choices]
    refused = "".join(str(getattr(each, "refusal", None) or "") for each in deltas)
    cited = [each for chunk in received.chunks for each in citations_in_chunk(chunk)]
    return replace(
        answer,
        text=text.lstrip() if native else text,
        reasoning="\n".join(part for part in (native, thought) if part),
        tool_calls=calls_in_stream(received.chunks) or answer.tool_calls,
        refusal=answer.refusal or refused,
        citations=answer.citations or unique_citations(cited),
    )


def _is_text_alone(chunk: Any, delta: Any) -> bool:
    """Return whether a chunk of a stream has nothing but text and thoughts."""
    names = (
        "tool_calls", "function_call", "refusal", "annotations", "provider_specific_fields",
        "thinking_blocks",
    )  # fmt: skip
    others = (getattr(delta, name, None) for name in names)
    choice = chunk.choices[0]
    is_plain = choice.finish_reason is None and getattr(choice, "logprobs", None) is None
    counts = (getattr(chunk, name, None) for name in ("usage", "citations"))
    return is_plain and not any(others) and not any(each is not None for each in counts)


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
