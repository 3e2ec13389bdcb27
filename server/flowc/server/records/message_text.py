"""The texts of a conversation: outputs and questions as messages."""

import json
from collections.abc import Mapping
from typing import Any

from flowc.compiler.definition.short_schemas import Schema

# If an output has several of these fields, the first one is its text.
_SPOKEN = ("text", "message", "answer", "response", "reply", "content", "output")


def text_of(output: Any) -> str:
    """Return the text of an output: itself, the field that has it, or all of it as JSON.

    >>> text_of({"answer": "Blue", "score": 1}), text_of({"n": 2})
    ('Blue', '{"n": 2}')
    """
    if isinstance(output, str):
        return output
    if isinstance(output, dict):
        for name in _SPOKEN:
            if isinstance(output.get(name), str):
                return str(output[name])
    return "" if output is None else json.dumps(output, ensure_ascii=False)


def question_of(data: Mapping[str, Any]) -> str:
    """Return a question to a person as the text of a message.

    >>> schema = {"properties": {"choice": {"enum": ["a", "b"]}}}
    >>> question_of({"title": "Refund?", "schema": schema})
    'Refund?\\nAnswer with one of: a, b.'
    """
    lines = [str(data.get("title") or "Please decide"), str(data.get("instructions") or "")]
    shown = data.get("data")
    if shown is not None:
        lines.append(_shown(shown))
    properties: Mapping[str, Schema] = data.get("schema", {}).get("properties", {})
    choices = properties.get("choice", {}).get("enum", [])
    if choices:
        lines.append(f"Answer with one of: {', '.join(map(str, choices))}.")
    elif len(properties) > 1:
        lines.append(f"Answer with a JSON object: {', '.join(properties)}.")
    return "\n".join(line for line in lines if line)


def _shown(data: Any) -> str:
    """Return what a question shows, as people read it: each field in a line of its own.

    >>> print(_shown({"tool": "refund", "arguments": {"order": "A17", "amount": 20}}))
    tool: refund
    arguments: order: A17, amount: 20
    """
    if not isinstance(data, dict):
        return _on_one_line(data)
    return "\n".join(f"{name}: {_on_one_line(value)}" for name, value in data.items())


def _on_one_line(value: Any) -> str:
    if isinstance(value, str):
        return value
    is_flat = isinstance(value, dict) and not any(
        isinstance(each, dict | list) for each in value.values()
    )
    if is_flat and value:
        return ", ".join(f"{name}: {_on_one_line(each)}" for name, each in value.items())
    return json.dumps(value, ensure_ascii=False)
