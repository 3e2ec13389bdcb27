"""What have all nodes in common that hold a conversation with a model?"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from flowc.compiler.definition import JsonSchema
from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import BadSchema, Schema, to_json_schema
from flowc.compiler.node import Context, Effects, Node, Role
from flowc.nodes.ai.memory import Memory, earlier_messages
from flowc.nodes.ai.messages import ChatMessage, as_sent
from flowc.nodes.ai.structured import DEFAULT_MODEL, FALL_BACK_ON, INFERRED, ModelSession

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
_PARAMETERS = (
    "temperature", "top_p", "max_tokens", "stop", "seed", "presence_penalty", "frequency_penalty",
    "reasoning_effort",
)  # fmt: skip


class ModelNode(Node):
    """A node that asks a model: which one, what, with which parameters."""

    model: str | None = None
    prompt: str | None = None
    system: str | None = None
    messages: list[ChatMessage] | None = Field(default=None, min_length=1)
    memory: Memory | bool = Field(
        default=False, description="Whether the model is told what was said before, and how much."
    )
    output_schema: Annotated[JsonSchema | None, Role.RAW] = Field(
        default=None, description="The fields of the answer."
    )
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    stop: list[str] | str | None = None
    seed: int | None = None
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    cache_prompt: bool = Field(
        default=False, description="Hint that what comes before the prompt is worth keeping."
    )
    stream: bool = Field(default=False, description="Tell of the text as it comes, in events.")
    fallbacks: Annotated[list[str], Role.RAW] = Field(
        default_factory=list, max_length=10, description="Models that are asked in turn."
    )
    fallback_on: Annotated[list[str], Role.RAW] = Field(
        default=list(FALL_BACK_ON), description="Kinds of failures, or their codes."
    )
    timeout: Duration = Field(default=120.0, description="For one call.")

    @model_validator(mode="after")
    def _asks_something(self) -> "ModelNode":
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
    def as_told(cls, output: Any) -> Any:
        """Return the answer, without what it took."""
        return output["text"]

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the models; an answer that must fit a schema may be asked for twice."""
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

    def session(self, context: Context, parameters: Mapping[str, Any]) -> ModelSession:
        """Return the models as they are asked, with parameters besides the usual ones."""
        own = {name: value for name in _PARAMETERS if (value := getattr(self, name)) is not None}
        return ModelSession(
            context,
            (self.model, *self.fallbacks),
            {**own, **parameters},
            self.timeout,
            self.stream,
            self.fallback_on,
        )

    async def conversation(self, context: Context, session: ModelSession) -> list[dict[str, Any]]:
        """Return the messages that are sent; raise NodeError for what cannot be fetched."""
        messages: list[dict[str, Any]] = []
        if self.system is not None:
            messages.append({"role": "system", "content": self.system})
        if self.memory:
            memory = self.memory if isinstance(self.memory, Memory) else Memory()
            messages += await earlier_messages(memory, context, session)
        if self.cache_prompt and messages:
            messages[-1] = _kept(messages[-1])
        messages += await as_sent(self.messages or (), context)
        if self.prompt is not None:
            messages.append({"role": "user", "content": self.prompt})
        return messages


def _kept(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message up to which the provider may keep what it has read."""
    content = message["content"]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    last = {**parts[-1], "cache_control": {"type": "ephemeral"}}
    return {**message, "content": [*parts[:-1], last]}


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []
