"""What is one call of a language model?"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from flowc.compiler.definition import FailureKind
from flowc.compiler.node import NodeError
from flowc.nodes.services.egress import EgressPolicy, GuardedBackend
from flowc.nodes.services.egress.policy import Network, address_of
from flowc.nodes.services.egress.transport import Resolver, resolve
from flowc.nodes.services.models.aliases import ModelAlias
from flowc.nodes.services.models.litellm_door import guarded, litellm

# Providers with one public address each: their models may be named without an alias. Any other
# has its address from the environment or from the caller, and needs one in the models file.
HOSTED = frozenset(
    {
        "anthropic", "cerebras", "cohere", "cohere_chat", "deepseek", "fireworks_ai", "gemini",
        "groq", "mistral", "openai", "openrouter", "perplexity", "together_ai", "xai",
    }
)  # fmt: skip
PARAMETERS = frozenset({"temperature", "top_p", "max_tokens", "stop", "seed", "response_format"})
LOCAL = {"localhost": ("127.0.0.1/32", "::1/128")}


@dataclass(frozen=True)
class Call:
    """What is asked: messages, and parameters by the names that OpenAI gave them."""

    model: str | None
    messages: list[dict[str, Any]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 120.0


@dataclass(frozen=True)
class Answer:
    """What came back; tokens are counted by the provider, `cost` is in US dollars."""

    text: str
    model: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cost: float


class Models:
    """The models that workflows may call; one per process."""

    def __init__(
        self,
        aliases: Mapping[str, ModelAlias] | None = None,
        *,
        default_model: str = "offline/echo",
        policy: EgressPolicy | None = None,
        resolver: Resolver = resolve,
    ) -> None:
        self.aliases = dict(aliases or {})
        self._default = default_model
        # Where the operator's file says a model is served may be dialled, and nothing next to it.
        policy = policy or EgressPolicy()
        own = EgressPolicy(
            allow={**policy.allow, **_served_at(self.aliases.values())}, nat64=policy.nat64
        )
        self._backend = GuardedBackend(own, resolver)

    def supports_schema(self, model: str | None) -> bool:
        """Say whether the model's provider takes a JSON schema for its answer."""
        alias = self._alias(model)
        if alias.model.startswith("offline/"):
            return True
        return bool(litellm().supports_response_schema(alias.model))

    async def complete(self, call: Call) -> Answer:
        """Call the model; raise NodeError with a message that is safe to show."""
        alias = self._alias(call.model)
        door = litellm()
        try:
            with guarded(self._backend):
                response = await door.acompletion(
                    model=alias.model,
                    messages=call.messages,
                    api_base=alias.api_base,
                    api_key=self._key(alias),
                    timeout=call.timeout,
                    num_retries=0,
                    max_retries=0,
                    **{k: v for k, v in call.parameters.items() if k in PARAMETERS},
                )
        except NodeError:
            raise
        except Exception as problem:
            raise _failure(problem, call.model or self._default) from None
        return _answer(response, alias, door)

    def _alias(self, model: str | None) -> ModelAlias:
        name = model or self._default
        return self.aliases.get(name) or ModelAlias(model=name)

    def _key(self, alias: ModelAlias) -> str:
        """Return the key to send; a key of one provider is never sent to another's address."""
        if alias.model.startswith("offline/"):
            return "none"
        key = alias.key()
        if key is not None:
            return key
        if alias.api_base is not None:
            return "none"
        provider = _provider(alias.model)
        variable = f"{provider.upper()}_API_KEY"
        found = os.environ.get(variable) if provider in HOSTED else None
        if not found:
            raise NodeError(
                "no-model-key",
                f"There is no key for the model {alias.model!r}: name it in the models file"
                f" (FLOWC_MODELS_FILE){f', or set {variable}' if provider in HOSTED else ''}.",
            )
        return found


def _provider(model: str) -> str:
    try:
        return str(litellm().get_llm_provider(model)[1])
    except Exception:
        message = f"No provider is known for the model {model!r}; name it in the models file."
        raise NodeError("unknown-model", message) from None


def _served_at(aliases: Any) -> dict[Network, frozenset[int]]:
    ports: dict[Network, frozenset[int]] = {}
    for alias in aliases:
        if alias.api_base is None:
            continue
        url = urlsplit(alias.api_base)
        port = url.port or (443 if url.scheme == "https" else 80)
        for network in _networks(url.hostname or ""):
            ports[network] = ports.get(network, frozenset()) | {port}
    return ports


def _networks(host: str) -> list[Network]:
    if host in LOCAL:
        return [ip_network(net) for net in LOCAL[host]]
    address = address_of(host)
    return [ip_network(address)] if address is not None else []


def _answer(response: Any, alias: ModelAlias, door: Any) -> Answer:
    choice = response.choices[0]
    usage = getattr(response, "usage", None)
    return Answer(
        text=choice.message.content or "",
        model=alias.model,
        finish_reason=choice.finish_reason or "stop",
        prompt_tokens=int(getattr(usage, "prompt_tokens", 0) or 0),
        completion_tokens=int(getattr(usage, "completion_tokens", 0) or 0),
        cost=_cost(response, alias.model, door),
    )


def _cost(response: Any, model: str, door: Any) -> float:
    if model.startswith("offline/"):
        return 0.0
    try:
        return float(door.completion_cost(completion_response=response, model=model) or 0.0)
    except Exception:
        # A model without a listed price, such as one's own, costs nothing that we know of.
        return 0.0


# By the names of litellm's exceptions: code, sentence, the kind of a failure that may pass.
_FAILURES: Mapping[str, tuple[str, str, FailureKind | None]] = {
    "AuthenticationError": ("model-key-refused", "the key was refused", None),
    "PermissionDeniedError": ("model-key-refused", "the key may not use it", None),
    "NotFoundError": ("unknown-model", "the provider does not know it", None),
    "RateLimitError": ("model-rate-limited", "the rate limit is reached", "rate-limit"),
    "Timeout": ("timeout", "it took too long to answer", "timeout"),
    "ContextWindowExceededError": ("context-too-large", "the messages are too long for it", None),
    "ContentPolicyViolationError": ("content-refused", "the content was refused", None),
    "BadRequestError": ("model-refused", "the request was refused", None),
    "ServiceUnavailableError": ("model-unavailable", "the service is unavailable", "server-error"),
    "InternalServerError": ("model-unavailable", "the service cannot be used", "server-error"),
    "APIConnectionError": ("model-unavailable", "no connection could be made", "connection"),
}


def _failure(problem: Exception, model: str) -> NodeError:
    """Return what may be told: the provider's own text can repeat the key or the prompt."""
    code, sentence, fault = "model-failed", f"it failed ({type(problem).__name__})", None
    for kind in type(problem).__mro__:
        if kind.__name__ in _FAILURES:
            code, sentence, fault = _FAILURES[kind.__name__]
            break
    headers = getattr(getattr(problem, "response", None), "headers", None) or {}
    after = headers.get("retry-after", "")
    wait = float(after) if after.isdigit() else None
    if _was_denied(problem):
        code, sentence, fault = "egress-denied", "its address may not be dialled", None
    message = f"The model {model!r} did not answer: {sentence}."
    return NodeError(code, message, kind=fault, retry_after=wait)


def _was_denied(problem: BaseException | None) -> bool:
    while problem is not None:
        if type(problem).__name__ == "EgressDenied" or "EgressDenied" in str(problem)[:2000]:
            return True
        problem = problem.__cause__ or problem.__context__
    return False
