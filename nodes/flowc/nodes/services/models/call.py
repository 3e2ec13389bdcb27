"""What is one call of a language model?"""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any, Literal

from flowc.compiler.node import NodeError
from flowc.nodes.services.egress import EgressPolicy, GuardedBackend
from flowc.nodes.services.egress.transport import Resolver, resolve
from flowc.nodes.services.models.aliases import ModelAlias
from flowc.nodes.services.models.answers import ModelAnswer, OnText, answer_of, streamed_answer
from flowc.nodes.services.models.failures import failure_of
from flowc.nodes.services.models.key_redaction import key_redactor
from flowc.nodes.services.models.litellm_door import guarded, load_litellm
from flowc.nodes.services.models.observers import Observers
from flowc.nodes.services.models.prices import worst_case
from flowc.nodes.services.models.tracing import trace_call

# Providers with one public address each: their models may be named without an alias. Any other
# has its address from the environment or from the caller, and needs one in the models file.
HOSTED = frozenset(
    {
        "anthropic", "cerebras", "cohere", "cohere_chat", "deepseek", "fireworks_ai", "gemini",
        "groq", "mistral", "openai", "openrouter", "perplexity", "together_ai", "xai",
    }
)  # fmt: skip
PARAMETERS = frozenset(
    {
        "frequency_penalty", "logprobs", "max_tokens", "presence_penalty", "reasoning_effort",
        "response_format", "seed", "stop", "temperature", "tool_choice", "tools", "top_logprobs",
        "top_p",
    }
)  # fmt: skip
# Who takes hints of what to keep of a prompt. Of the others, some keep prompts unasked, and some
# refuse what they do not know.
TAKE_CACHE_HINTS = frozenset({"anthropic", "bedrock", "openrouter"})
# What is sent where there is no key.
NO_KEY = "none"
SchemaSupport = Literal["native", "tool", "prompt"]


@dataclass(frozen=True)
class Call:
    """What is asked: messages, and parameters by the names that OpenAI gave them.

    `about` says what asks, to whoever traces calls: the ids of a run and a node.
    """

    model: str | None
    messages: list[dict[str, Any]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 120.0
    about: Mapping[str, str] = field(default_factory=dict)


class Models:
    """The models that workflows may call; one per process."""

    def __init__(
        self,
        aliases: Mapping[str, ModelAlias] | None = None,
        *,
        default_model: str = "offline/echo",
        policy: EgressPolicy | None = None,
        resolver: Resolver = resolve,
        observers: Observers | None = None,
    ) -> None:
        self.aliases = dict(aliases or {})
        self._default, self._observers = default_model, observers or Observers()
        # Where the operator's file says a model is served may be dialled, and nothing next to it.
        served = [alias.api_base for alias in self.aliases.values() if alias.api_base is not None]
        served += self._observers.urls
        self._backend = GuardedBackend((policy or EgressPolicy()).serving(served), resolver)

    async def schema_support(self, model: str | None) -> SchemaSupport:
        """Say how the model's provider takes a JSON schema for its answer, as far as is known.

        As it is (`native`), as that of the arguments of a `tool`, or not but in words (`prompt`).
        """
        if self.is_offline(model):
            return "native"
        door, name = await load_litellm(), self._alias(model).model
        if door.supports_response_schema(name):
            return "native"
        return "tool" if door.supports_function_calling(name) else "prompt"

    async def warm(self) -> None:
        """Bring litellm in now, which takes some seconds, rather than at the first call."""
        await load_litellm()

    def is_offline(self, model: str | None) -> bool:
        """Say whether a model answers without a network."""
        return self._alias(model).model.startswith("offline/")

    def worst_case(self, call: Call) -> tuple[float, float]:
        """Return what a call can come to at the most: US dollars, as far as known, and tokens."""
        said = len(json.dumps(call.messages)) + len(json.dumps(call.parameters.get("tools") or []))
        return worst_case(self._alias(call.model).model, said, call.parameters.get("max_tokens"))

    async def complete(self, call: Call, tell: OnText | None = None) -> ModelAnswer:
        """Call the model; raise NodeError with a message that is safe to show.

        Where there is somebody to `tell`, the answer is streamed, and its text told as it comes.
        """
        model = self._alias(call.model).model
        records = self._observers.records_prompts
        with trace_call(
            model, call.messages, call.parameters, call.about, records_prompts=records
        ) as trace:
            started = perf_counter()
            answer = await self._complete(call, tell)
            latency = round((perf_counter() - started) * 1e3, 3)
            trace.answered(answer)
        return replace(answer, latency_ms=latency)

    async def _complete(self, call: Call, tell: OnText | None) -> ModelAnswer:
        alias, door = self._alias(call.model), await load_litellm()
        key = _key(alias, door)
        if key is None:
            return await self._ask(call, alias, NO_KEY, tell)
        hidden = key_redactor(key)
        telling = hidden.telling(tell) if tell is not None else None
        answer = await self._ask(call, alias, key, telling)
        if telling is not None:
            telling.end()
        return hidden.answer(answer)

    async def _ask(
        self, call: Call, alias: ModelAlias, key: str, tell: OnText | None
    ) -> ModelAnswer:
        door = await load_litellm()
        self._observers.tell(door)
        try:
            with guarded(self._backend):
                response = await door.acompletion(
                    model=alias.model,
                    messages=_understood(call.messages, alias.model),
                    api_base=alias.api_base,
                    api_key=key,
                    timeout=call.timeout,
                    num_retries=0,
                    max_retries=0,
                    # Else, where there are tools, litellm brings in its proxy.
                    _skip_mcp_handler=True,
                    **self._observers.metadata(call.about),
                    **_streaming(tell),
                    **{k: v for k, v in call.parameters.items() if k in PARAMETERS},
                )
                if tell is None:
                    return answer_of(response, alias.model, door)
                async with asyncio.timeout(call.timeout):
                    return await streamed_answer(response, alias.model, door, tell)
        except NodeError:
            raise
        except TimeoutError:
            message = f"The model {call.model or self._default!r} took too long to answer."
            raise NodeError("timeout", message, kind="timeout") from None
        except Exception as problem:
            name = call.model or self._default
            # In a thread, since the tokens of what was too long are counted.
            failure = partial(failure_of, problem, name, alias.model, call.messages)
            raise await asyncio.to_thread(failure) from None

    async def call(
        self, model: str | None, method: str, timeout: float, **arguments: Any
    ) -> tuple[Any, str]:
        """Call a method of litellm that is no conversation; return what came, and whose it is.

        Raises NodeError with a message that is safe to show.
        """
        alias, door = self._alias(model), await load_litellm()
        key = _key(alias, door)
        try:
            with guarded(self._backend):
                async with asyncio.timeout(timeout):
                    answer = await getattr(door, method)(
                        model=alias.model,
                        api_base=alias.api_base,
                        api_key=key or NO_KEY,
                        timeout=timeout,
                        num_retries=0,
                        max_retries=0,
                        **arguments,
                    )
        except TimeoutError:
            message = f"The model {model!r} took too long to answer."
            raise NodeError("timeout", message, kind="timeout") from None
        except Exception as problem:
            raise failure_of(problem, model or self._default, alias.model, []) from None
        return answer, alias.model

    def name_of(self, model: str) -> str:
        """Return litellm's name of the model that stands behind a name."""
        return self._alias(model).model

    def alias_for(self, name: str) -> str:
        """Return a name under which workflows reach a model that litellm knows by this name."""
        behind = (known for known, alias in self.aliases.items() if alias.model == name)
        return next(behind, name)

    def _alias(self, model: str | None) -> ModelAlias:
        name = model or self._default
        return self.aliases.get(name) or ModelAlias(model=name)


def _key(alias: ModelAlias, door: Any) -> str | None:
    """Return the key to send; a key of one provider is never sent to another's address."""
    if alias.model.startswith("offline/"):
        return None
    key = alias.key()
    if key is not None or alias.api_base is not None:
        return key
    provider = _provider(alias.model, door)
    variable = f"{provider.upper()}_API_KEY"
    found = os.environ.get(variable) if provider in HOSTED else None
    if not found:
        raise NodeError(
            "no-model-key",
            f"There is no key for the model {alias.model!r}: name it in the models file"
            f" (FLOWC_MODELS_FILE){f', or set {variable}' if provider in HOSTED else ''}.",
        )
    return found


def _understood(messages: list[dict[str, Any]], model: str) -> list[dict[str, Any]]:
    """Return messages without hints of what to keep, where the provider would not know them."""
    if model.partition("/")[0] in TAKE_CACHE_HINTS:
        return messages
    return [
        {**message, "content": [_without_hint(part) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in messages
    ]


def _without_hint(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "cache_control"}


def _streaming(tell: OnText | None) -> dict[str, Any]:
    return {} if tell is None else {"stream": True, "stream_options": {"include_usage": True}}


def _provider(model: str, door: Any) -> str:
    try:
        return str(door.get_llm_provider(model)[1])
    except Exception:
        message = f"No provider is known for the model {model!r}; name it in the models file."
        raise NodeError("unknown-model", message) from None
