"""The data in a model's answer, and the failures of answers that have none."""

import asyncio
from typing import Any, NamedTuple

from flowc.compiler.definition.schema_paths import types_of
from flowc.compiler.definition.short_schemas import Schema, find_problems
from flowc.compiler.node import NodeError
from flowc.compiler.reading.large_values import LARGE_TEXT
from flowc.compiler.reading.plain_json import plain_from, read_plain
from flowc.nodes.ai.fitted_data import fitted
from flowc.nodes.ai.found_data import json_texts, repaired
from flowc.nodes.ai.wrapped_schemas import name_of_wrapper, root_of
from flowc.nodes.services.models import ModelAnswer

# The `$comment` of a schema that was inferred from the references to a node's output.
INFERRED = "inferred from what is read of it"
_NO_JSON = "It is not JSON."


class FoundData(NamedTuple):
    """The data in an answer; or the `problem`, which is empty if the data matches its schema.

    `changes` say which values were converted.
    """

    data: Any
    problem: str = ""
    changes: tuple[str, ...] = ()


def require_answer(answer: ModelAnswer, *, may_be_empty: bool = False) -> None:
    """Raise NodeError if an answer is refused, or has neither a text nor calls of tools."""
    if answer.finish_reason == "content_filter":
        message = f"The provider's content filter stopped the model's answer{_said(answer.text)}"
        raise NodeError("content-refused", message)
    if answer.text.strip() or answer.tool_calls:
        return
    if answer.refusal:
        raise NodeError("content-refused", f"The model refused to answer{_said(answer.refusal)}")
    require_whole(answer)
    if may_be_empty:
        return
    message = "The model's answer is empty."
    if answer.reasoning:
        message = f"The model sent its reasoning alone, and no answer{_said(answer.reasoning)}"
    raise NodeError("answer-empty", message, kind="bad-answer")


def require_whole(answer: ModelAnswer) -> None:
    """Raise NodeError if an answer was cut off."""
    if answer.finish_reason != "length":
        return
    what = "The answer was cut off at max_tokens"
    if answer.reasoning and not answer.text.strip():
        what += ", before the end of the reasoning"
    hint = "Raise max_tokens, or ask for less."
    if answer.reasoning:
        hint = "Raise max_tokens, or lower reasoning_effort: reasoning counts as a part of it."
    about: dict[str, Any] = {"field": "max_tokens", "value": answer.text or answer.reasoning}
    raise NodeError("answer-cut-off", f"{what}.", hint=hint, **about)


def _said(text: str) -> str:
    shown = " ".join(text.split())
    if not shown:
        return "."
    return f": {shown[:300]}{'…' if len(shown) > 300 else ''}"


def does_not_fit(text: str, problem: str) -> NodeError:
    """Return the failure of a model whose answers do not match the schema, with the last one."""
    message = f"The model's answer does not match its schema: {problem}"
    value: Any = text
    for each in json_texts(text)[:1] if len(text) <= LARGE_TEXT else ():
        try:
            value = plain_from(each)
        except ValueError:
            value = text
    about: Any = {"field": "output_schema", "value": value}
    return NodeError("answer-does-not-fit", message, kind="bad-answer", **about)


async def data_in(text: str, schema: Schema) -> FoundData:
    """Return the data in an answer that matches a schema, or the reason why none does.

    The data may be anywhere in the text, be wrapped in a field, and have numbers as texts. Raises
    TooCostly.

    >>> import asyncio
    >>> schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    >>> asyncio.run(data_in('Here it is: {"n": "1"}', schema))
    FoundData(data={'n': 1}, problem='', changes=("n: '1' was taken as 1",))
    >>> asyncio.run(data_in("Certainly!", schema)).problem
    'It is not JSON.'
    """
    is_large = len(text) > LARGE_TEXT
    texts = await asyncio.to_thread(json_texts, text) if is_large else json_texts(text)
    first: FoundData | None = None
    for each in texts:
        value = await _read(each)
        if value is _NOTHING:
            continue
        found = await _matching(value, schema)
        if not found.problem:
            return found
        first = first or found
    return _in_words(text, schema) or first or FoundData(None, _NO_JSON)


_NOTHING = object()


async def _read(text: str) -> Any:
    """Return the JSON in a text, also if it has small mistakes; `_NOTHING` if it is none."""
    for each in (text, repaired(text)) if len(text) <= LARGE_TEXT else (text,):
        try:
            return await read_plain(each)
        except ValueError:
            continue
    return _NOTHING


async def _matching(value: Any, schema: Schema) -> FoundData:
    """Return a value, what is wrapped in it, or what it says in other types, if that matches."""
    options = [value, *_unwrapped(value, schema)]
    problem = ""
    for option in options:
        found = await find_problems(option, schema)
        if not found:
            return FoundData(option)
        problem = problem or _sentence(*found[0])
    for option in options:
        changed, changes = fitted(option, schema)
        if not await find_problems(changed, schema):
            return FoundData(changed, changes=tuple(changes))
    return FoundData(None, problem)


def _unwrapped(value: Any, schema: Schema) -> list[Any]:
    """Return what is in the only field of an object, or written as JSON in a text."""
    if isinstance(value, dict):
        name = name_of_wrapper(schema)
        if name in value:
            return [value[name]]
        return list(value.values()) if len(value) == 1 else []
    types = types_of(root_of(schema))
    if isinstance(value, list) and len(value) == 1:
        return value
    if isinstance(value, str) and value.strip()[:1] in {"{", "["} and "string" not in (types or ()):
        try:
            return [plain_from(value)]
        except ValueError:
            return []
    return []


def _sentence(where: Any, sentence: str) -> str:
    return f"{'.'.join(map(str, where)) or 'answer'}: {sentence}."


def _in_words(text: str, schema: Schema) -> FoundData | None:
    """Return a plain text as data: for a schema of a text, or one inferred with one text."""
    said, properties = text.strip(), schema.get("properties", {})
    types = types_of(root_of(schema))
    if not said:
        return None
    if types is not None and "string" in types:
        value, changes = fitted(said, schema)
        fits = "enum" not in root_of(schema) or value in root_of(schema)["enum"]
        return FoundData(value, changes=tuple(changes)) if fits else None
    if schema.get("$comment") == INFERRED and len(properties) == 1:
        name, inner = next(iter(properties.items()))
        if inner.get("type") == "string":
            return FoundData({name: said.strip(".\"'`")})
    return None
