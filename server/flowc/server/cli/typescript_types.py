"""Describes what the API takes and answers as TypeScript, for the pages in `server/ui`."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowc.server.app import create_app
from flowc.server.settings import Settings

_HEAD = "// Generated from the code by `make docs`.\n"
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_SIMPLE = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def typescript_types() -> str:
    """Return the text of a module with a type for each schema that the API describes."""
    schemas = create_app(Settings()).openapi()["components"]["schemas"]
    return "\n".join([_HEAD, *_declarations(schemas)]) + "\n"


def _declarations(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        yield from _comment(schema, "")
        yield f"export type {name} = {type_of(schema)};\n"


def type_of(schema: Any, indent: str = "") -> str:
    """Return a JSON Schema as a TypeScript type.

    >>> type_of({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]})
    'string[] | null'
    >>> type_of({"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Run"}})
    'Record<string, Run>'
    """
    if not isinstance(schema, dict):
        return "unknown"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " | ".join(dict.fromkeys(type_of(each, indent) for each in schema[word]))
    return _type_by_name(schema, indent)


def _type_by_name(schema: Mapping[str, Any], indent: str) -> str:
    kind = schema.get("type")
    if kind == "array":
        item = type_of(schema.get("items"), indent)
        return f"({item})[]" if " " in item and not item.startswith("{") else f"{item}[]"
    if kind == "object" and schema.get("properties"):
        return _object(schema, indent)
    if kind == "object":
        return f"Record<string, {type_of(schema.get('additionalProperties'), indent)}>"
    return _SIMPLE.get(str(kind), "unknown")


def _object(schema: Mapping[str, Any], indent: str) -> str:
    inner, required = indent + "  ", schema.get("required", ())
    lines = ["{"]
    for name, value in schema["properties"].items():
        lines += _comment(value, inner)
        key = name if _IDENTIFIER.fullmatch(name) else json.dumps(name)
        mark = "" if name in required else "?"
        lines.append(f"{inner}{key}{mark}: {type_of(value, inner)};")
    return "\n".join([*lines, indent + "}"])


def _comment(schema: Any, indent: str) -> Iterator[str]:
    text = schema.get("description") if isinstance(schema, dict) else None
    if text:
        yield f"{indent}/** {' '.join(text.split()).replace('*/', '')} */"
