"""Which calls does a model ask for, and what is it told of them?"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flowc.compiler.definition.short_schemas import Schema, problems_of
from flowc.nodes.services.models import ModelAnswer

# What a model is told of a call's result, in characters.
MAX_RESULT = 100_000


class ToolCall(NamedTuple):
    """One call as a model asks for it; `problem` says what is wrong with its arguments."""

    id: str
    name: str
    arguments: dict[str, Any]
    problem: str = ""


def as_tools(functions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return functions, each with name, description and parameters, as models are offered them."""
    return [{"type": "function", "function": dict(each)} for each in functions]


def as_tool_choice(choice: str) -> Any:
    """Return a `tool_choice`: one of three words, or the function of a name."""
    if choice in {"auto", "none", "required"}:
        return choice
    return {"type": "function", "function": {"name": choice}}


def calls_in(answer: ModelAnswer, known: Mapping[str, Schema]) -> list[ToolCall]:
    """Return the calls that an answer asks for, each held against the parameters of its tool."""
    return [_call(each, number, known) for number, each in enumerate(answer.tool_calls)]


def _call(given: Mapping[str, Any], number: int, known: Mapping[str, Schema]) -> ToolCall:
    function = given.get("function") or {}
    id, name = str(given.get("id") or f"call_{number}"), str(function.get("name") or "")
    if name not in known:
        return ToolCall(id, name, {}, f"There is no tool {name[:100]!r}: {', '.join(known)}.")
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except (ValueError, RecursionError):
        return ToolCall(id, name, {}, "The arguments are not JSON.")
    if not isinstance(arguments, dict):
        return ToolCall(id, name, {}, "The arguments are no JSON object.")
    found = problems_of(arguments, known[name])
    if found:
        where, sentence = found[0]
        path = ".".join(map(str, where)) or "arguments"
        return ToolCall(id, name, arguments, f"The arguments do not fit: {path}: {sentence}.")
    return ToolCall(id, name, arguments)


def request_message(answer: ModelAnswer) -> dict[str, Any]:
    """Return the message in which a model asked for calls, as it is sent back."""
    calls = [{**call, "type": "function"} for call in answer.tool_calls]
    return {"role": "assistant", "content": answer.text or None, "tool_calls": calls}


def result_message(call: ToolCall, result: Any) -> dict[str, Any]:
    """Return the message that tells a model what came of its call."""
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    if len(text) > MAX_RESULT:
        left = len(text) - MAX_RESULT
        text = f"{text[:MAX_RESULT]}… ({left:,} more characters are left out)"
    return {"role": "tool", "tool_call_id": call.id, "content": text}
