"""The keywords of JSON Schema 2020-12, and what each of them takes."""

from collections.abc import Callable, Mapping
from typing import Any

TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})

# These take a schema, a list of schemas, or an object with a schema for each name.
ONE_SCHEMA = frozenset({
    "additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else",
    "unevaluatedItems", "unevaluatedProperties", "contentSchema",
})  # fmt: skip
SCHEMA_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
SCHEMA_MAPS = frozenset({
    "properties", "patternProperties", "dependentSchemas", "$defs", "definitions",
})  # fmt: skip
REFERENCES = ("$ref", "$dynamicRef")
# The schemas under these are for the value itself, not for what is in it.
IN_PLACE = frozenset({
    "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", *REFERENCES,
})  # fmt: skip
# Of these, the value is held against every schema if it fits the whole.
ALWAYS_IN_PLACE = frozenset({"allOf", "oneOf", "not", "if", *REFERENCES})


def _is_count(given: Any) -> bool:
    is_whole = isinstance(given, int) or (isinstance(given, float) and given.is_integer())
    return is_whole and not isinstance(given, bool) and given >= 0


def _is_number(given: Any) -> bool:
    return isinstance(given, (int, float)) and not isinstance(given, bool)


def _are_names(given: Any) -> bool:
    is_list = isinstance(given, list) and all(isinstance(name, str) for name in given)
    return is_list and len(set(given)) == len(given)


def _are_types(given: Any) -> bool:
    names = [given] if isinstance(given, str) else given
    return _are_names(names) and bool(names) and set(names) <= TYPES


def _is_text(given: Any) -> bool:
    return isinstance(given, str)


def _is_flag(given: Any) -> bool:
    return isinstance(given, bool)


def _is_anchor(given: Any) -> bool:
    is_word = isinstance(given, str) and given.isascii() and bool(given)
    return is_word and not set(given) - _ANCHOR and not given[0].isdigit() and given[0] not in "-."


_ANCHOR = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
_COUNT = (_is_count, "a whole number of 0 or more")
_NUMBER = (_is_number, "a number")
_TEXT = (_is_text, "text")
_FLAG = (_is_flag, "true or false")
_NAMES = (_are_names, "a list of different texts")
_WORD = (_is_anchor, "a name of letters, digits, `-`, `_` and `.`")

Shape = tuple[Callable[[Any], bool], str]
# For each keyword that takes no schema: whether a value is right, and what it must be.
SHAPES: Mapping[str, Shape] = {
    "type": (_are_types, f"one or several of {', '.join(sorted(TYPES))}"),
    "enum": (lambda given: isinstance(given, list), "a list"),
    "multipleOf": (lambda given: _is_number(given) and given > 0, "a number above 0"),
    **dict.fromkeys(("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"), _NUMBER),
    **dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems"), _COUNT),
    **dict.fromkeys(("maxContains", "minContains", "maxProperties", "minProperties"), _COUNT),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _FLAG),
    "required": _NAMES,
    "dependentRequired": (
        lambda given: isinstance(given, dict) and all(map(_are_names, given.values())),
        "an object with a list of different texts for each name",
    ),
    "$id": (
        lambda given: _is_text(given) and "#" not in given.removesuffix("#"),
        "a URI without a fragment",
    ),
    **dict.fromkeys(("$anchor", "$dynamicAnchor"), _WORD),
    **dict.fromkeys(("$schema", "$ref", "$dynamicRef", "$comment", "pattern", "format"), _TEXT),
    **dict.fromkeys(("title", "description", "contentEncoding", "contentMediaType"), _TEXT),
    "examples": (lambda given: isinstance(given, list), "a list"),
    "$vocabulary": (
        lambda given: isinstance(given, dict) and all(map(_is_flag, given.values())),
        "an object with true or false for each name",
    ),
}
