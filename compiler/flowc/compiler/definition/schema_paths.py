"""Finds what a JSON Schema says about the values inside the one it describes.

A schema with `properties` is taken to name all of them, unless it has `additionalProperties`.
"""

from collections.abc import Iterable
from typing import Any, Final

from flowc.compiler.definition.short_schemas import Schema

ABSENT: Final = "absent"
_OPEN = {"$ref", "anyOf", "oneOf", "allOf", "not", "if"}
_SCALARS = {"string", "number", "integer", "boolean", "null"}


def schema_at(schema: Schema | None, path: Iterable[str | int]) -> Schema | str | None:
    """Return the schema of the value at a path, ABSENT if there can be none, None if unknown.

    >>> lines = {"type": "array", "items": {"type": "number"}}
    >>> order = {"type": "object", "properties": {"lines": lines}}
    >>> schema_at(order, ["lines", 0])
    {'type': 'number'}
    >>> schema_at(order, ["total"])
    'absent'
    >>> schema_at({"type": "object"}, ["total"]) is None
    True
    """
    found: Schema | str | None = schema
    for step in path:
        if not isinstance(found, dict):
            return found
        found = _below(found, step)
    return found


def types_of(schema: Schema | str | None) -> frozenset[str] | None:
    """Return the JSON types that a value can have, or None if it can have any.

    >>> sorted(types_of({"enum": ["low", None]}))
    ['null', 'string']
    """
    if not isinstance(schema, dict) or _OPEN & schema.keys():
        return None
    types = _named_types(schema)
    # As OpenAPI 3.0 writes what may be null.
    return types | {"null"} if types is not None and schema.get("nullable") is True else types


def _named_types(schema: Schema) -> frozenset[str] | None:
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return frozenset(map(type_of, values)) if isinstance(values, list) else None
    kind = schema.get("type")
    if isinstance(kind, str):
        return frozenset({kind})
    return frozenset(kind) if isinstance(kind, list) else None


def type_of(value: Any) -> str:
    """Return the JSON type of a value.

    >>> type_of(True), type_of(1), type_of(1.5), type_of([])
    ('boolean', 'integer', 'number', 'array')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    kinds = {float: "number", str: "string", list: "array", dict: "object"}
    return kinds[type(value)]


def names_in(schema: Schema | None) -> list[str]:
    """Return the names of the fields in a schema, sorted."""
    properties = (schema or {}).get("properties")
    return sorted(properties) if isinstance(properties, dict) else []


def _below(schema: Schema, step: str | int) -> Schema | str | None:
    types = types_of(schema)
    if types is None or "prefixItems" in schema:
        return None
    if isinstance(step, int) and "string" in types:
        # A character of the text.
        return {"type": "string"} if types <= {"string", "null"} else None
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
