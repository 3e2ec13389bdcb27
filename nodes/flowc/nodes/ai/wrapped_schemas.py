"""Schemas of any values as schemas of objects: many providers accept no others at their root."""

from collections.abc import Mapping
from typing import Any

from flowc.compiler.definition.schema_paths import types_of
from flowc.compiler.definition.short_schemas import Schema

# References to places in these stay as they are when the rest of a schema moves.
_SHARED = ("$defs", "definitions")


def name_of_wrapper(schema: Schema) -> str | None:
    """Return the field that the value is put in; None if the value is always an object.

    >>> name_of_wrapper({"type": "array"}), name_of_wrapper({"enum": ["a", "b"]})
    ('items', 'value')
    >>> name_of_wrapper({"properties": {}}) is None
    True
    """
    root = root_of(schema)
    types = types_of(root)
    if types == frozenset({"object"}) or (types is None and "properties" in root):
        return None
    return "items" if types == frozenset({"array"}) else "value"


def root_of(schema: Schema) -> Schema:
    """Return the schema that one refers to at its root, as far as that is a place in it."""
    found: Any = schema
    for _ in range(10):
        place = found.get("$ref")
        if not isinstance(place, str) or not place.startswith("#/"):
            break
        target = _at(schema, place)
        if target is None:
            break
        found = target
    return dict(found)


def _at(schema: Any, place: str) -> Schema | None:
    for step in place.removeprefix("#/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        schema = schema.get(key) if isinstance(schema, dict) else None
    return schema if isinstance(schema, dict) else None


def as_object(schema: Schema) -> Schema:
    """Return a schema of an object, with the value in a field if it need not be one."""
    plain = {name: value for name, value in schema.items() if name != "$comment"}
    name, shared = name_of_wrapper(schema), {k: v for k, v in plain.items() if k in _SHARED}
    if name is None:
        # A reference at the root is refused, too.
        return plain if "$ref" not in plain else {**root_of(plain), **shared}
    inner = {key: value for key, value in plain.items() if key not in _SHARED}
    moved = {"type": "object", "properties": {name: _moved(inner, name)}, "required": [name]}
    return {**moved, "additionalProperties": False, **shared}


def _moved(value: Any, name: str) -> Any:
    """Return a part of a schema with references to what is now in a field of the root."""
    if isinstance(value, list):
        return [_moved(each, name) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: _place(each, name) if key == "$ref" else _moved(each, name)
            for key, each in value.items()}  # fmt: skip


def _place(place: Any, name: str) -> Any:
    if not isinstance(place, str) or not place.startswith("#"):
        return place
    if place.startswith(tuple(f"#/{each}/" for each in _SHARED)):
        return place
    return f"#/properties/{name}{place[1:]}"


def fields_in(schema: Schema) -> Mapping[str, Any]:
    """Return the schemas of an answer's fields: those of an object, or `data` for other values."""
    if not schema:
        return {}
    if name_of_wrapper(schema) is None:
        properties = root_of(schema).get("properties")
        return properties if isinstance(properties, dict) else {}
    options = [option for name in ("anyOf", "oneOf") for option in root_of(schema).get(name, ())]
    fields: dict[str, Any] = {name: {} for each in options for name in _properties(schema, each)}
    shared = {name: schema[name] for name in _SHARED if name in schema}
    root = root_of(schema)
    return {**fields, "data": root if not shared else {**root, **shared}}


def _properties(schema: Schema, option: Any) -> Mapping[str, Any]:
    found = root_of({**schema, **option}) if isinstance(option, dict) else {}
    properties = found.get("properties")
    return properties if isinstance(properties, dict) else {}
