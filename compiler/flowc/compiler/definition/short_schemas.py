"""Schemas of values: JSON Schema, and a short form such as `{message: string, tags: [string]}`."""

from functools import lru_cache
from typing import Any

from flowc.compiler.schemas.fitting import Schema, find_problems, problems_of
from flowc.compiler.schemas.refusals import BadSchema, TooCostly
from flowc.compiler.schemas.scope import SameObject
from flowc.compiler.schemas.soundness import require_sound
from flowc.compiler.schemas.vocabulary import TYPES

__all__ = ["BadSchema", "Schema", "TooCostly", "find_problems", "problems_of", "to_json_schema"]

_MARKS = {
    "$schema", "$ref", "$defs", "properties", "additionalProperties", "patternProperties",
    "anyOf", "oneOf", "allOf", "enum", "const",
}  # fmt: skip


def to_json_schema(form: Any) -> Schema:
    """Return the JSON Schema of a short form; raise BadSchema unless it is sound.

    A JSON Schema is returned as it is.

    The short form is a type name (`string`; `string?` for a field that may be missing), a list with
    the type of its items, or a mapping from field names to short forms.

    >>> to_json_schema({"message": "string", "tags": ["string"]})["properties"]
    {'message': {'type': 'string'}, 'tags': {'type': 'array', 'items': {'type': 'string'}}}
    >>> to_json_schema({"message": "string", "note": "string?"})["required"]
    ['message']
    >>> to_json_schema({"type": "object"})
    {'type': 'object'}
    """
    return _converted(SameObject(form)) if isinstance(form, dict) else _sound(form)


# Nodes read their configuration at each run, and the form in it is the same object each time.
@lru_cache(128)
def _converted(form: SameObject) -> Schema:
    return _sound(form.it)


def _sound(form: Any) -> Schema:
    schema = _Conversion().schema_of(form)
    require_sound(schema)
    return schema


class _Conversion:
    """One conversion of a form with the forms in it; each is converted once."""

    def __init__(self) -> None:
        self._known: dict[int, Schema | BadSchema] = {}

    def schema_of(self, form: Any) -> Schema:
        """Return the JSON Schema of a form; raise BadSchema."""
        if isinstance(form, str):
            return _of_type_name(form)
        if id(form) not in self._known:
            try:
                self._known[id(form)] = self._converted(form)
            except BadSchema as problem:
                self._known[id(form)] = problem
        found = self._known[id(form)]
        if isinstance(found, BadSchema):
            raise found
        return found

    def _converted(self, form: Any) -> Schema:
        if isinstance(form, list):
            if len(form) != 1:
                raise BadSchema("a list in a short schema must hold one type, that of its items")
            return {"type": "array", "items": self.schema_of(form[0])}
        if not isinstance(form, dict):
            raise BadSchema("a schema must be a mapping, a list of one type, or a type name")
        return form if self._is_json_schema(form) else self._of_fields(form)

    def _is_json_schema(self, form: dict[str, Any]) -> bool:
        if _MARKS & form.keys():
            return True
        kind = form.get("type")
        types = kind if isinstance(kind, list) else [kind]
        return all(isinstance(name, str) and name in TYPES for name in types) and (
            "items" in form
            or "description" in form
            or len(form) == 1
            or not self._is_all_short(form)
        )

    def _is_all_short(self, form: dict[str, Any]) -> bool:
        """Return whether every value could be a short form, so that `type` is a field's name."""
        try:
            for value in form.values():
                self.schema_of(value)
        except BadSchema:
            return False
        return True

    def _of_fields(self, fields: dict[str, Any]) -> Schema:
        required = [
            name
            for name, form in fields.items()
            if not (isinstance(form, str) and form.endswith("?"))
        ]
        properties = {name: self.schema_of(form) for name, form in fields.items()}
        return {"type": "object", "properties": properties, "required": required}


def _of_type_name(name: str) -> Schema:
    bare = name.removesuffix("?")
    if bare == "any":
        return {}
    if bare not in TYPES:
        known = ", ".join(sorted(TYPES))
        raise BadSchema(f"{name[:40]!r} is not a type; use {known} or any")
    return {"type": bare}
