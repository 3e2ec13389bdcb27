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

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import DEFAULT_MODEL, NOTHING, Context, NodeError
from flowc.compiler.node.budget import Spending
from flowc.compiler.node.outcome import total_usage
from flowc.nodes.ai.answer_data import (
    FoundData,
    data_in,
    does_not_fit,
    require_answer,
    require_whole,
)
from flowc.nodes.ai.wrapped_schemas import as_object, name_of_wrapper
from flowc.nodes.services.models import Call, ModelAnswer, Models
from flowc.nodes.services.models.answers import usage_of
from flowc.nodes.services.models.call import SchemaSupport
from flowc.nodes.services.models.cut_off import OnCutOff
from flowc.nodes.services.models.failures import ParameterRefused
from flowc.nodes.services.models.text_batches import TextBatches

# The name of the schema, or of the tool whose arguments are the answer.
ANSWER = "answer"
# After failures of these kinds and codes, the next model is tried.
FALL_BACK_ON = (
    "timeout", "connection", "rate-limit", "server-error", "bad-answer", "answer-cut-off",
    "content-refused", "context-too-large",
)  # fmt: skip

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
    warned: list[str] = field(default_factory=list)

    async def data(self, messages: Messages, schema: Schema | None) -> Any:
        """Return the data of an answer that matches the schema; raise NodeError if none does.

        Without a schema, the data is {}; the answer is the last of `answers`.
        """
        if schema is None:
            await self.ask(messages)
            return {}
        while True:
            try:
                return await self._data(messages, schema)
            except NodeError as problem:
                self._fall_back(problem)

    async def _data(self, messages: Messages, schema: Schema) -> Any:
        """Return the data of the first model's answer, which is asked once more if needed."""
        answer = await self.ask(messages, schema)
        found = await self.data_in(answer, schema)
        if found.problem:
            again = correction(answer.text, found.problem, schema)
            answer = await self.ask([*messages, *again], schema)
            found = await self.data_in(answer, schema)
        if found.problem:
            raise does_not_fit(answer.text, found.problem)
        return found.data

    async def data_in(self, answer: ModelAnswer, schema: Schema) -> FoundData:
        """Return the data in an answer; raise NodeError if it was cut off before its end."""
        found = await data_in(answer.text, schema)
        if found.problem:
            require_whole(answer)
        for change in found.changes:
            self._warn(f"The answer was converted to fit: {change}.")
        return found

    def unstreamed(self) -> "ModelSession":
        """Return a session with the same models for a request in between, which emits no tokens."""
        return ModelSession(self.context, self.models, {}, self.timeout, answers=self.answers)

    async def ask(
        self,
        messages: Messages,
        schema: Schema | None = None,
        more: Mapping[str, Any] = NOTHING,
        *,
        may_be_empty: bool = False,
    ) -> ModelAnswer:
        """Return an answer of the first model that gives one; raise NodeError if none does.

        `more` are parameters of this request alone. A model that failed is not tried again in this
        session. An empty answer counts as a failure, unless it may be empty.
        """
        parameters = {**self.parameters, **more}
        while True:
            try:
                answer = await self._ask(self.models[0], messages, schema, parameters)
                self.answers.append(answer)
                is_empty = may_be_empty or self.context.service(Models).is_offline(self.models[0])
                require_answer(answer, may_be_empty=is_empty)
                if answer.finish_reason == "length" and schema is None:
                    self._warn("The answer was cut off at max_tokens.")
            except NodeError as problem:
                self._fall_back(problem)
            else:
                return answer

    def _fall_back(self, problem: NodeError) -> None:
        """Drop the model that failed, and say so; raise its failure if no other is to be tried."""
        if len(self.models) == 1 or not {problem.kind, problem.code} & {*self.fall_back_on}:
            raise problem
        failed, *self.models = self.models
        switch = {"from": failed, "to": self.models[0], "code": problem.code}
        self.context.emit("fallback", switch)

    def _warn(self, message: str) -> None:
        if message not in self.warned:
            self.warned.append(message)
            self.context.emit("warning", {"message": message})

    async def _ask(
        self,
        model: str | None,
        messages: Messages,
        schema: Schema | None,
        parameters: dict[str, Any],
    ) -> ModelAnswer:
        """Ask a model; if it refuses the form of the schema, describe that in words."""
        try:
            return await self._ask_in_form(model, messages, schema, parameters)
        except ParameterRefused as refused:
            if schema is None:
                raise
            self._warn(f"{refused.parameter!r} was left out: the model does not accept it.")
        return await self._ask_in_form(model, messages, schema, parameters, taken="prompt")

    async def _ask_in_form(
        self,
        model: str | None,
        messages: Messages,
        schema: Schema | None,
        parameters: dict[str, Any],
        taken: SchemaSupport | None = None,
    ) -> ModelAnswer:
        models, offered = self.context.service(Models), parameters.get("tools")
        if schema is not None:
            taken = taken or await models.schema_support(model)
            # With real tools, the model would call them instead of the one that is the answer.
            taken = "prompt" if taken == "tool" and offered else taken
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
        for warning in answer.warnings:
            self._warn(f"{model or models.default}: {warning}")
        return _as_text(answer, offered) if schema is not None else answer

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
        wanted = {"name": ANSWER, "schema": as_object(schema)}
        return messages, {"response_format": {"type": "json_schema", "json_schema": wanted}}
    if taken == "tool":
        asked = as_object(schema)
        about = {"name": ANSWER, "description": "Give the answer.", "parameters": asked}
        choice = {"type": "function", "function": {"name": ANSWER}}
        return messages, {"tools": [{"type": "function", "function": about}], "tool_choice": choice}
    return [{"role": "system", "content": _instruction(schema)}, *messages], {}


def _as_text(answer: ModelAnswer, offered: Any) -> ModelAnswer:
    """Return the answer with the arguments of the answering tool as its text.

    Models also call such a tool if it was not offered, in place of an answer in words.
    """
    names = {tool["function"]["name"] for tool in offered or ()}
    for call in answer.tool_calls:
        name = call["function"]["name"]
        if name not in names and (name == ANSWER or not names):
            text = str(call["function"]["arguments"] or "")
            reason = "stop" if answer.finish_reason == "tool_calls" else answer.finish_reason
            return replace(answer, text=text, tool_calls=(), finish_reason=reason)
    return answer


def _instruction(schema: Schema) -> str:
    what = "JSON" if name_of_wrapper(schema) else "one JSON object"
    return f"Answer with {what} and nothing else. It must fit this JSON Schema:\n{_shown(schema)}"


def _shown(schema: Schema) -> str:
    return json.dumps({k: v for k, v in schema.items() if k != "$comment"}, ensure_ascii=False)


def correction(text: str, problem: str, schema: Schema) -> list[dict[str, Any]]:
    """Return the messages that ask a model to correct an answer."""
    again = (
        f"That does not fit: {problem} Answer again, with nothing but JSON that fits this JSON"
        f" Schema:\n{_shown(schema)}"
    )
    # Some providers refuse an empty message.
    given = {"role": "assistant", "content": text or "(no answer)"}
    return [given, {"role": "user", "content": again}]


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
