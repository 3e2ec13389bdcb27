"""Filters on objects: keys, parts, paths, combinations, JMESPath."""

from functools import lru_cache
from typing import Any

from flowc.compiler.expressions.errors import ExpressionError, MissingValue
from flowc.compiler.expressions.fields import attribute_reader
from flowc.compiler.expressions.filters.word import Word
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.values import (
    as_text,
    items_of,
    kind_of,
    object_of,
    text,
    to_json,
)


def _keys(value: Any) -> list[str]:
    return list(object_of(value, "keys"))


def _values(value: Any) -> list[Any]:
    return list(object_of(value, "values").values())


def _items(value: Any) -> list[Any]:
    return [[key, item] for key, item in object_of(value, "items").items()]


def _pick(value: Any, *keys: Any) -> Any:
    if isinstance(value, list):
        return [_pick(item, *keys) for item in items_of(value, "pick")]
    found = object_of(value, "pick")
    return {key: found[key] for key in _names(keys) if key in found}


def _omit(value: Any, *keys: Any) -> Any:
    if isinstance(value, list):
        return [_omit(item, *keys) for item in items_of(value, "omit")]
    left = set(_names(keys))
    return {key: item for key, item in object_of(value, "omit").items() if key not in left}


def _names(keys: tuple[Any, ...]) -> list[str]:
    names = keys[0] if len(keys) == 1 and isinstance(keys[0], list) else keys
    return [text(name) for name in names]


def _get(value: Any, path: Any, default: Any = None) -> Any:
    try:
        return attribute_reader(path)(value)
    except MissingValue:
        return default


def _combine(frame: Frame, value: Any, *others: Any, recursive: Any = True) -> dict[str, Any]:
    result = object_of(value, "combine")
    for other in others:
        result = _combined(frame, result, object_of(other, "combine"), bool(recursive), 0)
    return result


def _combined(
    frame: Frame, left: dict[str, Any], right: dict[str, Any], is_deep: bool, depth: int
) -> dict[str, Any]:
    frame.budget.spend(len(left) + len(right))
    if depth > 100:
        raise ExpressionError("the values are nested too deeply")
    out = {**left, **right}
    if is_deep:
        for key in left.keys() & right.keys():
            one, other = left[key], right[key]
            if isinstance(one, dict) and isinstance(other, dict):
                out[key] = _combined(frame, one, other, is_deep, depth + 1)
    return out


def _jmespath(frame: Frame, value: Any, expression: Any) -> Any:
    # Imported when it is used: most workflows never do.
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415 - see above

    if kind_of(value) not in _JSON:
        raise ExpressionError(f"jmespath does not work on {kind_of(value)}")
    try:
        parsed = _parsed(text(expression))
        return _searcher()(frame).visit(parsed, value)
    except ExpressionError:
        raise
    except RecursionError:
        raise ExpressionError("the JMESPath expression is nested too deeply") from None
    except (JMESPathError, ValueError, TypeError, AttributeError) as problem:
        reason = " ".join(str(problem).split("\n")[0].split())[:200]
        raise ExpressionError(f"the JMESPath expression fails: {reason}") from None


_JSON = frozenset({"null", "boolean", "number", "text", "list", "object"})


@lru_cache(512)
def _parsed(expression: str) -> Any:
    from jmespath.parser import Parser  # noqa: PLC0415 - as above

    if len(expression) > 2000:
        raise ExpressionError("a JMESPath expression has at most 2,000 characters")
    return Parser().parse(expression).parsed


@lru_cache(1)
def _searcher() -> Any:
    from jmespath.visitor import TreeInterpreter  # noqa: PLC0415 - as above

    class Searcher(TreeInterpreter):
        """Searches within a budget: what each part of the expression finds is counted."""

        def __init__(self, frame: Frame) -> None:
            super().__init__()
            self._scope = frame

        def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
            """Return what a part of the expression finds."""
            result = super().visit(node, *args, **kwargs)
            budget = self._scope.budget
            if isinstance(result, (list, str)):
                budget.make(len(result))
                budget.spend(3 + len(result))
            else:
                budget.spend(3)
            return result

    return Searcher


_TYPES = {
    "text": "string",
    "list": "array",
    "number": "number",
    "boolean": "boolean",
    "object": "object",
    "null": "null",
}


def _type(value: Any) -> str:
    kind = kind_of(value)
    return _TYPES.get(kind, kind)


def _default(value: Any, default_value: Any = "", boolean: Any = False) -> Any:
    return default_value if boolean and not value else value


def _pprint(value: Any) -> str:

    return as_text(value) if not isinstance(value, (list, dict)) else to_json(value, 2)


WORDS = (
    Word("combine", _combine,
         "the object with the fields of others; objects in both are combined, unless `recursive` "
         "is false",
         (("{'a': {'x': 1}}|combine({'a': {'y': 2}})", '{"a": {"x": 1, "y": 2}}'),
          ("{'a': {'x': 1}}|combine({'a': {'y': 2}}, recursive=false)", '{"a": {"y": 2}}')),
         takes="object", gives="object"),
    Word("default", _default,
         "the value, or `default_value` if it is missing; with `boolean`, also if it counts as "
         "false",
         (("nothing|default('none')", '"none"'), ("''|d('none', true)", '"none"')),
         also=("d",), is_jinjas=True),
    Word("get", _get, "the field at a path such as 'user.name' or 'items.0'; `default` if it is "
         "missing",
         (("{'a': [{'b': 1}]}|get('a.0.b')", "1"), ("{}|get('a.b', 'none')", '"none"'))),
    Word("items", _items, "the object as pairs of key and value",
         (("{'a': 1}|items", '[["a", 1]]'),), takes="object", gives="list", is_jinjas=True),
    Word("jmespath", _jmespath, "what a [JMESPath](https://jmespath.org) expression finds",
         (("{'a': [{'n': 1}, {'n': 2}]}|jmespath('a[?n > `1`].n')", "[2]"),)),
    Word("keys", _keys, "the keys of the object, as a list",
         (("{'a': 1, 'b': 2}|keys", '["a", "b"]'),), takes="object", gives="list"),
    Word("omit", _omit, "the object, or each object of a list, without some of its fields",
         (("{'a': 1, 'b': 2}|omit('b')", '{"a": 1}'),), takes="list or object"),
    Word("pick", _pick, "the object, or each object of a list, with only some of its fields",
         (("{'a': 1, 'b': 2}|pick('b', 'c')", '{"b": 2}'),), takes="list or object"),
    Word("pprint", _pprint, "the value as JSON over several lines",
         (("{'a': [1]}|pprint", '"{\\n  \\"a\\": [\\n    1\\n  ]\\n}"'),),
         gives="text", is_jinjas=True),
    Word("type", _type, "the name of the value's JSON type",
         (("[1]|type", '"array"'), ("none|type", '"null"')), gives="text"),
    Word("values", _values, "the values of the object, as a list",
         (("{'a': 1, 'b': 2}|values", "[1, 2]"),), takes="object", gives="list"),
)  # fmt: skip
