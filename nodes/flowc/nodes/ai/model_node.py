"""The fields that all nodes share that send messages to a model, and how these are put together."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from flowc.compiler.definition import JsonSchema
from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import BadSchema, Schema, to_json_schema
from flowc.compiler.node import NOTHING, Context, Effects, Need, Node, Role
from flowc.nodes.ai.answer_data import INFERRED
from flowc.nodes.ai.memory import Memory, earlier_messages, with_turn
from flowc.nodes.ai.messages import ChatMessage, as_sent, with_files
from flowc.nodes.ai.structured import FALL_BACK_ON, ModelSession
from flowc.nodes.ai.wrapped_schemas import fields_in
from flowc.nodes.services.models.keys import REFUSED
from flowc.nodes.services.uploads import id_of_file

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
    "reasoning": {"type": "string"},
    "refusal": {"type": "string"},
    "tool_calls": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "type": {"type": "string"},
                "function": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}},
                },
            },
        },
    },
    "citations": {"type": "array"},
    "logprobs": {},
}
_PARAMETERS = (
    "temperature", "top_p", "max_tokens", "stop", "seed", "presence_penalty", "frequency_penalty",
    "reasoning_effort",
)  # fmt: skip


class ModelNode(Node):
    """A node that sends messages to a model, with the parameters of the request."""

    model: str | None = Field(
        default=None,
        description="An alias from the models file, or litellm's name; by default"
        " FLOWC_DEFAULT_MODEL.",
    )
    prompt: str | None = Field(
        default=None, description="The user's message; sent after `messages`."
    )
    files: Any = Field(
        default=None,
        description="Uploaded files that are sent with the prompt, by their ids: one, or a list;"
        " pictures, sounds, PDFs and texts.",
    )
    system: str | None = Field(default=None, description="The system message; sent first.")
    messages: list[ChatMessage] | None = Field(
        default=None,
        min_length=1,
        description="Messages with `role` and `content`; text, images and files.",
    )
    memory: Memory | bool = Field(
        default=False,
        description="Whether to send earlier messages of the conversation; {max_tokens,"
        " max_messages, summarize} says how many, and {shared: NAME} which.",
    )
    output_schema: Annotated[JsonSchema | None, Role.RAW] = Field(
        default=None,
        description="What the model must answer with: fields, or another value as `data`.",
    )
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="How much answers vary; 0 varies least."
    )
    top_p: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Consider only the most likely tokens with this total probability.",
    )
    max_tokens: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Longest answer, in tokens."
    )
    stop: list[str] | str | None = Field(
        default=None, description="Texts at which the answer ends."
    )
    seed: int | None = Field(
        default=None, description="Makes answers repeatable, if the provider supports it."
    )
    presence_penalty: float | None = Field(
        default=None, ge=-2, le=2, description="Above 0, favours new topics."
    )
    frequency_penalty: float | None = Field(
        default=None, ge=-2, le=2, description="Above 0, discourages repetition."
    )
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = Field(
        default=None, description="How much a reasoning model thinks before it answers."
    )
    cache_prompt: bool = Field(
        default=False, description="Ask the provider to cache the messages before the prompt."
    )
    stream: bool = Field(
        default=False, description="Emit the text as events while the model writes it."
    )
    fallbacks: Annotated[list[str], Role.RAW] = Field(
        default_factory=list, max_length=10, description="Models to try in turn if one fails."
    )
    fallback_on: Annotated[list[str], Role.RAW] = Field(
        default=list(FALL_BACK_ON),
        description="The kinds or codes of failures after which the next model is tried.",
    )
    timeout: Duration = Field(default=120.0, description="Time limit for one call of a model.")

    @model_validator(mode="after")
    def _asks_something(self) -> "ModelNode":
        if self.prompt is None and self.messages is None:
            raise ValueError("`prompt` or `messages` is required")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the output: the usual fields, and those of `output_schema`."""
        try:
            declared = to_json_schema(config.get("output_schema") or {})
        except BadSchema:
            declared = {}
        properties = {**_BASE, **fields_in(declared)}
        return {"type": "object", "properties": properties, "required": list(_BASE)}

    @classmethod
    def with_inferred(
        cls, config: Mapping[str, Any], properties: Mapping[str, Schema]
    ) -> dict[str, Any] | None:
        """Return the configuration with an `output_schema`; None if it has one already."""
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
    def writes(cls, config: Mapping[str, Any]) -> frozenset[str]:
        """Return the name of the shared memory."""
        memory = config.get("memory")
        name = memory.get("shared") if isinstance(memory, dict) else None
        return frozenset({name}) if isinstance(name, str) else frozenset()

    @classmethod
    def shown_to_model(cls, output: Any) -> Any:
        """Return the text of the answer, without usage and cost."""
        return output["text"]

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the models; an answer that does not match its schema is asked for once more."""
        most = config.get("max_tokens")
        asked = {key: config.get(key) for key in ("prompt", "system", "messages", "data")}
        text = json.dumps([value for value in asked.values() if value is not None])
        return Effects(
            needs=(*_models(config), *_addresses(config.get("messages"))),
            calls=(1, 2 if config.get("output_schema") else 1),
            prompt=len(text),
            values=text.count("{{"),
            max_tokens=most if isinstance(most, int) else None,
        )

    def session(self, context: Context, parameters: Mapping[str, Any]) -> ModelSession:
        """Return a session with the node's models and parameters, and these `parameters`."""
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
        """Return the messages to send; raise NodeError if a file or image cannot be fetched."""
        messages: list[dict[str, Any]] = []
        if self.system is not None:
            messages.append({"role": "system", "content": self.system})
        if self.memory:
            messages += await earlier_messages(self._memory(), context, session)
        if self.cache_prompt and messages:
            messages[-1] = _with_cache_mark(messages[-1])
        return messages + await as_sent(self._own_messages(), context)

    def remembered(
        self, context: Context, text: str, changed: Mapping[str, Any] = NOTHING
    ) -> dict[str, Any]:
        """Return the variable in which others read what the node was asked, and its answer.

        `changed` are variables that the node's tools have set. Without a shared memory, it is {}.
        """
        answer = ChatMessage(role="assistant", content=text, name=context.node_id[:64])
        variables = {**context.variables, **changed}
        return with_turn(self._memory(), variables, self._own_messages(), answer)

    def _memory(self) -> Memory:
        return self.memory if isinstance(self.memory, Memory) else Memory()

    def _own_messages(self) -> list[ChatMessage]:
        own = list(self.messages or ())
        if self.prompt is not None:
            own.append(ChatMessage(content=with_files(self.prompt, self.files)))
        return own


def _with_cache_mark(message: dict[str, Any]) -> dict[str, Any]:
    """Return the message marked as the end of what the provider should cache."""
    content = message["content"]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    last = {**parts[-1], "cache_control": {"type": "ephemeral"}}
    return {**message, "content": [*parts[:-1], last]}


def _models(config: Mapping[str, Any]) -> Iterator[Need]:
    """Yield the model and its fallbacks, which are asked only if it fails."""
    fallbacks, codes = config.get("fallbacks"), config.get("fallback_on")
    others = fallbacks if isinstance(fallbacks, list) else []
    falls_back = bool(others) and isinstance(codes, list) and bool(REFUSED & set(map(str, codes)))
    yield Need("model", str(config.get("model") or ""), ("model",), is_sure=not falls_back)
    for number, name in enumerate(others):
        yield Need("model", str(name), ("fallbacks", number), is_sure=False)


def _addresses(messages: Any) -> Iterator[Need]:
    """Yield the addresses of images and files, and the uploads, that are read before the call."""
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, dict) else None
        for place, part in enumerate(content if isinstance(content, list) else ()):
            upload = id_of_file(part.get("file")) if isinstance(part, dict) else None
            if upload is not None:
                yield Need("upload", upload, ("messages", number, "content", place, "file"))
            url = part.get("url") if isinstance(part, dict) else None
            if isinstance(url, str) and not url.startswith("data:"):
                yield Need("url", url, ("messages", number, "content", place, "url"))
