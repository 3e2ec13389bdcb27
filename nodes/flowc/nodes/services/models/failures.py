"""Turns exceptions of litellm into failures of a node, with messages that are safe to show."""

from collections.abc import Mapping, Sequence
from typing import Any

from flowc.compiler.definition import FailureKind
from flowc.compiler.node import NodeError
from flowc.nodes.services.egress.client import MAX_ANSWER_BYTES
from flowc.nodes.services.egress.policy import BY_RULE
from flowc.nodes.services.models.prices import context_window
from flowc.nodes.services.models.provider_words import provider_words
from flowc.nodes.services.models.tokens import tokens_in

# By the names of litellm's exceptions: code, sentence, and the kind if another attempt may succeed.
_FAILURES: Mapping[str, tuple[str, str, FailureKind | None]] = {
    "AuthenticationError": ("model-key-refused", "the key was refused", None),
    "PermissionDeniedError": ("model-key-refused", "the key has no permission to use it", None),
    "NotFoundError": ("unknown-model", "the provider does not know it", None),
    "RateLimitError": ("model-rate-limited", "the rate limit is reached", "rate-limit"),
    "Timeout": ("timeout", "it took too long to answer", "timeout"),
    "ContextWindowExceededError": ("context-too-large", "the messages are too long for it", None),
    "ContentPolicyViolationError": ("content-refused", "the content was refused", None),
    "BadRequestError": ("model-refused", "the request was refused", None),
    "ServiceUnavailableError": ("model-unavailable", "the service is unavailable", "server-error"),
    "InternalServerError": ("model-unavailable", "the service failed", "server-error"),
    "APIConnectionError": ("model-unavailable", "there is no connection to it", "connection"),
}

# By the names of the guard's exceptions: another attempt would fail, too.
_OWN: Mapping[str, tuple[str, str]] = {
    "EgressDenied": ("egress-denied", f"its address is not allowed; {BY_RULE}"),
    "ResponseTooLarge": (
        "response-too-large",
        f"its answer is larger than {MAX_ANSWER_BYTES:,} bytes",
    ),
    "ResponseUnreadable": ("response-unreadable", "its answer is packed in a way that is not read"),
}


class ParameterRefused(NodeError):
    """The provider refuses a parameter that the request needs; `parameter` is its name."""

    def __init__(self, failure: NodeError, parameter: str) -> None:
        self.parameter = parameter
        super().__init__(failure.code, failure.message, kind=failure.kind)


def failure_of(
    problem: Exception,
    shown: str,
    model: str,
    messages: Sequence[dict[str, Any]],
    key: str | None = None,
) -> NodeError:
    """Return the failure with the provider's own sentence, without the key and the prompt."""
    code, sentence, fault = "model-failed", f"it failed ({type(problem).__name__})", None
    for kind in type(problem).__mro__:
        if kind.__name__ in _FAILURES:
            code, sentence, fault = _FAILURES[kind.__name__]
            break
    # The provider's headers: those of the exception's `response` are litellm's own.
    headers = getattr(problem, "litellm_response_headers", None) or {}
    after = headers.get("retry-after", "")
    wait = float(after) if after.isdigit() else None
    if code == "context-too-large":
        sentence = f"{sentence}: they are about {tokens_in(messages):,} tokens{_room(model)}"
    if (ours := _own_of(problem)) is not None:
        (code, sentence), fault = ours, None
    words = provider_words(problem, key, messages) if ours is None else ""
    sentence = f"{sentence}{words}".rstrip(".")
    message = f"The model {shown!r} did not answer: {sentence}."
    return NodeError(code, message, kind=fault, retry_after=wait)


def _room(model: str) -> str:
    most = context_window(model)
    return f", and it takes {most:,}" if most is not None else ""


def _own_of(problem: BaseException | None) -> tuple[str, str] | None:
    """Return code and sentence of an exception of the guard, which litellm wraps."""
    while problem is not None:
        # Some of them it wraps by their text alone.
        said = f"{type(problem).__name__} {str(problem)[:2000]}"
        for name, found in _OWN.items():
            if name in said:
                return found
        problem = problem.__cause__ or problem.__context__
    return None
