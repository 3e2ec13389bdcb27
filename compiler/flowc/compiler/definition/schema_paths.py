"""What does a schema say of the values below it?

A schema that names `properties` is taken to name them all, unless it says `additionalProperties`.
"""

from collections.abc import Iterable
from typing import Any, Final

from flowc.compiler.definition.short_schemas import Schema

ABSENT: Final = "absent"
_OPEN = {"$ref", "anyOf", "oneOf", "allOf", "not", "if"}
_SCALARS = {"string", "number", "integer", "boolean", "null"}


def schema_at(schema: Schema | None, path: Iterable[str | int]) -> Schema | str | None:
    """Return the schema of the value at a path, ABSENT if it cannot be there, None if unknown."""
    found: Schema | str | None = schema
    for step in path:
        if not isinstance(found, dict):
            return found
        found = _below(found, step)
    return found


def types_of(schema: Schema | str | None) -> frozenset[str] | None:
    """Return the JSON types that a value can have; None if any."""
    if not isinstance(schema, dict) or _OPEN & schema.keys():
        return None
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return frozenset(map(type_of, values)) if isinstance(values, list) else None
    kind = schema.get("type")
    if isinstance(kind, str):
        return frozenset({kind})
    return frozenset(kind) if isinstance(kind, list) else None


def type_of(value: Any) -> str:
    """Return the JSON type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    kinds = {float: "number", str: "string", list: "array", dict: "object"}
    return kinds[type(value)]


def names_in(schema: Schema | None) -> list[str]:
    """Return the fields that a schema names."""
    properties = (schema or {}).get("properties")
    return sorted(properties) if isinstance(properties, dict) else []


def _below(schema: Schema, step: str | int) -> Schema | str | None:
    types = types_of(schema)
    if types is None:
        return None
    if types <= _SCALARS and types - {"null"}:
        return ABSENT
    if isinstance(step, int):
        return _as_schema(schema.get("items")) if "array" in types else None
    if types == {"array"}:
        return ABSENT
    return _property(schema, step)


def _property(schema: Schema, name: str) -> Schema | str | None:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or "patternProperties" in schema:
        return None
    if name in properties:
        return _as_schema(properties[name])
    others = schema.get("additionalProperties", False)
    return _as_schema(others) if others else ABSENT


def _as_schema(value: Any) -> Schema | None:
    return value if isinstance(value, dict) else None
