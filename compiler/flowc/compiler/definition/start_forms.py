"""Forms that ask for the input of a workflow: their fields become a JSON Schema.

A form is a list of fields, or a mapping of names to fields, that have a `type` or `widget`, a
`title`, a `default` and so on. The short form of a schema and JSON Schema itself stay what they
are.
"""

from collections.abc import Mapping
from typing import Any

from flowc.compiler.definition.short_schemas import Schema, problems_of, to_json_schema
from flowc.compiler.diagnostics import Pointer
from flowc.compiler.schemas.refusals import BadSchema
from flowc.compiler.schemas.vocabulary import TYPES

_TEXT: Schema = {"type": "string"}
_FILE: Schema = {"type": "string", "format": "file"}


def _many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


# What people call the kinds of fields, in lower case without -, _ and blanks.
_WORDS: tuple[tuple[Schema, tuple[str, ...]], ...] = (
    (_TEXT, ("text", "string", "textinput", "shorttext", "input", "line")),
    ({**_TEXT, "format": "textarea"}, ("paragraph", "textarea", "longtext", "multiline")),
    (_TEXT, ("select", "dropdown", "radio", "enum", "choice", "options")),
    (_many(_TEXT), ("multiselect", "checkboxes", "tags", "multichoice")),
    ({"type": "number"}, ("number", "float", "decimal", "slider", "range")),
    ({"type": "integer"}, ("integer", "int")),
    ({"type": "boolean"}, ("boolean", "bool", "checkbox", "toggle", "switch")),
    ({**_TEXT, "format": "date"}, ("date",)),
    ({**_TEXT, "format": "date-time"}, ("datetime", "timestamp")),
    ({**_TEXT, "format": "time"}, ("time",)),
    ({**_TEXT, "format": "email"}, ("email",)),
    ({**_TEXT, "format": "uri"}, ("url", "uri", "link")),
    ({**_TEXT, "format": "password"}, ("password", "secret")),
    (_FILE, ("file", "upload", "image", "audio", "document")),
    (_many(_FILE), ("files", "filelist", "uploads", "images")),
    ({"type": "object"}, ("object", "json")),
    ({"type": "array"}, ("array", "list")),
)
_KINDS: Mapping[str, Schema] = {word: schema for schema, words in _WORDS for word in words}
_NAME = ("name", "variable", "id", "key", "fieldName")
_KIND = ("widget", "type", "fieldType")
_TITLE = ("title", "label", "displayName", "fieldLabel")
_DEFAULT = ("default", "defaults", "defaultValue", "default_value")
_CHOICES = ("options", "choices", "enum", "values", "fieldOptions")
# Keys of a field, and the keywords of JSON Schema that they are.
_KEYWORDS: Mapping[str, str] = {
    **dict.fromkeys(("description", "hint", "help"), "description"),
    **dict.fromkeys(("min", "minimum"), "minimum"),
    **dict.fromkeys(("max", "maximum"), "maximum"),
    **dict.fromkeys(("min_length", "minLength"), "minLength"),
    **dict.fromkeys(("max_length", "maxLength"), "maxLength"),
    **dict.fromkeys(("pattern", "format", "items", "properties", "examples", "multipleOf"), ""),
    **dict.fromkeys(
        ("minItems", "maxItems", "const", "anyOf", "oneOf", "additionalProperties"), ""
    ),
}
_FLAGS = frozenset({"required", "requiredField", "optional", "multiple"})
_KNOWN = frozenset(
    (*_NAME, *_KIND, *_TITLE, *_DEFAULT, *_CHOICES, *_KEYWORDS, *_FLAGS, "placeholder")
)
# These make a mapping of names to fields a form: JSON Schema has none of them.
_TELLING = frozenset((*_KIND, *_TITLE, *_DEFAULT, *_CHOICES, *_FLAGS, "placeholder")) - {"type"}
_WHOLE = frozenset({"$schema", "$ref", "properties", "anyOf", "oneOf", "allOf", "enum", "const"})


def form_schema(given: Any) -> Any:
    """Return the JSON Schema of a form; what is none is returned as it is. Raise BadSchema.

    >>> form_schema([{"name": "city", "type": "select", "options": ["Rome", "Oslo"]}])["properties"]
    {'city': {'type': 'string', 'enum': ['Rome', 'Oslo']}}
    >>> form_schema({"city": {"type": "string", "title": "City", "default": "Rome"}})["required"]
    []
    >>> form_schema({"city": "string"})
    {'city': 'string'}
    """
    if isinstance(given, list) and given and all(isinstance(each, dict) for each in given):
        return _schema(
            [(_name_of(each, place), each, (place,)) for place, each in enumerate(given)]
        )
    if isinstance(given, dict) and _is_form(given):
        return _schema([(name, each, (name,)) for name, each in given.items()], is_listed=False)
    return given


def with_defaults(given: Mapping[str, Any], schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an input with the defaults of what it leaves out.

    >>> with_defaults({"a": 1}, {"properties": {"a": {"default": 0}, "b": {"default": 2}}})
    {'a': 1, 'b': 2}
    """
    found = dict(given)
    properties = (schema or {}).get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        if not isinstance(inner, dict):
            continue
        if name not in found and "default" in inner:
            found[name] = inner["default"]
        elif isinstance(found.get(name), dict):
            found[name] = with_defaults(found[name], inner)
    return found


def _is_form(given: Mapping[str, Any]) -> bool:
    if _WHOLE & given.keys() or isinstance(given.get("type"), list) or given.get("type") in TYPES:
        return False
    fields = [each for each in given.values() if isinstance(each, dict)]
    return any(_is_field(each) for each in fields)


def _is_field(each: Mapping[str, Any]) -> bool:
    kind = each.get("type")
    is_named = isinstance(kind, str) and _letters(kind) in _KINDS
    # `{type: string, title: string}` may be an object with two fields.
    said = {key for key in _TELLING & each.keys() if not _is_type_name(each[key])}
    is_titled = any(isinstance(each[key], str) for key in said & set(_TITLE))
    is_said = bool(said - {"enum"}) and (is_named or "widget" in each or is_titled)
    return is_said or (is_named and kind not in TYPES)


def _is_type_name(value: Any) -> bool:
    return isinstance(value, str) and value.removesuffix("?") in TYPES | {"any"}


def _schema(fields: list[tuple[str, Any, Pointer]], *, is_listed: bool = True) -> Schema:
    properties: Schema = {}
    required: list[str] = []
    for name, each, at in fields:
        if name in properties:
            raise BadSchema(f"two fields are called {name[:40]!r}", path=at)
        if not is_listed and not (isinstance(each, dict) and _is_field({"label": "", **each})):
            properties[name] = each
            is_optional = isinstance(each, str) and each.endswith("?")
            properties[name] = each.removesuffix("?") if isinstance(each, str) else each
        else:
            properties[name], is_optional = _field(each, at)
        required += [] if is_optional else [name]
    return {"type": "object", "properties": _long(properties), "required": required}


def _long(properties: Schema) -> Schema:
    """Return properties with the names of types as schemas."""
    return {
        name: ({} if each == "any" else {"type": each}) if isinstance(each, str) else each
        for name, each in properties.items()
    }


def _field(each: dict[str, Any], at: Pointer) -> tuple[Schema, bool]:
    """Return the schema of a field, and whether it can be left out."""
    _require_known(each, at)
    schema = dict(_kind_of(each, at))
    if each.get("type") in TYPES and "widget" in each and schema["type"] == "string":
        schema["type"] = each["type"]
    choices = _first(each, _CHOICES)
    if choices is not None:
        schema = _with_choices(schema, choices, each, at)
    if _first(each, _TITLE) is not None:
        schema["title"] = _first(each, _TITLE)
    schema |= {
        word or key: each[key] for key, word in _KEYWORDS.items() if each.get(key) is not None
    }
    if each.get("placeholder"):
        schema["examples"] = [each["placeholder"]]
    default = _first(each, _DEFAULT)
    if default is not None and default != "":
        schema["default"] = default
        _require_default(schema, at)
    is_needed = each.get("required", each.get("requiredField", not each.get("optional", False)))
    return schema, "default" in schema or is_needed is False


def _require_default(schema: Schema, at: Pointer) -> None:
    """Raise BadSchema for a default that is not a value of its field."""
    try:
        found = problems_of(schema["default"], to_json_schema(schema))
    except BadSchema:
        # The whole schema is looked at later.
        return
    for _, sentence in found:
        hint = "Write a default of the field's type, or one of its options."
        raise BadSchema(f"the default does not fit: {sentence}", path=(*at, "default"), hint=hint)


def _require_known(each: dict[str, Any], at: Pointer) -> None:
    for key in each:
        if key not in _KNOWN:
            hint = "Fields have type, title, description, default, required, options, min, max."
            raise BadSchema(f"a field of a form has no {key[:40]!r}", path=(*at, key), hint=hint)


def _kind_of(each: dict[str, Any], at: Pointer) -> Schema:
    kind = str(_first(each, _KIND) or "text")
    found = _KINDS.get(_letters(kind))
    if found is None:
        hint = "Write text, paragraph, select, number, boolean, date, file or files."
        raise BadSchema(f"there is no kind of field {kind[:40]!r}", path=(*at, "type"), hint=hint)
    return found


def _with_choices(schema: Schema, choices: Any, each: Any, at: Any) -> Schema:
    """Return the schema of a choice, or of several."""
    if isinstance(choices, dict):
        choices = choices.get("values", list(choices))
    if not isinstance(choices, list) or not choices:
        raise BadSchema("the options of a field are a list", path=at)
    values = [c.get("value", c.get("option")) if isinstance(c, dict) else c for c in choices]
    if schema["type"] == "array":
        return {"type": "array", "items": {"enum": values}, "uniqueItems": True}
    own = {key: value for key, value in schema.items() if key != "format"}
    if not all(isinstance(value, str) for value in values):
        del own["type"]
    chosen = {**own, "enum": values}
    return {**_many(chosen), "uniqueItems": True} if each.get("multiple") else chosen


def _name_of(each: dict[str, Any], place: int) -> str:
    name = _first(each, _NAME)
    if name is None:
        label = _first(each, _TITLE)
        name = "_".join(str(label).lower().split()) if label else None
    if not isinstance(name, str) or not name:
        raise BadSchema("a field of a form needs a `name`", path=(place,))
    return name


def _first(each: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((each[key] for key in keys if each.get(key) is not None), None)


def _letters(kind: str) -> str:
    return kind.lower().replace("-", "").replace("_", "").replace(" ", "")
