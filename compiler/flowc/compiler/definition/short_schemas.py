"""Schemas of values: JSON Schema, and a short form such as `{message: string, tags: [string]}`."""

from typing import Any

from flowc.compiler.diagnostics import Pointer

Schema = dict[str, Any]

_TYPES = {
    "string", "number", "integer", "boolean", "object", "array", "null",
}  # fmt: skip
_MARKS = {"$schema", "$ref", "properties", "anyOf", "oneOf", "allOf", "enum", "const"}


class BadSchema(ValueError):
    """The schema is neither JSON Schema nor the short form."""


def to_json_schema(form: Any) -> Schema:
    """Return the JSON Schema of a short form; a JSON Schema is checked and returned as it is.

    The short form is a type name (`string`; `string?` for a field that may be missing), a list with
    the type of its items, or a mapping from field names to short forms.

    >>> to_json_schema({"message": "string", "tags": ["string"]})["properties"]
    {'message': {'type': 'string'}, 'tags': {'type': 'array', 'items': {'type': 'string'}}}
    >>> to_json_schema({"message": "string", "note": "string?"})["required"]
    ['message']
    >>> to_json_schema({"type": "object"})
    {'type': 'object'}
    """
    if isinstance(form, str):
        return _of_type_name(form)
    if isinstance(form, list):
        if len(form) != 1:
            raise BadSchema("a list in a short schema must hold one type, that of its items")
        return {"type": "array", "items": to_json_schema(form[0])}
    if not isinstance(form, dict):
        raise BadSchema("a schema must be a mapping, a list of one type, or a type name")
    if _is_json_schema(form):
        return _checked(form)
    return _of_fields(form)


def problems_of(value: Any, schema: Schema) -> list[tuple[Pointer, str]]:
    """Return the path and the reason of each misfit, at most 20; `$ref` is never fetched.

    >>> problems_of({"n": "one"}, to_json_schema({"n": "number"}))
    [(('n',), "'one' is not of type 'number'")]
    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow, and few definitions have schemas
    from referencing import Registry  # noqa: PLC0415 - see above

    validator = Draft202012Validator(schema, registry=Registry())
    errors = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))
    return [(tuple(error.absolute_path), error.message[:300]) for error in errors[:20]]


def _of_type_name(name: str) -> Schema:
    bare = name.removesuffix("?")
    if bare == "any":
        return {}
    if bare not in _TYPES:
        known = ", ".join(sorted(_TYPES))
        raise BadSchema(f"{name[:40]!r} is not a type; use {known} or any")
    return {"type": bare}


def _of_fields(fields: dict[str, Any]) -> Schema:
    required = [
        name for name, form in fields.items() if not (isinstance(form, str) and form.endswith("?"))
    ]
    properties = {name: to_json_schema(form) for name, form in fields.items()}
    return {"type": "object", "properties": properties, "required": required}


def _is_json_schema(form: dict[str, Any]) -> bool:
    if _MARKS & form.keys():
        return True
    kind = form.get("type")
    types = kind if isinstance(kind, list) else [kind]
    return all(isinstance(name, str) and name in _TYPES for name in types) and (
        "items" in form or "description" in form or len(form) == 1 or not _all_short(form)
    )


def _all_short(form: dict[str, Any]) -> bool:
    """Return whether every value could be a short form, so that `type` is only a field's name."""
    try:
        for value in form.values():
            to_json_schema(value)
    except BadSchema:
        return False
    return True


def _checked(schema: Schema) -> Schema:
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - see above

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as problem:
        raise BadSchema(f"it is not a JSON Schema: {problem.message[:200]}") from None
    return schema
