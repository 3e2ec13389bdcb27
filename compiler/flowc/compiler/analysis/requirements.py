"""Finds the types that a field of a node requires, and whether a value has one of them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition.schema_paths import schema_at, types_of
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Node

# The types of value that pydantic accepts for a field of each type.
_TAKEN: Mapping[str, frozenset[str]] = {
    "string": frozenset({"string"}),
    "number": frozenset({"number", "integer", "string", "boolean"}),
    "integer": frozenset({"number", "integer", "string", "boolean"}),
    "boolean": frozenset({"number", "integer", "string", "boolean"}),
    "array": frozenset({"array"}),
    "object": frozenset({"object"}),
    "null": frozenset({"null"}),
}

_WORDS = {"array": "a list", "null": "null", "integer": "a whole number", "object": "an object"}


def misfit(
    scope: Scope, name: str, path: tuple[str | int, ...], text: str, given: frozenset[str]
) -> tuple[str, str | None] | None:
    """Return the message and the hint for a value that a field of a node does not take.

    `text` is how the value is written, and `given` are its JSON types.
    """
    wanted = _wanted(scope, name, path)
    if wanted is None or given & frozenset().union(*(_TAKEN[each] for each in wanted)):
        return None
    message = f"{text!r} is {_either(given)}, but {_either(wanted)} is required here."
    return message, _conversion(text, given, wanted)


def _wanted(scope: Scope, name: str, path: tuple[str | int, ...]) -> frozenset[str] | None:
    """Return the types that fit in a field; None if every type does."""
    kind = scope.types[name]
    inner = scope.inside(name) if kind.is_isolated else None
    if inner is not None and path[:1] == ("input",) and len(path) > 1:
        return types_of(schema_at(inner.workflow.input, path[1:]))
    whole = _configuration_of(kind)
    return _types_in(_resolved(whole, whole, path))


@lru_cache(256)
def _configuration_of(kind: type[Node]) -> Schema:
    return kind.model_json_schema()


def _resolved(whole: Schema, schema: Any, path: tuple[str | int, ...]) -> list[Schema]:
    """Return the schemas at a path; several where a field may have one of several types."""
    if not isinstance(schema, dict):
        return []
    if "$ref" in schema:
        target = whole.get("$defs", {}).get(str(schema["$ref"]).rpartition("/")[2])
        return _resolved(whole, target, path)
    if "anyOf" in schema:
        return [found for option in schema["anyOf"] for found in _resolved(whole, option, path)]
    if not path:
        return [schema]
    step, *rest = path
    below = schema.get("items") if isinstance(step, int) else _field(schema, step)
    return _resolved(whole, below, tuple(rest))


def _field(schema: Schema, name: str) -> Any:
    return schema.get("properties", {}).get(name, schema.get("additionalProperties"))


def _types_in(schemas: list[Schema]) -> frozenset[str] | None:
    types: set[str] = set()
    for schema in schemas:
        found = types_of(schema)
        if found is None:
            return None
        types |= found
    return frozenset(types) or None


def _conversion(text: str, given: frozenset[str], wanted: frozenset[str]) -> str | None:
    """Return how a value of one type becomes one of another, if a filter does that."""
    if wanted == {"string"}:
        is_value = given <= {"number", "integer", "boolean"}
        return f"Write {{{{{text}|{'string' if is_value else 'tojson'}}}}}."
    if wanted <= {"number", "integer"} and given <= {"array", "object"}:
        return f"Write {{{{{text}|length}}}} for the number of items."
    if wanted == {"array"}:
        return f"Write {{{{[{text}]}}}} for a list of this value."
    return None


def _either(types: frozenset[str]) -> str:
    return " or ".join(_WORDS.get(name, f"a {name}") for name in sorted(types))
