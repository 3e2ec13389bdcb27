"""Translates the schemas of OpenAPI 3.0 into JSON Schema, from which that version differs."""

from collections.abc import Mapping
from typing import Any

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.schemas.vocabulary import ONE_SCHEMA, SCHEMA_LISTS, SCHEMA_MAPS

# What OpenAPI 3.0 adds to a schema, and JSON Schema does not know.
_LEFT_OUT = frozenset({"nullable", "example", "discriminator", "xml", "externalDocs"})
_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def as_json_schema(schema: Any) -> Any:
    """Return a schema of OpenAPI 3.0, in which no references are left, as JSON Schema.

    >>> age = {"type": "integer", "nullable": True, "minimum": 0, "exclusiveMinimum": True}
    >>> as_json_schema(age)
    {'type': ['integer', 'null'], 'exclusiveMinimum': 0}
    """
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _LEFT_OUT}
    found = {key: _translated(key, value) for key, value in _with_bounds(kept).items()}
    return _or_null(found) if schema.get("nullable") is True else found


def _translated(keyword: str, value: Any) -> Any:
    """Return the value of a keyword with the schemas in it translated."""
    if keyword in ONE_SCHEMA:
        return as_json_schema(value)
    if keyword in SCHEMA_LISTS and isinstance(value, list):
        return [as_json_schema(each) for each in value]
    if keyword in SCHEMA_MAPS and isinstance(value, dict):
        return {name: as_json_schema(each) for name, each in value.items()}
    return value


def _with_bounds(schema: Mapping[str, Any]) -> Schema:
    """Return a schema whose exclusive bounds are numbers: in OpenAPI 3.0 they are true or false."""
    found = dict(schema)
    for exclusive, bound in _BOUNDS.items():
        if isinstance(found.get(exclusive), bool) and found.pop(exclusive) and bound in found:
            found[exclusive] = found.pop(bound)
    return found


def _or_null(schema: Schema) -> Schema:
    """Return a schema that null fits, too; one of several schemas gets null beside them."""
    kind = schema.get("type")
    if isinstance(kind, str):
        options = schema.get("enum")
        null = [None] if isinstance(options, list) and None not in options else []
        more = {"enum": [*options, *null]} if isinstance(options, list) else {}
        return {**schema, "type": list(dict.fromkeys((kind, "null"))), **more}
    if schema.keys() & SCHEMA_LISTS:
        return {"anyOf": [schema, {"type": "null"}]}
    # Without a type, null fits unless the schema lists its values.
    return schema
