"""Models without a key or a network, for first steps, demonstrations and tests.

`offline/echo` answers with the last message, `offline/extract` with the sentence of it that shares
most words with its last line. With a schema, both fill it in from the words of the message.
`offline/agent` calls the tool that shares most words with the message, once, and answers with its
result.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from flowc.compiler.definition.short_schemas import Schema
from flowc.nodes.services.models.answers import ModelAnswer, OnText

PROVIDER = "offline/"

_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"\S+\s*|\s+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
# A point within a number or a name ends no sentence.
_SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?=\S))+[.!?]?")


async def offline_answer(
    model: str,
    messages: list[dict[str, Any]],
    parameters: Mapping[str, Any],
    on_text: OnText | None = None,
) -> ModelAnswer:
    """Return the answer to messages; with `on_text`, its text is passed on word by word."""
    text = _text(model, messages, parameters)
    call = _tool_call(model, messages, parameters)
    answer = ModelAnswer(
        text=text if call is None else "",
        model=model,
        finish_reason="stop" if call is None else "tool_calls",
        prompt_tokens=sum(_count(str(message.get("content"))) for message in messages),
        completion_tokens=_count(text),
        cost=0.0,
        tool_calls=()
        if call is None
        else ({"id": "call_1", "type": "function", "function": call},),
    )
    if on_text is not None:
        for piece in _PIECE.findall(answer.text):
            on_text(piece)
            # Others get their turn, as they do while a provider sends the next piece.
            await asyncio.sleep(0)
    return answer


def _tool_call(
    model: str, messages: list[dict[str, Any]], parameters: Mapping[str, Any]
) -> dict[str, str] | None:
    """Return the call that `offline/agent` requests, if there is a tool and none was called yet."""
    tools, is_free = parameters.get("tools") or [], parameters.get("tool_choice") != "none"
    if not model.endswith("agent") or not tools or not is_free:
        return None
    if messages[-1].get("role") == "tool":
        return None
    prompt = _last_message(messages)
    words, functions = set(_words(prompt)), [tool["function"] for tool in tools]
    best = max(functions, key=lambda f: len(words & set(_words(f"{f['name']} {f['description']}"))))
    arguments = fill_in(best["parameters"], prompt) or {}
    return {"name": best["name"], "arguments": json.dumps(arguments, ensure_ascii=False)}


def _text(model: str, messages: list[dict[str, Any]], parameters: Mapping[str, Any]) -> str:
    prompt, schema = _last_message(messages), _wanted_schema(parameters)
    if schema is not None:
        return json.dumps(fill_in(schema, prompt), ensure_ascii=False)
    if model.endswith("extract"):
        return extract(prompt)
    if model.endswith("agent") and messages[-1].get("role") == "tool":
        return str(messages[-1]["content"])
    return prompt


def _count(text: str) -> int:
    """Return the number of words, which these models count as tokens."""
    return len(_WORD.findall(text))


def _last_message(messages: list[dict[str, Any]]) -> str:
    found = [message for message in messages if message.get("role") == "user"] or messages
    content = found[-1].get("content") if found else ""
    if isinstance(content, list):
        # Pictures and files say nothing to these models.
        return "\n".join(str(part["text"]) for part in content if part.get("type") == "text")
    return content if isinstance(content, str) else json.dumps(content)


def _wanted_schema(parameters: Mapping[str, Any]) -> Schema | None:
    wanted = parameters.get("response_format") or {}
    found = wanted.get("json_schema", {}).get("schema") if isinstance(wanted, dict) else None
    return found if isinstance(found, dict) else None


def extract(prompt: str) -> str:
    """Return the sentence that shares most words with the prompt's last line.

    >>> extract("Rome is in Italy. Oslo is in Norway.\\nWhere is Oslo?")
    'Oslo is in Norway.'
    """
    lines = [line.strip() for line in prompt.strip().splitlines() if line.strip()]
    if len(lines) < 2:
        return prompt.strip()
    question = set(_words(lines[-1]))
    found = [each.strip() for each in _SENTENCE.findall("\n".join(lines[:-1]))]
    # A heading shares words with many questions, and answers none.
    sentences = [each for each in found if each[-1:] in {".", "!", "?"}] or found
    return max(sentences, key=lambda sentence: len(question & set(_words(sentence))), default="")


def fill_in(schema: Schema, text: str) -> Any:
    """Return a value of the schema's type, filled in from the text.

    >>> fill_in({"type": "object", "properties": {"n": {"type": "integer"}}}, "room 12")
    {'n': 12}
    """
    choices = [*schema.get("enum", []), *schema.get("examples", [])]
    if choices:
        return _chosen(choices, text, must_be_one="enum" in schema)
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if "object" in kinds or "properties" in schema:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        return {name: fill_in(inner, text) for name, inner in properties.items()}
    if "array" in kinds:
        return [fill_in(schema.get("items", {}), text)]
    if "boolean" in kinds:
        return bool({"yes", "true"} & set(_words(text)))
    if "integer" in kinds or "number" in kinds:
        found = _NUMBER.search(text)
        number = float(found.group()) if found else 0.0
        return int(number) if "integer" in kinds or number.is_integer() else number
    return None if kinds == ["null"] else text.strip()


def _chosen(choices: list[Any], text: str, *, must_be_one: bool) -> Any:
    """Return the choice whose words are all in the text; else the last of an enum, or `other`."""
    words = set(_words(text))
    for choice in choices:
        if set(_words(str(choice))) and set(_words(str(choice))) <= words:
            return choice
    return choices[-1] if must_be_one or not isinstance(choices[0], str) else "other"


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("_", " "))
