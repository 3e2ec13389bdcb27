"""The texts of a conversation: outputs and questions as messages, and messages as answers."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flowc.compiler.definition.short_schemas import Schema, find_problems
from flowc.compiler.reading.plain_json import plain_from

# If an output has several of these fields, the first one is its text.
_SPOKEN = ("text", "message", "answer", "response", "reply", "content", "output")
_YES = frozenset({"yes", "y", "ok", "okay", "approve", "approved", "sure", "allow", "true"})
_NO = frozenset({"no", "n", "reject", "rejected", "deny", "denied", "refuse", "false"})


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
        lines.append(shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False))
    properties: Mapping[str, Schema] = data.get("schema", {}).get("properties", {})
    choices = properties.get("choice", {}).get("enum", [])
    if choices:
        lines.append(f"Answer with one of: {', '.join(map(str, choices))}.")
    elif len(properties) > 1:
        lines.append(f"Answer with a JSON object: {', '.join(properties)}.")
    return "\n".join(line for line in lines if line)


async def answer_in(text: str, schema: Schema) -> Any | None:
    """Return a message as an answer that fits a schema; None if it is none. Raises TooCostly.

    >>> import asyncio
    >>> schema = {"properties": {"choice": {"enum": ["approve", "reject"]}}, "required": ["choice"]}
    >>> asyncio.run(answer_in("Yes!", schema)), asyncio.run(answer_in("No.", schema))
    ({'choice': 'approve'}, {'choice': 'reject'})
    """
    for candidate in _candidates(text.strip(), schema):
        if not await find_problems(candidate, schema):
            return candidate
    return None


def _candidates(text: str, schema: Schema) -> list[Any]:
    found: list[Any] = []
    with suppress(ValueError):
        found.append(plain_from(text))
    properties: Mapping[str, Schema] = schema.get("properties", {})
    choices = properties.get("choice", {}).get("enum", [])
    choice = _choice(text, [str(each) for each in choices])
    if choice is not None:
        found.append({"choice": choice})
    names = list(schema.get("required") or properties)
    if len(names) == 1:
        found.append({names[0]: text})
    return found


def _choice(text: str, choices: list[str]) -> str | None:
    words = text.casefold().rstrip(".!")
    for choice in choices:
        if words == choice.casefold():
            return choice
    if len(choices) == 2 and {"approve", "reject"} == set(choices):
        return "approve" if words in _YES else "reject" if words in _NO else None
    first = words.split()[0].strip(",:") if words.split() else ""
    return next((choice for choice in choices if first == choice.casefold()), None)
