"""How does a workflow ask a language model?"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.compiler.definition import JsonSchema
from flowc.compiler.durations import Duration
from flowc.compiler.node import Context, Effects, Incoming, Node, NodeError, Outcome, Role
from flowc.compiler.schemas import BadSchema, Schema, problems_of, to_json_schema
from flowc.nodes.services.models import Answer, Call, Models

DEFAULT_MODEL = "the default model"
INFERRED = "inferred from what is read of it"

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


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "user", "assistant"] = "user"
    content: str


class Llm(Node):
    """Ask a language model: the output has `text`, and the fields of `output_schema`.

    `model` is an alias of the models file or litellm's name for it; without one, the default model
    answers. `usage` counts tokens, `cost` is in US dollars.
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
            models=(str(config.get("model") or DEFAULT_MODEL),),
            calls=(1, 2 if config.get("output_schema") else 1),
            prompt=len(text),
            values=text.count("{{"),
            max_tokens=most if isinstance(most, int) else None,
        )

    def target(self) -> str | None:
        """Return the model that is asked."""
        return f"model {self.model}" if self.model else DEFAULT_MODEL

    async def run(self, context: Context) -> Outcome:
        """Ask, once more if the answer does not fit its schema, and return what was answered."""
        models = context.service(Models)
        if self.output_schema is None:
            answer = await models.complete(self._call(self._conversation(), None))
            return _outcome([answer], {})
        native = models.supports_schema(self.model)
        return await self._ask_for_data(models, self.output_schema, native)

    async def _ask_for_data(self, models: Models, schema: Schema, native: bool) -> Outcome:
        messages = self._conversation()
        if not native:
            messages = [{"role": "system", "content": _instruction(schema)}, *messages]
        answers: list[Answer] = []
        problem = ""
        for _ in range(2):
            answer = await models.complete(self._call(messages, schema if native else None))
            answers.append(answer)
            data, problem = _data_in(answer.text, schema)
            if not problem:
                return _outcome(answers, data)
            messages = [*messages, *_correction(answer.text, problem)]
        message = f"The model's answer does not fit its schema: {problem}"
        raise NodeError("answer-does-not-fit", message, kind="bad-answer")

    def _conversation(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        if self.system is not None:
            messages.append({"role": "system", "content": self.system})
        messages += [message.model_dump() for message in self.messages or ()]
        if self.prompt is not None:
            messages.append({"role": "user", "content": self.prompt})
        if self.data not in (None, {}, []):
            said = json.dumps(self.data, ensure_ascii=False)
            last = messages[-1]
            messages[-1] = {**last, "content": f"{last['content']}\n\n{said}"}
        return messages

    def _call(self, messages: list[dict[str, Any]], schema: Schema | None) -> Call:
        named = ("temperature", "top_p", "max_tokens", "stop", "seed")
        parameters = {n: getattr(self, n) for n in named if getattr(self, n) is not None}
        if schema is not None:
            wanted = {"name": "answer", "schema": schema}
            parameters["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return Call(self.model, messages, parameters, self.timeout)


def _instruction(schema: Schema) -> str:
    shown = json.dumps({k: v for k, v in schema.items() if k != "$comment"}, ensure_ascii=False)
    return f"Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{shown}"


def _correction(text: str, problem: str) -> list[dict[str, Any]]:
    again = f"That does not fit: {problem} Answer again, with one JSON object that fits the schema."
    return [{"role": "assistant", "content": text}, {"role": "user", "content": again}]


def _data_in(text: str, schema: Schema) -> tuple[Any, str]:
    """Return the data in an answer and "", or None and why it does not fit."""
    try:
        data = json.loads(_bare(text))
    except (ValueError, RecursionError):
        word = _single_word(text, schema)
        return (word, "") if word is not None else (None, "It is not JSON.")
    found = problems_of(data, schema)
    if found:
        where, sentence = found[0]
        return None, f"{'.'.join(map(str, where)) or 'answer'}: {sentence}."
    return data, ""


def _bare(text: str) -> str:
    """Return the JSON of an answer that wraps it in a code fence or a sentence."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _single_word(text: str, schema: Schema) -> dict[str, str] | None:
    """Return a plain answer as data where one text was expected, and only we expected it."""
    properties = schema.get("properties", {})
    if schema.get("$comment") != INFERRED or len(properties) != 1 or not text.strip():
        return None
    name, inner = next(iter(properties.items()))
    return {name: text.strip().strip(".\"'`")} if inner.get("type") == "string" else None


def _outcome(answers: list[Answer], data: Any) -> Outcome:
    last = answers[-1]
    usage = {
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers),
        "completion_tokens": sum(answer.completion_tokens for answer in answers),
    }
    usage["total_tokens"] = sum(usage.values())
    cost = sum(answer.cost for answer in answers)
    output = {
        "text": last.text,
        "model": last.model,
        "finish_reason": last.finish_reason,
        "usage": usage,
        "cost": cost,
        **(data if isinstance(data, dict) else {"data": data} if data else {}),
    }
    return Outcome(output, usage={**usage, "cost": cost, "calls": len(answers)})
