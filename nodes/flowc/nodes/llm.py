"""How does a workflow ask a language model?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from flowc.compiler.definition import JsonSchema
from flowc.compiler.durations import Duration
from flowc.compiler.node import Context, Effects, Incoming, Node, NodeError, Outcome, Role
from flowc.compiler.schemas import BadSchema, Schema, problems_of, to_json_schema
from flowc.nodes.messages import Message, as_sent
from flowc.nodes.services.models import Answer, Call, Models
from flowc.nodes.services.models.telling import Telling

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


# After failures of these kinds, the next of the fallbacks is asked.
PASSING = ("timeout", "connection", "rate-limit", "server-error")


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
        default=list(PASSING), description="Kinds of failures, or their codes."
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
        if self.fallbacks:
            return None
        return f"model {self.model}" if self.model else DEFAULT_MODEL

    async def run(self, context: Context) -> Outcome:
        """Ask, once more if the answer does not fit its schema, and return what was answered."""
        conversation = await self._conversation(context)
        for model, following in pairwise([self.model, *self.fallbacks, None]):
            asking = _Asking(self, context, model, conversation)
            try:
                return await asking.run()
            except (NodeError, TimeoutError) as problem:
                kind = problem.kind if isinstance(problem, NodeError) else "timeout"
                code = problem.code if isinstance(problem, NodeError) else "timeout"
                if following is None or not {kind, code} & set(self.fallback_on):
                    raise
                context.emit("fallback", {"from": model, "to": following, "code": code})
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


@dataclass
class _Asking:
    """One model that is asked: its answers, until one fits."""

    node: Llm
    context: Context
    model: str | None
    messages: list[dict[str, Any]]
    answers: list[Answer] = field(default_factory=list)

    async def run(self) -> Outcome:
        models, schema = self.context.service(Models), self.node.output_schema
        if schema is None:
            await self._ask(models, None)
            return _outcome(self.answers, {})
        native = models.supports_schema(self.model)
        if not native:
            instruction = {"role": "system", "content": _instruction(schema)}
            self.messages = [instruction, *self.messages]
        problem = ""
        for _ in range(2):
            answer = await self._ask(models, schema if native else None)
            data, problem = _data_in(answer.text, schema)
            if not problem:
                return _outcome(self.answers, data)
            self.messages = [*self.messages, *_correction(answer.text, problem)]
        message = f"The model's answer does not fit its schema: {problem}"
        raise NodeError("answer-does-not-fit", message, kind="bad-answer")

    async def _ask(self, models: Models, schema: Schema | None) -> Answer:
        parameters = self.node.parameters()
        if schema is not None:
            wanted = {"name": "answer", "schema": schema}
            parameters["response_format"] = {"type": "json_schema", "json_schema": wanted}
        call = Call(self.model, self.messages, parameters, self.node.timeout)
        if not self.node.stream:
            answer = await models.complete(call)
        else:
            telling = Telling(lambda text: self.context.emit("token", {"text": text}))
            try:
                answer = await models.complete(call, telling.piece)
            finally:
                telling.end()
        self.answers.append(answer)
        return answer


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def _with_text(message: dict[str, Any], text: str) -> dict[str, Any]:
    content = message["content"]
    if isinstance(content, list):
        return {**message, "content": [*content, {"type": "text", "text": text}]}
    return {**message, "content": f"{content}\n\n{text}"}


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
    counts = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
    usage = {name: sum(getattr(answer, name) for answer in answers) for name in counts}
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    # Those that few providers count are there where they were.
    usage = {n: u for n, u in usage.items() if u or n not in {"cached_tokens", "reasoning_tokens"}}
    cost = sum(answer.cost for answer in answers)
    said = {"reasoning": last.reasoning, "logprobs": last.logprobs}
    output = {
        "text": last.text,
        "model": last.model,
        "finish_reason": last.finish_reason,
        "usage": usage,
        "cost": cost,
        **{name: value for name, value in said.items() if value},
        **(data if isinstance(data, dict) else {"data": data} if data else {}),
    }
    return Outcome(output, usage={**usage, "cost": cost, "calls": len(answers)})
