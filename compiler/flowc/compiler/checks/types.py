"""Do references read fields that are there, and values that fit where they are used?"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.references import Use, node_path, uses_in
from flowc.compiler.definition.schema_paths import ABSENT, names_in, schema_at, type_of, types_of
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.diagnostics import Problem, did_you_mean

_LONE = re.compile(r"\{\{\s*[\w.\[\]'\"-]+\s*\}\}")

# What pydantic makes of a value where a field wants another type.
_TAKEN: Mapping[str, frozenset[str]] = {
    "string": frozenset({"string"}),
    "number": frozenset({"number", "integer", "string", "boolean"}),
    "integer": frozenset({"number", "integer", "string", "boolean"}),
    "boolean": frozenset({"number", "integer", "string", "boolean"}),
    "array": frozenset({"array"}),
    "object": frozenset({"object"}),
    "null": frozenset({"null"}),
}

_WORDS = {"array": "a list", "null": "nothing", "integer": "a whole number", "object": "an object"}


def check_types(draft: Draft) -> Iterator[Problem]:
    """Yield reads of fields that no output has, and values of a type that cannot be used."""
    for name, configuration in draft.configurations.items():
        for use in uses_in(configuration):
            schema, path, whose = _source(draft, use)
            found = schema_at(schema, path)
            if found == ABSENT and not use.reference.optional:
                yield _unknown_field(use, schema, path, whose)
            elif isinstance(found, dict):
                yield from _check_literals(use, found)
                yield from _check_fit(draft, name, use, found)


def _source(draft: Draft, use: Use) -> tuple[Schema | None, tuple[str | int, ...], str]:
    """Return the schema that a reference reads in, the path within it, and whose it is."""
    root, *rest = use.reference.path
    found = node_path(use.reference.path, draft.nodes)
    if found is None:
        # Whether the input itself is there is another check's question.
        known = draft.whole.workflow.input if root == "input" and rest else None
        inside = schema_at(known, rest[:1])
        return (known, tuple(rest), "the input") if isinstance(inside, dict) else (None, (), "")
    name, path = found
    holder = draft if name in draft.nodes else (draft.holder_of(name) or (None, ""))[0]
    if holder is None or path[:1] != ("output",) or not _is_known(holder, name):
        return None, (), ""
    return holder.describe_output(name), path[1:], repr(name)


def _is_known(draft: Draft, name: str) -> bool:
    """Say whether a node always gives what its type and configuration promise."""
    node, kind = draft.nodes[name], draft.types.get(name)
    if kind is None or (node.on_error != "fail" and node.error_target is None):
        return False
    return kind.with_inferred(node.config, {}) is None


def _unknown_field(
    use: Use, schema: Schema | None, path: tuple[str | int, ...], whose: str
) -> Problem:
    depth = next(n for n in range(1, len(path) + 1) if schema_at(schema, path[:n]) == ABSENT)
    round_it = schema_at(schema, path[: depth - 1])
    known = names_in(round_it) if isinstance(round_it, dict) else []
    message = f"{use.text!r} reads {str(path[depth - 1])!r}, which {whose} does not have there."
    hint = did_you_mean(str(path[depth - 1]), known) if known else None
    return Problem("unknown-field", message, use.slot.at, hint)


def _check_literals(use: Use, schema: Schema) -> Iterator[Problem]:
    """Yield the values that a reference is compared with and can never be."""
    types = types_of(schema)
    values = schema.get("enum")
    for literal in use.reference.literals:
        if literal is None or types is None:
            continue
        kind = type_of(literal)
        fits = bool(types & ({"integer", "number"} if kind in {"integer", "number"} else {kind}))
        if not fits or (isinstance(values, list) and literal not in values):
            message = f"{use.text!r} is never {literal!r}."
            known = [value for value in values or () if isinstance(value, str)]
            hint = did_you_mean(str(literal), known) if known else f"It is {_either(types)}."
            yield Problem("never-equal", message, use.slot.at, hint, "warning")


def _check_fit(draft: Draft, name: str, use: Use, schema: Schema) -> Iterator[Problem]:
    given = types_of(schema)
    if given is None or use.slot.role is not None or not _LONE.fullmatch(use.slot.source):
        return
    wanted = _wanted(draft, name, use)
    if wanted is not None and not given & frozenset().union(*(_TAKEN[w] for w in wanted)):
        message = f"{use.text!r} is {_either(given)}, where {_either(wanted)} is needed."
        yield Problem("type-mismatch", message, use.slot.at)


def _wanted(draft: Draft, name: str, use: Use) -> frozenset[str] | None:
    """Return the types that fit in the place of a reference; None if any does."""
    kind, path = draft.types[name], use.slot.path
    inner = draft.inside(name) if kind.is_isolated else None
    if inner is not None and path[:1] == ("input",) and len(path) > 1:
        return types_of(schema_at(inner.workflow.input, path[1:]))
    whole = kind.model_json_schema()
    return _types_in(_resolved(whole, whole, path))


def _resolved(whole: Schema, schema: Any, path: tuple[str | int, ...]) -> list[Schema]:
    """Return the schemas that hold at a path, where a field can be one of several things."""
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
