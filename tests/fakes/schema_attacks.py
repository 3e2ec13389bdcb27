"""Schemas and values that could hold up what checks one against the other.

`outcome` is what must become of each: the code of a diagnostic, if the schema is refused when it is
defined; `validation-too-costly`; or whether the value `fits` or is a `misfit`. The bound is not a
time: a value that is judged takes at most `steps`, so that no machine is too slow for the test.
"""

from typing import Any, NamedTuple

FITS, MISFIT, COSTLY = "fits", "misfit", "validation-too-costly"
PATTERN, REFERENCE = "unsupported-pattern", "unresolved-reference"
ENDLESS, MULTIPLIES = "endless-schema", "costly-schema"
INVALID = "invalid-value"


class SchemaAttack(NamedTuple):
    """A schema, a value for it, and what must become of them."""

    name: str
    schema: Any
    value: Any
    outcome: str
    steps: int = 150

    @property
    def input(self) -> dict[str, Any]:
        """The schema of an object with the value as its `x`; references begin at the own schema."""
        own = {"$id": "urn:attack", **self.schema}
        return {"type": "object", "properties": {"x": own}}


def _in_turn(count: int, make: Any) -> dict[str, Any]:
    """Return definitions that each refer to the next one, the last of them to nothing."""
    return {**{f"d{n}": make(f"#/$defs/d{n + 1}") for n in range(count)}, f"d{count}": {}}


def _nested(depth: int, value: Any) -> Any:
    for _ in range(depth):
        value = {"a": [value]}
    return value


_TREE = {"properties": {"a": {"items": {"$ref": "#"}}}}
_LONG = "a" * 40 + "!"
_MANY = [{"n": n, "of": {"k": [n]}} for n in range(6_000)]

PATTERNS = (
    SchemaAttack("nested repetition", {"pattern": "^(a+)+$"}, _LONG, MISFIT),
    SchemaAttack("alternatives that overlap", {"pattern": "^(a|a)*$"}, _LONG, MISFIT),
    SchemaAttack("optional repetition", {"pattern": "^(a?){40}a{40}$"}, "a" * 39, MISFIT),
    SchemaAttack("nested groups", {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}, _LONG, MISFIT),
    SchemaAttack("many wildcards", {"pattern": "^.*.*.*.*.*.*.*=.*$"}, "x" * 2_000, MISFIT, 2_000),
    SchemaAttack(
        "an address", {"pattern": r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}$"}, _LONG, MISFIT
    ),
    SchemaAttack("a long text", {"pattern": "(x+x+)+y"}, "x" * 200_000, MISFIT, 5_000),
    SchemaAttack("counted", {"pattern": "^(.{1,30}){1,30}$"}, "x" * 999, MISFIT, 60_000),
    SchemaAttack("lookahead", {"pattern": r"^(?=.*\d).{8,}$"}, "x", PATTERN),
    SchemaAttack("negative lookahead", {"pattern": "^(?!x)"}, "x", PATTERN),
    SchemaAttack("lookbehind", {"pattern": "(?<=a)b"}, "x", PATTERN),
    SchemaAttack("negative lookbehind", {"pattern": "(?<!a)b"}, "x", PATTERN),
    SchemaAttack("back reference", {"pattern": r"^(a*)*\1$"}, "x", PATTERN),
    SchemaAttack("named back reference", {"pattern": r"(?<q>a)\k<q>"}, "x", PATTERN),
    SchemaAttack("back reference in Python", {"pattern": "(?P<q>a)(?P=q)"}, "x", PATTERN),
    SchemaAttack("no pattern", {"pattern": "("}, "x", PATTERN),
    SchemaAttack("half a character", {"pattern": r"\ud800"}, "x", PATTERN),
    SchemaAttack("a long pattern", {"pattern": "a?" * 6_000}, "x", PATTERN),
    SchemaAttack("a large program", {"pattern": "(a{999}){999}"}, "x", PATTERN),
    SchemaAttack("repetitions that multiply", {"pattern": "(" * 20 + "a" + "{2000})" * 20}, "x", PATTERN),
    SchemaAttack("a pattern for names", {"patternProperties": {"^(a+)+$": False}}, {_LONG: 1}, FITS),
    SchemaAttack(
        "patterns beside additional fields",
        {"patternProperties": {"^(a+)+$": True}, "additionalProperties": False},
        {_LONG: 1},
        MISFIT,
    ),
    SchemaAttack(
        "patterns beside unevaluated fields",
        {"patternProperties": {"^(a+)+$": True}, "unevaluatedProperties": False},
        {_LONG: 1},
        MISFIT,
    ),
    SchemaAttack("names by pattern", {"propertyNames": {"pattern": "^(a+)+$"}}, {_LONG: 1}, MISFIT),
    SchemaAttack("a pattern for names with lookahead", {"patternProperties": {"(?=a)": {}}}, {}, PATTERN),
    SchemaAttack(
        "a pattern of another dialect",
        {"properties": {"x": {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}}},
        {"x": _LONG},
        MISFIT,
    ),
    SchemaAttack(
        "a pattern behind a reference to no keyword",
        {"$ref": "#/x-own/p", "x-own": {"p": {"pattern": "^(a+)+$"}}},
        _LONG,
        MISFIT,
    ),
    SchemaAttack(
        "a lookahead behind a reference to no keyword",
        {"$ref": "#/x-own/p", "x-own": {"p": {"pattern": "(?=a)"}}},
        "x",
        PATTERN,
    ),
    SchemaAttack("escapes of JavaScript", {"pattern": r"^\u0041\d\/\x42[\s\S]$"}, "A1/B\n", FITS),
    SchemaAttack("a large pattern for many texts", {"items": {"pattern": "^.{1,3000}$"}}, ["x" * 2_000] * 500, FITS, 3_000_000),
    SchemaAttack("a large pattern for a long text", {"pattern": "^.{1,3000}$"}, "x" * 90_000, COSTLY),
)  # fmt: skip
REFERENCES = (
    SchemaAttack("itself", {"$ref": "#"}, {}, ENDLESS),
    SchemaAttack("itself in allOf", {"allOf": [{"$ref": "#"}]}, {}, ENDLESS),
    SchemaAttack("itself in anyOf", {"anyOf": [{"type": "null"}, {"$ref": "#"}]}, {}, ENDLESS),
    SchemaAttack("itself in not", {"not": {"$ref": "#"}}, {}, ENDLESS),
    SchemaAttack("itself in if", {"if": True, "then": {"$ref": "#"}}, {}, ENDLESS),
    SchemaAttack("itself by a dependency", {"dependentSchemas": {"a": {"$ref": "#"}}}, {"a": 1}, ENDLESS),
    SchemaAttack("itself by $dynamicRef", {"$dynamicAnchor": "n", "$dynamicRef": "#n"}, {}, ENDLESS),
    SchemaAttack(
        "two in a circle",
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {},
        ENDLESS,
    ),
    SchemaAttack("a circle that nothing uses", {"$defs": {"a": {"$ref": "#/$defs/a"}}}, {}, ENDLESS),
    SchemaAttack("nothing", {"$ref": "#/$defs/none"}, {}, REFERENCE),
    SchemaAttack("no anchor", {"$ref": "#none"}, {}, REFERENCE),
    SchemaAttack("no schema", {"$ref": "#/title", "title": "x"}, {}, REFERENCE),
    SchemaAttack("http", {"$ref": "http://127.0.0.1:9/s.json"}, {}, REFERENCE),
    SchemaAttack("https in $dynamicRef", {"$dynamicRef": "https://example.com/s"}, {}, REFERENCE),
    SchemaAttack("a file", {"$ref": "file:///etc/passwd"}, {}, REFERENCE),
    SchemaAttack("a path", {"$ref": "../../etc/passwd"}, {}, REFERENCE),
    SchemaAttack("no URI", {"$ref": "http://[::1"}, {}, REFERENCE),
    SchemaAttack("a base elsewhere", {"$id": "http://example.com/a", "$ref": "b"}, {}, REFERENCE),
    SchemaAttack("JSON Schema itself", {"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"type": 3}, MISFIT, 500),
    SchemaAttack("a chain", {"$ref": "#/$defs/d0", "$defs": _in_turn(2_000, lambda to: {"$ref": to})}, {}, COSTLY),
    SchemaAttack(
        "doubled at each level",
        {"$ref": "#/$defs/d0", "$defs": _in_turn(27, lambda to: {"allOf": [{"$ref": to}] * 2})},
        {},
        MULTIPLIES,
    ),
    SchemaAttack(
        "doubled in oneOf",
        {"$ref": "#/$defs/d0", "$defs": _in_turn(27, lambda to: {"oneOf": [{"$ref": to}] * 2})},
        {},
        MULTIPLIES,
    ),
    SchemaAttack(
        "doubled in anyOf that fails",
        {
            "$ref": "#/$defs/d0",
            "$defs": {**_in_turn(27, lambda to: {"anyOf": [{"$ref": to}] * 2}), "d27": False},
        },
        {},
        COSTLY,
    ),
    SchemaAttack(
        "doubled at each level of the value",
        {"$defs": {"a": {"items": {"allOf": [{"$ref": "#/$defs/a"}] * 2}}}, "$ref": "#/$defs/a"},
        [[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]],
        COSTLY,
    ),
    SchemaAttack("a tree of the greatest depth", _TREE, _nested(28, 1), FITS, 2_000),
)  # fmt: skip
SIZES = (
    SchemaAttack("unique objects", {"uniqueItems": True}, _MANY, FITS, 60_000),
    SchemaAttack("unique objects, the last twice", {"uniqueItems": True}, [*_MANY, _MANY[-1]], MISFIT, 60_000),
    SchemaAttack("unique lists", {"uniqueItems": True}, [[n, [n]] for n in range(5_000)], FITS, 60_000),
    SchemaAttack("unique numbers with one hash", {"uniqueItems": True}, [n * (2**61 - 1) for n in range(5_000)], FITS, 20_000),
    SchemaAttack("1 and 1.0 and true", {"uniqueItems": True}, [1, True, "1", [1], {"1": 1}], FITS),
    SchemaAttack("unique items in each item", {"items": {"uniqueItems": True}}, [[{"a": n} for n in range(500)]] * 10, FITS, 60_000),
    SchemaAttack("a large enum", {"items": {"enum": [{"a": n} for n in range(2_000)]}}, [{"a": 1_999}] * 2_000, FITS, 30_000),
    SchemaAttack("many alternatives", {"items": {"oneOf": [{"const": [n] * 50} for n in range(300)]}}, [[0] * 50] * 300, COSTLY),
    SchemaAttack("many false schemas", {"items": {"anyOf": [False] * 2_000}}, [["x" * 100] * 20] * 20, MISFIT, 1_000_000),
    SchemaAttack("many fields", {"items": {"properties": {f"k{n}": False for n in range(3_000)}}}, [{}] * 3_000, FITS, 20_000),
    SchemaAttack("many required fields", {"items": {"required": [f"k{n}" for n in range(2_000)]}}, [{}] * 2_000, MISFIT, 20_000),
    SchemaAttack("many contained", {"items": {"not": {"contains": {"enum": [1], "anyOf": [{"const": n + 2} for n in range(10)]}}}}, [[1] * 300] * 500, COSTLY),
    SchemaAttack("unevaluated items", {"allOf": [{"prefixItems": [True] * 9}] * 200, "unevaluatedItems": False}, [1] * 9, FITS, 3_000),
    SchemaAttack("unevaluated fields within each other", {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"a": {"items": {"$ref": "#/$defs/a"}}}, "unevaluatedProperties": False}}}, _nested(25, {}), FITS, 2_000),
    SchemaAttack("a misfit in a large value", {"type": "string"}, _MANY, MISFIT),
    SchemaAttack("a large number", {"multipleOf": 0.1}, 10**76, FITS),
    SchemaAttack("a tiny factor", {"multipleOf": 1e-300}, 10**76, FITS),
    SchemaAttack("no factor", {"multipleOf": 0}, 1, INVALID),
    SchemaAttack("no type", {"type": "strin"}, 1, INVALID),
    SchemaAttack("no list", {"properties": {"a": {"enum": "a"}}}, 1, INVALID),
    SchemaAttack("no schema", {"properties": {"a": {"items": [1]}}}, 1, INVALID),
    SchemaAttack("fields named like keywords", {"properties": {"$ref": {"type": "integer"}, "pattern": True}}, {"$ref": "("}, MISFIT),
)  # fmt: skip
ATTACKS = (*PATTERNS, *REFERENCES, *SIZES)
