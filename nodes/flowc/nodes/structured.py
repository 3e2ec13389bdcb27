"""How is a model asked, and made to answer with data that fits a schema?"""

import json
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.node import Context, NodeError, Outcome
from flowc.compiler.schemas import Schema, problems_of
from flowc.nodes.services.models import Answer, Call, Models
from flowc.nodes.services.models.telling import Telling

INFERRED = "inferred from what is read of it"
DEFAULT_MODEL = "the default model"


def target_of(model: str | None) -> str:
    """Return the name under which failures of a model are counted."""
    return f"model {model}" if model else DEFAULT_MODEL


@dataclass
class Asking:
    """One model that is asked: its answers, until one fits."""

    context: Context
    model: str | None
    messages: list[dict[str, Any]]
    parameters: dict[str, Any]
    timeout: float
    is_streamed: bool = False
    answers: list[Answer] = field(default_factory=list)

    async def run(self, schema: Schema | None) -> Any:
        """Return the data of an answer that fits the schema; raise NodeError if none does."""
        models = self.context.service(Models)
        if schema is None:
            await self._ask(models, None)
            return {}
        native = models.supports_schema(self.model)
        if not native:
            instruction = {"role": "system", "content": _instruction(schema)}
            self.messages = [instruction, *self.messages]
        problem = ""
        for _ in range(2):
            answer = await self._ask(models, schema if native else None)
            data, problem = _data_in(answer.text, schema)
            if not problem:
                return data
            self.messages = [*self.messages, *_correction(answer.text, problem)]
        message = f"The model's answer does not fit its schema: {problem}"
        raise NodeError("answer-does-not-fit", message, kind="bad-answer")

    async def _ask(self, models: Models, schema: Schema | None) -> Answer:
        parameters = self.parameters
        if schema is not None:
            wanted = {"name": "answer", "schema": schema}
            wished = {"type": "json_schema", "json_schema": wanted}
            parameters = {**parameters, "response_format": wished}
        call = Call(self.model, self.messages, parameters, self.timeout)
        with self.context.budget.reserved(*models.most_of(call)) as spending:
            answer = await self._complete(models, call)
            spending.cost = answer.cost
            spending.tokens = answer.prompt_tokens + answer.completion_tokens
        self.answers.append(answer)
        return answer

    async def _complete(self, models: Models, call: Call) -> Answer:
        if not self.is_streamed:
            return await models.complete(call)
        telling = Telling(lambda text: self.context.emit("token", {"text": text}))
        try:
            return await models.complete(call, telling.piece)
        finally:
            telling.end()


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


def outcome_of(answers: list[Answer], data: Any) -> Outcome:
    """Return what a node that asked gives: the last text, the data, and what all of it took."""
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
