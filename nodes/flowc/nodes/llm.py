"""How does a workflow ask a language model?"""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from flowc.compiler.definition import JsonSchema
from flowc.compiler.durations import Duration
from flowc.compiler.node import Context, Effects, Incoming, Node, NodeError, Outcome, Role
from flowc.compiler.schemas import BadSchema, Schema, to_json_schema
from flowc.nodes.messages import Message, as_sent
from flowc.nodes.structured import DEFAULT_MODEL, INFERRED, Asking, outcome_of, target_of

_BASE: Schema = {
    "text": {"type": "string"},
    "model": {"type": "string"},
    "finish_reason": {"type": "string"},
    "usage": {
        "type": "object",
        "properties": {
            "prompt_tokens": {"type": "integer"},
            "completion_tokens": {"type": "integer"},
            "total_tokens": {"type": "integer"},
        },
    },
    "cost": {"type": "number"},
}


# After failures of these kinds, the next of the fallbacks is asked.
FALL_BACK_ON = ("timeout", "connection", "rate-limit", "server-error")


class Llm(Node):
    """Ask a language model: the output has `text`, and the fields of `output_schema`.

    `model` is an alias of the models file or litellm's name for it; without one, the default model
    answers; where it cannot, each of `fallbacks` is tried in turn. `usage` counts tokens, `cost` is
    in US dollars. With `stream`, the text is told as it comes.
    """

    type: ClassVar = "llm"
    also: ClassVar = ("ai",)
    group: ClassVar = "ai"
    is_pure: ClassVar = True

    model: str | None = None
    prompt: str | None = None
    system: str | None = None
    messages: list[Message] | None = Field(default=None, min_length=1)
    output_schema: Annotated[JsonSchema | None, Role.RAW] = Field(
        default=None, description="The fields of the answer."
    )
    data: Annotated[Any, Incoming(steps_only=True)] = Field(
        default=None, description="Any JSON, added to the prompt."
    )
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    stop: list[str] | str | None = None
    seed: int | None = None
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    logprobs: bool | None = Field(default=None, description="Whether the output has `logprobs`.")
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    stream: bool = Field(default=False, description="Tell of the text as it comes, in events.")
    fallbacks: Annotated[list[str], Role.RAW] = Field(
        default_factory=list, max_length=10, description="Models that are asked in turn."
    )
    fallback_on: Annotated[list[str], Role.RAW] = Field(
        default=list(FALL_BACK_ON), description="Kinds of failures, or their codes."
    )
    timeout: Duration = Field(default=120.0, description="For one call.")

    @model_validator(mode="after")
    def _asks_something(self) -> "Llm":
        if self.prompt is None and self.messages is None:
            raise ValueError("it needs a `prompt` or `messages`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the output: ours, and the fields that the configuration declares."""
        try:
            declared = to_json_schema(config.get("output_schema") or {})
        except BadSchema:
            declared = {}
        properties = {**_BASE, **declared.get("properties", {})}
        return {"type": "object", "properties": properties, "required": list(_BASE)}

    @classmethod
    def with_inferred(
        cls, config: Mapping[str, Any], properties: Mapping[str, Schema]
    ) -> dict[str, Any] | None:
        """Return the configuration with an output schema, unless it has one."""
        if config.get("output_schema"):
            return None
        schema = {
            "type": "object",
            "$comment": INFERRED,
            "properties": dict(properties),
            "required": list(properties),
        }
        return {**config, "output_schema": schema}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the model; an answer that must fit a schema may be asked for twice."""
        most = config.get("max_tokens")
        asked = {key: config.get(key) for key in ("prompt", "system", "messages", "data")}
        text = json.dumps([value for value in asked.values() if value is not None])
        return Effects(
            models=(str(config.get("model") or DEFAULT_MODEL), *_names(config.get("fallbacks"))),
            calls=(1, 2 if config.get("output_schema") else 1),
            prompt=len(text),
            values=text.count("{{"),
            max_tokens=most if isinstance(most, int) else None,
        )

    def target(self) -> str | None:
        """Return the model that is asked; where others may be, each failure is looked at here."""
        return None if self.fallbacks else target_of(self.model)

    async def run(self, context: Context) -> Outcome:
        """Ask, once more if the answer does not fit its schema, and return what was answered."""
        conversation = await self._conversation(context)
        for model, following in pairwise([self.model, *self.fallbacks, None]):
            parameters, stream = self.parameters(), self.stream
            asking = Asking(context, model, conversation, parameters, self.timeout, stream)
            try:
                data = await asking.run(self.output_schema)
                return outcome_of(asking.answers, data)
            except NodeError as problem:
                if following is None or not {problem.kind, problem.code} & set(self.fallback_on):
                    raise
                context.emit("fallback", {"from": model, "to": following, "code": problem.code})
        raise AssertionError("the last one returned or raised")

    async def _conversation(self, context: Context) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        if self.system is not None:
            messages.append({"role": "system", "content": self.system})
        messages += await as_sent(self.messages or (), context)
        if self.prompt is not None:
            messages.append({"role": "user", "content": self.prompt})
        if self.data not in (None, {}, []):
            said = json.dumps(self.data, ensure_ascii=False)
            messages[-1] = _with_text(messages[-1], said)
        return messages

    def parameters(self) -> dict[str, Any]:
        """Return what is said to the model besides the messages."""
        return {n: getattr(self, n) for n in _PARAMETERS if getattr(self, n) is not None}


_PARAMETERS = (
    "temperature", "top_p", "max_tokens", "stop", "seed", "presence_penalty", "frequency_penalty",
    "reasoning_effort", "logprobs", "top_logprobs",
)  # fmt: skip


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def _with_text(message: dict[str, Any], text: str) -> dict[str, Any]:
    content = message["content"]
    if isinstance(content, list):
        return {**message, "content": [*content, {"type": "text", "text": text}]}
    return {**message, "content": f"{content}\n\n{text}"}
