"""The calls that a model requests, and the messages that carry requests and results."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flowc.compiler.definition.short_schemas import BadSchema, Schema, TooCostly, find_problems
from flowc.compiler.reading.plain_json import read_plain
from flowc.nodes.services.models import ModelAnswer

# Longest result that is sent to a model, in characters.
MAX_RESULT = 100_000


class ToolCall(NamedTuple):
    """One call that a model requests; `problem` says what is wrong with it, or is empty."""

    id: str
    name: str
    arguments: dict[str, Any]
    problem: str = ""


def as_tools(functions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return functions with name, description and parameters as the `tools` of a request."""
    return [{"type": "function", "function": dict(each)} for each in functions]


def as_tool_choice(choice: str) -> Any:
    """Return the `tool_choice` of a request.

    >>> as_tool_choice("required")
    'required'
    >>> as_tool_choice("search")
    {'type': 'function', 'function': {'name': 'search'}}
    """
    if choice in {"auto", "none", "required"}:
        return choice
    return {"type": "function", "function": {"name": choice}}


async def calls_in(answer: ModelAnswer, known: Mapping[str, Schema]) -> list[ToolCall]:
    """Return the calls that an answer requests, each checked against the parameters of its tool."""
    is_cut_off = answer.finish_reason == "length"
    return [await _call(each, known, is_cut_off=is_cut_off) for each in answer.tool_calls]


async def _call(
    given: Mapping[str, Any], known: Mapping[str, Schema], *, is_cut_off: bool
) -> ToolCall:
    id, function = given["id"], given["function"]
    name = function["name"]
    if not name:
        return ToolCall(id, name, {}, f"The call names no tool. Name one of: {', '.join(known)}.")
    if name not in known:
        return ToolCall(id, name, {}, f"There is no tool {name[:100]!r}: {', '.join(known)}.")
    try:
        arguments = await _read(function["arguments"])
    except ValueError:
        why = "were cut off at max_tokens; send shorter ones" if is_cut_off else "are not JSON"
        return ToolCall(id, name, {}, f"The arguments {why}.")
    if not isinstance(arguments, dict):
        return ToolCall(id, name, {}, "The arguments are no JSON object.")
    return ToolCall(id, name, arguments, await _problem(arguments, known[name]))


async def _read(text: str) -> Any:
    """Return arguments, also those that are written as a text within JSON; raise ValueError."""
    found = await read_plain(text)
    return await read_plain(found or "{}") if isinstance(found, str) else found


async def _problem(arguments: Mapping[str, Any], parameters: Schema) -> str:
    """Return why arguments do not fit the parameters of a tool, or an empty text."""
    try:
        found = await find_problems(arguments, parameters)
    except TooCostly:
        return "The arguments take too many steps to check. Send fewer or smaller ones."
    except BadSchema:
        # Only the schema of a server's tool can be unsound, and the server checks them itself.
        return ""
    if not found:
        return ""
    where, sentence = found[0]
    return f"The arguments do not fit: {'.'.join(map(str, where)) or 'arguments'}: {sentence}."


def request_message(answer: ModelAnswer) -> dict[str, Any]:
    """Return the message with the model's requests, as providers want it before the results."""
    calls = [dict(call) for call in answer.tool_calls]
    thoughts = {
        "reasoning_content": answer.reasoning,
        "thinking_blocks": [dict(each) for each in answer.thinking_blocks],
    }
    message = {"role": "assistant", "content": answer.text or None, "tool_calls": calls}
    # Of these, each provider gets what it takes.
    return {**message, **{name: value for name, value in thoughts.items() if value}}


def result_message(call: ToolCall, result: Any) -> dict[str, Any]:
    """Return the message with the result of a call."""
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    if len(text) > MAX_RESULT:
        cut = len(text) - MAX_RESULT
        text = f"{text[:MAX_RESULT]}… ({cut:,} more characters are left out)"
    return {"role": "tool", "tool_call_id": call.id, "content": text}
