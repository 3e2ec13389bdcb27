"""Checks that references read existing fields, and values that fit where they are used."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.references import Use, uses_in
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.analysis.sources import SchemaSource, source_of
from flowc.compiler.definition.schema_paths import ABSENT, names_in, schema_at, types_of
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.diagnostics import Problem, did_you_mean
from flowc.compiler.reading.foreign_names import length_here

_LONE = re.compile(r"\{\{\s*[\w.\[\]'\"-]+\s*\}\}")

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


def check_types(flow: Flow) -> Iterator[Problem]:
    """Yield reads of fields that do not exist, and values of a type that does not fit."""
    for name, configuration in flow.scope.configurations.items():
        for use in uses_in(configuration):
            source = source_of(flow, use.reference.path)
            found = schema_at(source.schema, source.path) if source is not None else None
            if source is not None and found == ABSENT and not use.reference.optional:
                yield from _unknown_field(use, source)
            elif isinstance(found, dict):
                yield from _check_fit(flow, name, use, found)


def _unknown_field(use: Use, source: SchemaSource) -> Iterator[Problem]:
    schema, path = source.schema, source.path
    depth = next(n for n in range(1, len(path) + 1) if schema_at(schema, path[:n]) == ABSENT)
    if isinstance(path[depth - 1], int) and "[" not in use.slot.source:
        # A `for` over what is no list, which check_operands reports.
        return
    around = schema_at(schema, path[: depth - 1])
    known = names_in(around) if isinstance(around, dict) else []
    message = f"{use.text!r} reads {str(path[depth - 1])!r}, which {source.owner} does not have."
    hint = did_you_mean(str(path[depth - 1]), known) if known else None
    hint = hint or length_here(use.text, path)
    yield Problem("unknown-field", message, use.slot.at, hint)


def _check_fit(flow: Flow, name: str, use: Use, schema: Schema) -> Iterator[Problem]:
    given = types_of(schema)
    if given is None or use.slot.role is not None or not _LONE.fullmatch(use.slot.source):
        return
    wanted = _wanted(flow.scope, name, use)
    if wanted is not None and not given & frozenset().union(*(_TAKEN[w] for w in wanted)):
        message = f"{use.text!r} is {_either(given)}, but {_either(wanted)} is required here."
        yield Problem("type-mismatch", message, use.slot.at, _conversion(use.text, given, wanted))


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


def _wanted(scope: Scope, name: str, use: Use) -> frozenset[str] | None:
    """Return the types that fit where a reference is used; None if every type does."""
    kind, path = scope.types[name], use.slot.path
    inner = scope.inside(name) if kind.is_isolated else None
    if inner is not None and path[:1] == ("input",) and len(path) > 1:
        return types_of(schema_at(inner.workflow.input, path[1:]))
    whole = kind.model_json_schema()
    return _types_in(_resolved(whole, whole, path))


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


def _either(types: frozenset[str]) -> str:
    return " or ".join(_WORDS.get(name, f"a {name}") for name in sorted(types))
