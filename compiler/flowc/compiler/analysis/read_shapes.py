"""The schemas of values that are known only by what is read of them."""

from collections.abc import Iterable, Mapping
from typing import Any

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions import Reference

ReadPath = tuple[str | int, ...]
ReadFields = dict[ReadPath, list[Reference]]

# Of several types that are certain, and of several that are probable, the first one counts.
_CERTAIN = ("array", "object", "string", "number", "integer", "boolean")
_PROBABLE = ("string?", "array?", "number?", "boolean?")


def fields_of(references: Iterable[Reference]) -> ReadFields:
    """Return references to fields of one name by the paths within it."""
    fields: ReadFields = {}
    for reference in references:
        if len(reference.path) > 1 and isinstance(reference.path[1], str):
            fields.setdefault(reference.path[1:], []).append(reference)
    return fields


def properties_for(fields: ReadFields) -> dict[str, Schema]:
    """Return schemas for paths: `a.b` makes `a` an object, `a[0]` makes it a list."""
    properties: dict[str, Schema] = {}
    heads = dict.fromkeys(path[0] for path in fields)
    for head in heads:
        below = {path[1:]: uses for path, uses in fields.items() if path[0] == head}
        properties[str(head)] = _schema(below)
    return properties


def _schema(below: Mapping[ReadPath, list[Reference]]) -> Schema:
    deeper = {path: uses for path, uses in below.items() if path}
    if not deeper:
        return _leaf(below[()])
    if all(isinstance(path[0], int) for path in deeper):
        items: dict[ReadPath, list[Reference]] = {}
        for path, uses in deeper.items():
            items.setdefault(path[1:], []).extend(uses)
        return {"type": "array", "items": _schema(items)}
    named = {path: uses for path, uses in deeper.items() if isinstance(path[0], str)}
    properties = properties_for(named)
    return {"type": "object", "properties": properties, "required": list(properties)}


def _leaf(uses: list[Reference]) -> Schema:
    schema: Schema = {"type": _type_of(uses)}
    literals = [value for use in uses for value in use.literals if value is not None]
    if schema["type"] == "string" and literals:
        schema["examples"] = list(dict.fromkeys(literals))
    return schema


def _type_of(uses: list[Reference]) -> str:
    found = {use.used_as for use in uses}
    known = [kind for kind in (*_CERTAIN, *_PROBABLE) if kind in found]
    return known[0].removesuffix("?") if known else "string"


def in_short(schema: Schema) -> Any:
    """Return a schema in the short form, as an author would write it.

    >>> number = {"type": "number"}
    >>> item = {"type": "object", "properties": {"price": number, "name": {"type": "string"}}}
    >>> in_short({"type": "array", "items": item})
    '[{price: number, name: string}]'
    """
    kind = schema.get("type", "any")
    if kind == "array":
        return f"[{in_short(schema.get('items', {}))}]"
    if kind == "object" and schema.get("properties"):
        fields = schema["properties"].items()
        return f"{{{', '.join(f'{name}: {in_short(inner)}' for name, inner in fields)}}}"
    return str(kind)
