"""Items and parameters of responses, in the form that chat completions have."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flowc.server.api.protocols.openai.reading import message_in
from flowc.server.api.refused_requests import Unsupported

_Item = Mapping[str, Any]


def messages_of(given: str | Sequence[_Item], *, takes_calls: bool) -> list[dict[str, Any]]:
    """Return the input of a response as messages; raise Unsupported for other items.

    Calls of tools, and their results, are messages only for a workflow that `takes_calls`.
    """
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    found: list[dict[str, Any]] = []
    for number, item in enumerate(given):
        message = _message(item, f"input[{number}]", takes_calls)
        if found and "tool_calls" in message and "tool_calls" in found[-1]:
            # Calls of one turn, which are one message.
            found[-1]["tool_calls"] += message["tool_calls"]
        else:
            found.append(message)
    return found


def _message(item: _Item, where: str, takes_calls: bool) -> dict[str, Any]:
    kind = item.get("type", "message")
    if kind == "message":
        return message_in(item, where)
    if kind not in {"function_call", "function_call_output"}:
        sentence = "items of this type are not supported."
        raise Unsupported("unsupported_content", f"{where}.type", sentence)
    if not takes_calls:
        sentence = "the workflow has no input `messages`, so it takes no results of tools."
        raise Unsupported("unsupported_content", where, sentence)
    id = str(item.get("call_id", ""))
    if kind == "function_call":
        function = {"name": item.get("name"), "arguments": item.get("arguments")}
        call = {"id": id, "type": "function", "function": function}
        return {"role": "assistant", "content": "", "tool_calls": [call]}
    output = item.get("output", "")
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    return {"role": "tool", "content": text, "tool_call_id": id}


def renamed(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters of a response under their names in chat completions.

    >>> renamed({"text": {"format": {"type": "text"}}, "reasoning": {"effort": "low"}})
    {'response_format': {'type': 'text'}, 'reasoning_effort': 'low'}
    """
    found = dict(sent)
    for name, fields in _FIELDS.items():
        value = found.pop(name, None)
        for field, own in value.items() if isinstance(value, dict) else ():
            found[fields.get(field, f"{name}.{field}")] = own
    if isinstance(found.get("response_format"), dict):
        found["response_format"] = _format(found["response_format"])
    return found


_FIELDS: Mapping[str, Mapping[str, str]] = {
    "text": {"format": "response_format", "verbosity": "verbosity"},
    "reasoning": {"effort": "reasoning_effort"},
}


def _format(given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("type") != "json_schema" or "json_schema" in given:
        return dict(given)
    schema = {name: value for name, value in given.items() if name != "type"}
    return {"type": "json_schema", "json_schema": schema}
