"""How an operation of an OpenAPI document takes its body: JSON, a form, parts, a file, a text."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from flowc.compiler.definition.short_schemas import Schema
from flowc.nodes.services.calls.bodies import BodyType
from flowc.nodes.services.calls.media_types import FORM, MULTIPART, essence, is_json, is_text

# An uploaded file among the arguments: its id, or what an `http` node outputs of it.
_UPLOAD: Schema = {
    "anyOf": [{"type": "string"}, {"type": "object", "required": ["file"]}],
    "description": "The id of an uploaded file.",
}


class BodyForm(NamedTuple):
    """How a body is sent, its media type if it is one for texts or files, and its schema."""

    body_type: BodyType
    media_type: str | None
    schema: Schema


def body_form(content: Mapping[str, Schema]) -> BodyForm | None:
    """Return the form of a body with these schemas by media type; None if none can be sent.

    >>> body_form({"multipart/form-data": {}, "application/json": {"type": "object"}}).body_type
    'json'
    """
    found = {essence(media): schema for media, schema in content.items()}
    for media, schema in found.items():
        if is_json(media) or media == "*/*":
            return BodyForm("json", None if media == "*/*" else media, schema)
    if FORM in found:
        return BodyForm("form", None, found[FORM])
    if MULTIPART in found:
        return BodyForm("multipart", None, _with_uploads(found[MULTIPART]))
    for media, schema in found.items():
        if is_text(media) and "*" not in media:
            return BodyForm("text", media, schema)
    for media in found:
        return BodyForm("file", None if "*" in media else media, _UPLOAD)
    return None


def as_files(body: Any, schema: Schema) -> Any:
    """Return the fields of a body of parts with the uploads among them as files.

    >>> as_files({"doc": "f3a", "n": 1}, {"properties": {"doc": _UPLOAD}})
    {'doc': {'file': 'f3a'}, 'n': 1}
    """
    if not isinstance(body, Mapping):
        return body
    properties = schema.get("properties", {})
    return {name: _as_file(value, properties.get(name)) for name, value in body.items()}


def _as_file(value: Any, schema: Any) -> Any:
    if isinstance(value, list) and isinstance(schema, dict):
        return [_as_file(item, schema.get("items")) for item in value]
    return {"file": value} if schema == _UPLOAD and isinstance(value, str) else value


def _with_uploads(schema: Schema) -> Schema:
    """Return the schema of parts with the binary ones as uploads."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    return {**schema, "properties": {name: _upload(each) for name, each in properties.items()}}


def _upload(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "array":
        return {**schema, "items": _upload(schema.get("items", {}))}
    is_typed = "contentMediaType" in schema and schema.get("contentEncoding") is None
    return dict(_UPLOAD) if schema.get("format") == "binary" or is_typed else schema
