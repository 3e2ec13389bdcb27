"""Calls of language models: of providers through litellm, and of the offline models."""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from flowc.compiler.node import NodeError
from flowc.nodes.services.egress import EgressPolicy, Resolver, resolve
from flowc.nodes.services.models.aliases import ModelAlias
from flowc.nodes.services.models.answers import (
    ModelAnswer,
    OnText,
    Received,
    Streaming,
    answer_of,
    streamed_answer,
)
from flowc.nodes.services.models.cache_hints import with_known_hints
from flowc.nodes.services.models.cut_off import OnCutOff, estimated, is_paid, uncounted_cut_off
from flowc.nodes.services.models.failures import ParameterRefused, failure_of
from flowc.nodes.services.models.key_redaction import key_redactor
from flowc.nodes.services.models.keys import (
    HOSTED,
    UNKNOWN,
    ModelRefused,
    is_callable,
    key_of,
    lost_key,
    require_callable,
    variable_of,
)
from flowc.nodes.services.models.listening import CallUsage, ModelListener, NoListener
from flowc.nodes.services.models.litellm_door import guarded, load_litellm, unreported
from flowc.nodes.services.models.offline import PROVIDER, offline_answer
from flowc.nodes.services.models.prices import worst_case
from flowc.nodes.services.models.refused_parameters import (
    NEEDED,
    AcceptedParameters,
    ParameterChange,
    dropped_by,
    refused_parameter,
)
from flowc.nodes.services.models.requested_calls import sendable, with_known_names
from flowc.nodes.services.models.thoughts import ignore_piece, with_wanted_thoughts

if TYPE_CHECKING:
    from flowc.nodes.services.egress.transport import GuardedBackend

PARAMETERS = frozenset(
    {
        "frequency_penalty", "logprobs", "max_tokens", "presence_penalty", "reasoning_effort",
        "response_format", "seed", "stop", "temperature", "tool_choice", "tools", "top_logprobs",
        "top_p",
    }
)  # fmt: skip
# Sent in place of a key if there is none: litellm would look for one in the environment.
NO_KEY = "none"
# By the names of litellm's methods.
_OPERATIONS = {"aembedding": "embedding", "arerank": "rerank"}
_STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
SchemaSupport = Literal["native", "tool", "prompt"]


@dataclass(frozen=True)
class Call:
    """One request: messages, and parameters with OpenAI's names; `timeout` is in seconds.

    `about` has the ids of the run and the node, for traces.
    """

    model: str | None
    messages: list[dict[str, Any]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 120.0
    about: Mapping[str, str] = field(default_factory=dict)


class Models:
    """The models that workflows can call; one object per process."""

    def __init__(
        self,
        aliases: Mapping[str, ModelAlias] | None = None,
        *,
        default_model: str = "offline/echo",
        policy: EgressPolicy | None = None,
        resolver: Resolver = resolve,
        listener: ModelListener | None = None,
        records_prompts: bool = False,
    ) -> None:
        self.aliases = dict(aliases or {})
        self.default, self._records_prompts = default_model, records_prompts
        self._listener = listener or NoListener()
        # The addresses in the operator's files are allowed: that host and port, and no others.
        served = [alias.api_base for alias in self.aliases.values() if alias.api_base is not None]
        self._refusals: dict[tuple[str, str | None], dict[str, ParameterChange]] = {}
        self._policy, self._resolver = (policy or EgressPolicy()).serving(served), resolver

    async def schema_support(self, model: str | None) -> SchemaSupport:
        """Return how the provider takes a JSON Schema for its answer, by litellm's list.

        `native`: in a field of the request; `tool`: as the parameters of a tool; `prompt`: only
        described in a message.
        """
        if self.is_offline(model):
            return "native"
        litellm, alias = await load_litellm(), self._alias(model)
        name, refused = alias.model, self._refused(alias).keys()
        if refused & {"response_format", "tools"}:
            return "prompt"
        if litellm.supports_response_schema(name):
            return "native"
        return "tool" if litellm.supports_function_calling(name) else "prompt"

    async def warm(self) -> None:
        """Import litellm, which takes seconds and 120 MB, if it is known that calls will need it.

        It is, if there is a key of a provider, or an alias or default that is not an offline model.
        """
        known = [self._alias(None).model, *(alias.model for alias in self.aliases.values())]
        has_key = any(os.environ.get(variable_of(provider)) for provider in HOSTED)
        for model in known:
            if not model.startswith(PROVIDER):
                await load_litellm(model)
        if has_key:
            await load_litellm()

    def is_offline(self, model: str | None) -> bool:
        """Return whether a model needs no network."""
        return self._alias(model).model.startswith(PROVIDER)

    def worst_case(self, call: Call) -> tuple[float, float]:
        """Return the most that a call can cost, in US dollars, and the most tokens it can use."""
        length = len(json.dumps(call.messages))
        length += len(json.dumps(call.parameters.get("tools") or []))
        return worst_case(self._alias(call.model).model, length, call.parameters.get("max_tokens"))

    async def complete(
        self,
        call: Call,
        on_text: OnText | None = None,
        on_cut_off: OnCutOff = uncounted_cut_off,
        on_thought: OnText = ignore_piece,
    ) -> ModelAnswer:
        """Call the model; raise NodeError with a message that is safe to show.

        With `on_text`, the answer is streamed, and its text passed on as it arrives, and its
        thoughts to `on_thought`. If the call is cut off in the middle, `on_cut_off` gets an answer
        with what it has used, without text.
        """
        # Imported here, as what calls need is: commands that call no model load node types, too.
        from flowc.nodes.services.models.tracing import trace_call  # noqa: PLC0415

        model = self._alias(call.model).model
        records = self._records_prompts
        with trace_call(
            model, call.messages, call.parameters, call.about, records_prompts=records
        ) as trace:
            started = perf_counter()
            with self._reported(model, "chat"):
                streaming = None if on_text is None else Streaming(on_text, on_thought)
                answer = await self._complete(call, streaming, on_cut_off)
            latency = round((perf_counter() - started) * 1e3, 3)
            trace.record(answer)
        self._listener.used(model, CallUsage.of(answer))
        return replace(answer, latency_ms=latency)

    async def _complete(
        self, call: Call, streaming: Streaming | None, on_cut_off: OnCutOff
    ) -> ModelAnswer:
        alias = self._alias(call.model)
        key = None
        if not self.is_offline(call.model):
            key = key_of(alias, await load_litellm(alias.model))
        if key is None:
            return await self._ask(call, alias, NO_KEY, streaming, on_cut_off)
        redactor = key_redactor(key)
        pieces = [redactor.stream(each) for each in streaming or ()]
        answer = await self._ask(
            call, alias, key, Streaming(*pieces) if pieces else None, on_cut_off
        )
        for piece in pieces:
            piece.flush()
        return redactor.answer(answer)

    async def _ask(
        self,
        call: Call,
        alias: ModelAlias,
        key: str,
        streaming: Streaming | None,
        on_cut_off: OnCutOff,
    ) -> ModelAnswer:
        sent = with_wanted_thoughts(sendable(call.messages), alias.model)
        messages = with_known_hints(sent, alias.model)
        parameters = {k: v for k, v in call.parameters.items() if k in PARAMETERS}
        try:
            if self.is_offline(call.model):
                on_text = streaming.on_text if streaming is not None else None
                return await offline_answer(alias.model, messages, parameters, on_text)
            request = {"messages": messages, "api_key": key}
            accepted = AcceptedParameters(parameters, self._refused(alias))
            answer = await self._ask_as_accepted(
                call, alias, request, accepted, streaming, on_cut_off
            )
        except NodeError:
            raise
        except TimeoutError:
            message = f"The model {call.model or self.default!r} took too long to answer."
            raise NodeError("timeout", message, kind="timeout") from None
        except Exception as problem:
            name = call.model or self.default
            # In a thread: of messages that are too long, the tokens are counted.
            known = None if key == NO_KEY else key
            failing = partial(failure_of, problem, name, alias.model, call.messages, known)
            failure = await asyncio.to_thread(failing)
            needed = refused_parameter(problem, parameters)
            if needed not in NEEDED:
                raise failure from None
            self._refused(alias)[needed] = ParameterChange(needed)
            raise ParameterRefused(failure, needed) from None
        calls = with_known_names(answer.tool_calls, parameters.get("tools"))
        dropped = dropped_by(await load_litellm(), alias.model, accepted.parameters)
        warnings = tuple(dict.fromkeys([*accepted.warnings, *dropped]))
        return replace(answer, tool_calls=calls, warnings=warnings)

    async def _ask_as_accepted(
        self,
        call: Call,
        alias: ModelAlias,
        request: Mapping[str, Any],
        accepted: AcceptedParameters,
        streaming: Streaming | None,
        on_cut_off: OnCutOff,
    ) -> ModelAnswer:
        """Ask the provider; if it refuses an optional parameter, ask again without it."""
        while True:
            whole = {**request, **accepted.parameters}
            try:
                return await self._counted_if_cut_off(call, alias, whole, streaming, on_cut_off)
            except NodeError:
                raise
            except Exception as problem:
                if not accepted.without_refused(problem):
                    raise

    def _refused(self, alias: ModelAlias) -> dict[str, ParameterChange]:
        """Return what is known of the parameters that a model refuses."""
        return self._refusals.setdefault((alias.model, alias.api_base), {})

    async def _counted_if_cut_off(
        self,
        call: Call,
        alias: ModelAlias,
        request: Mapping[str, Any],
        streaming: Streaming | None,
        on_cut_off: OnCutOff,
    ) -> ModelAnswer:
        received, started = Received(), perf_counter()
        try:
            return await self._ask_provider(call, alias, request, streaming, received)
        except BaseException as problem:
            if is_paid(received, problem):
                seconds = perf_counter() - started
                cut_off = estimated(received, call.messages, alias.model, seconds)
                self._listener.used(alias.model, CallUsage.of(cut_off))
                on_cut_off(cut_off)
            raise

    async def _ask_provider(
        self,
        call: Call,
        alias: ModelAlias,
        request: Mapping[str, Any],
        streaming: Streaming | None,
        received: Received,
    ) -> ModelAnswer:
        litellm = await load_litellm()
        with guarded(self._backend), unreported():
            response = await litellm.acompletion(
                model=alias.model,
                api_base=alias.api_base,
                timeout=call.timeout,
                num_retries=0,
                max_retries=0,
                # With tools, litellm would otherwise import its proxy server.
                _skip_mcp_handler=True,
                **(_STREAMED if streaming is not None else {}),
                **request,
            )
            if streaming is None:
                return answer_of(response, alias.model, litellm)
            async with asyncio.timeout(call.timeout):
                return await streamed_answer(response, alias.model, litellm, *streaming, received)

    async def call(
        self, model: str | None, method: str, timeout: float, **arguments: Any
    ) -> tuple[Any, str]:
        """Call another method of litellm, such as `aembedding`.

        Returns the response, and litellm's name of the model. Raises NodeError with a message that
        is safe to show.
        """
        from flowc.nodes.services.models.tracing import trace_other_call  # noqa: PLC0415

        alias, operation = self._alias(model), _OPERATIONS.get(method, "other")
        with trace_other_call(alias.model, operation) as trace:
            with self._reported(alias.model, operation):
                answer = await self._call(alias, model, method, timeout, arguments)
            trace.record_usage(used := CallUsage.of_response(answer))
        self._listener.used(alias.model, used)
        return answer, alias.model

    async def _call(
        self,
        alias: ModelAlias,
        model: str | None,
        method: str,
        timeout: float,
        arguments: Mapping[str, Any],
    ) -> Any:
        litellm = await load_litellm(alias.model)
        key = key_of(alias, litellm)
        try:
            with guarded(self._backend):
                async with asyncio.timeout(timeout):
                    return await getattr(litellm, method)(
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
            raise failure_of(problem, model or self.default, alias.model, []) from None

    @contextmanager
    def _reported(self, model: str, operation: str) -> Iterator[None]:
        """Report to the listener how a call within this block ends."""
        started, outcome = perf_counter(), "ok"
        try:
            yield
        except NodeError as problem:
            outcome = problem.code
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except BaseException:
            outcome = "model-failed"
            raise
        finally:
            self._listener.ended(model, operation, outcome, perf_counter() - started)

    async def refusal(self, model: str, *, of_words: bool = True) -> ModelRefused | None:
        """Return why calls of a model are refused before they are sent; None if they are not.

        Without a name, it is the default model. Only models `of_words` can be offline ones.
        """
        alias = self._alias(model)
        if alias.model.startswith(PROVIDER):
            if of_words:
                return None
            return ModelRefused(UNKNOWN, f"The model {alias.model!r} answers in words alone")
        if not is_callable(alias):
            try:
                require_callable(alias, await load_litellm())
            except ModelRefused as refused:
                return refused
        return lost_key(alias)

    def name_of(self, model: str) -> str:
        """Return litellm's name of a model, which is the name itself if it is not an alias."""
        return self._alias(model).model

    def alias_for(self, name: str) -> str:
        """Return an alias of the model with this name of litellm, or the name if there is none."""
        aliases = (known for known, alias in self.aliases.items() if alias.model == name)
        return next(aliases, name)

    @cached_property
    def _backend(self) -> "GuardedBackend":
        from flowc.nodes.services.egress.transport import GuardedBackend  # noqa: PLC0415

        return GuardedBackend(self._policy, self._resolver)

    def _alias(self, model: str | None) -> ModelAlias:
        name = model or self.default
        return self.aliases.get(name) or ModelAlias(model=name)
