"""Asks models for answers, as text or as data that matches a JSON Schema.

Providers take a schema in one of three ways: natively; as the parameters of a tool that the model
must call; or not at all, and then the schema is part of the system message. In each case the answer
is checked here, and asked for once more if it does not match.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from flowc.compiler.definition.short_schemas import Schema, find_problems
from flowc.compiler.node import DEFAULT_MODEL, NOTHING, Context, NodeError
from flowc.compiler.node.budget import Spending
from flowc.compiler.node.outcome import total_usage
from flowc.compiler.reading.large_values import LARGE_TEXT
from flowc.compiler.reading.plain_json import plain_from, read_plain
from flowc.nodes.services.models import Call, ModelAnswer, Models
from flowc.nodes.services.models.answers import usage_of
from flowc.nodes.services.models.call import SchemaSupport
from flowc.nodes.services.models.cut_off import OnCutOff
from flowc.nodes.services.models.text_batches import TextBatches

# The `$comment` of a schema that was inferred from the references to a node's output.
INFERRED = "inferred from what is read of it"
# The name of the schema, or of the tool whose arguments are the answer.
ANSWER = "answer"
# After failures of these kinds, the next model is tried.
FALL_BACK_ON = ("timeout", "connection", "rate-limit", "server-error")

Messages = Sequence[dict[str, Any]]


@dataclass
class ModelSession:
    """The calls of one run of a node: the models to try in turn, and the answers so far."""

    context: Context
    models: Sequence[str | None]
    parameters: dict[str, Any]
    timeout: float
    is_streamed: bool = False
    fall_back_on: Sequence[str] = FALL_BACK_ON
    answers: list[ModelAnswer] = field(default_factory=list)

    async def data(self, messages: Messages, schema: Schema | None) -> Any:
        """Return the data of an answer that matches the schema; raise NodeError if none does.

        Without a schema, the data is {}; the answer is the last of `answers`.
        """
        if schema is None:
            await self.ask(messages)
            return {}
        text, problem = "", ""
        for _ in range(2):
            text = (await self.ask(messages, schema)).text
            found, problem = await data_in(text, schema)
            if not problem:
                return found
            messages = [*messages, *correction(text, problem)]
        raise does_not_fit(text, problem)

    def unstreamed(self) -> "ModelSession":
        """Return a session with the same models for a request in between, which emits no tokens."""
        return ModelSession(self.context, self.models, {}, self.timeout, answers=self.answers)

    async def ask(
        self, messages: Messages, schema: Schema | None = None, more: Mapping[str, Any] = NOTHING
    ) -> ModelAnswer:
        """Return an answer of the first model that gives one; raise NodeError if none does.

        `more` are parameters of this request alone. A model that failed is not tried again in this
        session.
        """
        parameters = {**self.parameters, **more}
        while True:
            try:
                answer = await self._ask(self.models[0], messages, schema, parameters)
            except NodeError as problem:
                if len(self.models) == 1 or not {problem.kind, problem.code} & {*self.fall_back_on}:
                    raise
                failed, *self.models = self.models
                switch = {"from": failed, "to": self.models[0], "code": problem.code}
                self.context.emit("fallback", switch)
            else:
                self.answers.append(answer)
                return answer

    async def _ask(
        self,
        model: str | None,
        messages: Messages,
        schema: Schema | None,
        parameters: dict[str, Any],
    ) -> ModelAnswer:
        models, taken = self.context.service(Models), None
        if schema is not None:
            taken = await models.schema_support(model)
            # With real tools, the model would call them instead of the one that is the answer.
            taken = "prompt" if taken == "tool" and "tools" in parameters else taken
            messages, added = _with_schema(schema, taken, messages)
            parameters = {**parameters, **added}
        about = {"run_id": self.context.run_id, "node_id": self.context.node_id}
        call = Call(model, list(messages), parameters, self.timeout, about)
        target = f"model {model}" if model else DEFAULT_MODEL
        async with self.context.budget.reserved(*models.worst_case(call)) as spending:
            count = partial(self._count, spending)
            answer: ModelAnswer = await self.context.through(
                target, partial(self._call, models, call, count)
            )
            count(answer)
        return _as_text(answer) if taken == "tool" else answer

    def _count(self, spending: Spending, answer: ModelAnswer) -> None:
        usage = usage_of(answer)
        spending.cost, spending.tokens = usage["cost"], usage["total_tokens"]
        self.context.add_usage(usage, answer.model)

    async def _call(self, models: Models, call: Call, on_cut_off: OnCutOff) -> ModelAnswer:
        if not self.is_streamed:
            return await models.complete(call, on_cut_off=on_cut_off)
        tokens = TextBatches(lambda text: self.context.emit("token", {"text": text}))
        thoughts = TextBatches(lambda text: self.context.emit("reasoning", {"text": text}))

        def add_text(piece: str) -> None:
            # What is still collected of the thoughts was before the text.
            thoughts.flush()
            tokens.add(piece)

        try:
            return await models.complete(call, add_text, on_cut_off, thoughts.add)
        finally:
            thoughts.flush()
            tokens.flush()


def _with_schema(
    schema: Schema, taken: SchemaSupport, messages: Messages
) -> tuple[Messages, dict[str, Any]]:
    """Return the messages and the additional parameters that ask for data of a schema."""
    if taken == "native":
        wanted = {"name": ANSWER, "schema": schema}
        return messages, {"response_format": {"type": "json_schema", "json_schema": wanted}}
    if taken == "tool":
        about = {"name": ANSWER, "description": "Give the answer.", "parameters": schema}
        choice = {"type": "function", "function": {"name": ANSWER}}
        return messages, {"tools": [{"type": "function", "function": about}], "tool_choice": choice}
    return [{"role": "system", "content": _instruction(schema)}, *messages], {}


def _as_text(answer: ModelAnswer) -> ModelAnswer:
    """Return the answer with the arguments of the answering tool as its text."""
    for call in answer.tool_calls:
        if call.get("function", {}).get("name") == ANSWER:
            text = str(call["function"].get("arguments") or "")
            return replace(answer, text=text, tool_calls=(), finish_reason="stop")
    return answer


def _instruction(schema: Schema) -> str:
    shown = json.dumps({k: v for k, v in schema.items() if k != "$comment"}, ensure_ascii=False)
    return f"Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{shown}"


def correction(text: str, problem: str) -> list[dict[str, Any]]:
    """Return the messages that ask a model to correct an answer."""
    again = f"That does not fit: {problem} Answer again, with one JSON object that fits the schema."
    return [{"role": "assistant", "content": text}, {"role": "user", "content": again}]


def does_not_fit(text: str, problem: str) -> NodeError:
    """Return the failure of a model whose answers do not match the schema, with the last one."""
    message = f"The model's answer does not match its schema: {problem}"
    try:
        value = plain_from(_bare(text)) if len(text) <= LARGE_TEXT else text
    except ValueError:
        value = text
    about: Any = {"field": "output_schema", "value": value}
    return NodeError("answer-does-not-fit", message, kind="bad-answer", **about)


async def data_in(text: str, schema: Schema) -> tuple[Any, str]:
    """Return the data in an answer and "", or None and the reason why it does not match.

    Raises TooCostly.

    >>> import asyncio
    >>> schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    >>> asyncio.run(data_in('{"n": 1}', schema))
    ({'n': 1}, '')
    >>> asyncio.run(data_in("Certainly!", schema))
    (None, 'It is not JSON.')
    """
    try:
        data = await read_plain(_bare(text))
    except ValueError:
        word = _single_word(text, schema)
        return (word, "") if word is not None else (None, "It is not JSON.")
    found = await find_problems(data, schema)
    if found:
        where, sentence = found[0]
        return None, f"{'.'.join(map(str, where)) or 'answer'}: {sentence}."
    return data, ""


def _bare(text: str) -> str:
    """Return the JSON object in an answer, without a code fence or sentences around it."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _single_word(text: str, schema: Schema) -> dict[str, str] | None:
    """Return a plain text as data, if the schema was inferred and has one text field."""
    properties = schema.get("properties", {})
    if schema.get("$comment") != INFERRED or len(properties) != 1 or not text.strip():
        return None
    name, inner = next(iter(properties.items()))
    return {name: text.strip().strip(".\"'`")} if inner.get("type") == "string" else None


def output_of(answers: Sequence[ModelAnswer], data: Any) -> dict[str, Any]:
    """Return the output of a node: the last answer, the data, and the tokens of all answers."""
    last, used = answers[-1], total_usage(usage_of(answer) for answer in answers)
    return {
        "text": last.text,
        "model": last.model,
        "finish_reason": last.finish_reason,
        "usage": {name: count for name, count in used.items() if name.endswith("_tokens")},
        "cost": used["cost"],
        "reasoning": last.reasoning,
        "refusal": last.refusal,
        "tool_calls": [dict(call) for call in last.tool_calls],
        "citations": [dict(each) for each in last.citations],
        "logprobs": last.logprobs,
        **(data if isinstance(data, dict) else {"data": data}),
    }
