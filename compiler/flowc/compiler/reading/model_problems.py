"""Turns the errors of a pydantic model into problems in the author's words."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from flowc.compiler.definition.parts import BAD_SCHEMA
from flowc.compiler.diagnostics import Pointer, Problem, did_you_mean, instead, nearest
from flowc.compiler.reading.foreign_keys import is_meant, key_hint, meant_key
from flowc.compiler.reading.value_words import example_of, value_meant, value_words

# pydantic adds this error for a default computed from a field that is invalid itself.
_FOLLOWS = "default_factory_not_called"


def shape_problems(
    error: ValidationError, model: type[BaseModel], data: Any, at: Pointer = ()
) -> Iterator[Problem]:
    """Yield a problem for each error; `at` is the path of the data in its document."""
    seen: set[tuple[Pointer, str]] = set()
    found = [item for item in error.errors(include_url=False) if item["type"] != _FOLLOWS]
    for item in found:
        path = path_in(data, item["loc"], item["type"])
        if _is_other_form(item, path, found, data):
            continue
        if item["type"] == "missing" and is_meant(
            str(path[-1]), item["input"], _keys_at(model, path[:-1])
        ):
            # The key in its place is reported, and says what it is called.
            continue
        problem = _problem(item, model, data, path, at)
        if (problem.at, problem.message) not in seen:
            seen.add((problem.at, problem.message))
            yield problem


def _is_other_form(item: Any, path: Pointer, found: list[Any], data: Any) -> bool:
    """Return whether an error wants the other form of a value, which is a word or an object."""
    is_object = isinstance(item["input"], dict)
    if item["type"] not in ({"literal_error"} if is_object else {"model_type"}):
        return False
    others = [o for o in found if o is not item and o["type"] != item["type"]]
    places = [path_in(data, other["loc"], other["type"]) for other in others]
    return any(place[: len(path)] == path for place in places)


def _problem(item: Any, model: type[BaseModel], data: Any, path: Pointer, at: Pointer) -> Problem:
    last = str(path[-1]) if path else ""
    if item["type"] == "extra_forbidden":
        return _unknown_key(item["input"], _keys_at(model, path[:-1]), data, path, at)
    if item["type"] == "missing":
        where = f"{path[-2]!r}" if len(path) > 1 and isinstance(path[-2], str) else "This"
        message = f"{where} needs {'an' if last[:1] in 'aeiou' else 'a'} {last!r}."
        hint = example_of(last, _models_at(model, path[:-1]))
        return Problem("missing-key", message, (*at, *path[:-1]), hint)
    if item["type"] == "too-many-nodes":
        hint = "Move a part of the nodes into a workflow of its own, and run it by subworkflow."
        return Problem(item["type"], f"{item['msg']}.", (*at, *path), hint)
    if item["type"] == BAD_SCHEMA:
        bad = item["ctx"]["problem"]
        message = f"{last!r}: {bad}."
        return Problem(bad.code, message, (*at, *path, *bad.path), bad.hint)
    sentence, advice = value_words(item, last)
    name = f"{last!r}: " if path else ""
    hint = advice or _fields_hint(model)
    place = (*at, *path)
    fix = instead(place, value_meant(item))
    return Problem("invalid-value", f"{name}{sentence}.", place, hint, replacements=fix)


def _unknown_key(value: Any, known: set[str], data: Any, path: Pointer, at: Pointer) -> Problem:
    key, place = str(path[-1]), (*at, *path)
    meant, taken = _meant_key(key, known, value), _value_at(data, path[:-1])
    return Problem(
        "unknown-key",
        f"The key {key[:60]!r} is not known here.",
        place,
        _unknown_key_hint(key, value, known),
        on_key=True,
        replacements=instead(place, meant if meant not in taken else None, on_key=True),
    )


def _unknown_key_hint(key: str, value: Any, known: set[str]) -> str | None:
    near = _near_key(key, known)
    if near is not None:
        return f"Did you mean {near!r}?"
    return key_hint(key, value, known) or did_you_mean(key, known) or _listed(known)


def _near_key(key: str, known: set[str]) -> str | None:
    near = get_close_matches(key, known, n=1, cutoff=0.75)
    return near[0] if near and meant_key(key, known) is None else None


def _meant_key(key: str, known: set[str], value: Any) -> str | None:
    """Return the key that is surely meant by one that is not known."""
    near = _near_key(key, known) or meant_key(key, known)
    if near is not None or key_hint(key, value, known) is not None:
        return near
    return nearest(key, known)


def _value_at(data: Any, path: Pointer) -> Any:
    for part in path:
        data = data[part]
    return data


def _listed(known: set[str]) -> str:
    return f"The keys are {', '.join(sorted(known))}." if known else "Remove it."


def _fields_hint(model: type[BaseModel]) -> str:
    word = getattr(model, "type", None)
    if isinstance(word, str):
        return f"`flowc nodes {word}` describes its fields."
    return "`flowc explain invalid-value` shows an example."


def path_in(data: Any, loc: tuple[str | int, ...], kind: str) -> Pointer:
    """Return pydantic's location without the parts that are not keys of the data.

    For a field of a union, pydantic puts the name of the union's member into the location.
    """
    path: list[str | int] = []
    for index, part in enumerate(loc):
        is_last = index == len(loc) - 1
        inside, found = _step(data, part)
        if found:
            data = inside
        elif not (is_last and kind == "missing"):
            continue
        path.append(part)
    return tuple(path)


def _step(data: Any, part: str | int) -> tuple[Any, bool]:
    if isinstance(data, dict) and part in data:
        return data[part], True
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part], True
    return None, False


def _keys_at(model: Any, path: Pointer) -> set[str]:
    fields = [field for m in _models_at(model, path) for field in m.model_fields.items()]
    return {field.alias or name for name, field in fields}


def _models_at(model: Any, path: Pointer) -> list[type[BaseModel]]:
    models = _models_in(model)
    for part in path:
        inner = [m.model_fields[part].annotation for m in models if part in m.model_fields]
        if inner:
            models = [found for annotation in inner for found in _models_in(annotation)]
    return models


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _models_in(inner)]
