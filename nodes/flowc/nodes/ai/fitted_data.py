"""Makes a value fit its schema where that changes nothing of what it says: `"4"` for a number."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flowc.compiler.definition.schema_paths import type_of, types_of
from flowc.compiler.definition.short_schemas import BadSchema, Schema, TooCostly, problems_of
from flowc.nodes.ai.wrapped_schemas import root_of

_NUMBER = re.compile(r"[-+]?\d{1,40}(?:\.\d{1,40})?(?:[eE][-+]?\d{1,3})?")
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
_NULLS = {"", "null", "none", "n/a"}
_STEPS, _DEEPEST = 20_000, 30


def fitted(value: Any, schema: Schema) -> tuple[Any, list[str]]:
    """Return a value with its texts, numbers and choices as the schema wants them, and the changes.

    >>> wanted = {"properties": {"n": {"type": "integer"}, "kind": {"enum": ["low", "high"]}}}
    >>> fitted({"n": "4", "kind": "High "}, {"type": "object", **wanted})
    ({'n': 4, 'kind': 'high'}, ["n: '4' was taken as 4", "kind: 'High ' was taken as 'high'"])
    """
    fitting = _Fitting(schema)
    return fitting.value(value, schema, ()), fitting.changes


class _Fitting:
    def __init__(self, whole: Schema) -> None:
        self._whole, self.changes = whole, list[str]()

    def value(self, value: Any, schema: Any, path: tuple[str | int, ...]) -> Any:
        if not isinstance(schema, dict) or len(path) > _DEEPEST:
            return value
        schema = root_of({**self._shared(), **schema})
        options = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(options, list):
            return self._one_of(value, options, path)
        if isinstance(value, dict) and isinstance(schema.get("properties"), dict):
            return self._object(value, schema, path)
        if isinstance(value, list) and isinstance(schema.get("items"), dict):
            return [self.value(each, schema["items"], (*path, n)) for n, each in enumerate(value)]
        return self._scalar(value, schema, path)

    def _shared(self) -> Schema:
        return {name: self._whole[name] for name in ("$defs", "definitions") if name in self._whole}

    def _one_of(self, value: Any, options: Sequence[Any], path: tuple[str | int, ...]) -> Any:
        """Return the value as the first option has it that it fits, or can be made to fit."""
        schemas = [{**self._shared(), **each} for each in options if isinstance(each, dict)]
        if any(_fits(value, each) for each in schemas):
            return value
        before = list(self.changes)
        for each in schemas:
            found = self.value(value, each, path)
            if _fits(found, each):
                return found
            self.changes = list(before)
        return value

    def _object(self, value: Any, schema: Schema, path: tuple[str | int, ...]) -> dict[str, Any]:
        required, properties = schema.get("required", ()), schema["properties"]
        found: dict[str, Any] = {}
        for name, each in value.items():
            inner = properties.get(name)
            # A field that may be missing is often sent as null.
            if each is None and inner is not None and name not in required:
                types = types_of(root_of({**self._shared(), **inner}))
                if types is not None and "null" not in types:
                    continue
            found[name] = self.value(each, inner, (*path, name))
        return found

    def _scalar(self, value: Any, schema: Schema, path: tuple[str | int, ...]) -> Any:
        found = _converted(value, schema)
        if type(found) is not type(value) or found != value:
            where = ".".join(map(str, path)) or "answer"
            self.changes.append(f"{where}: {value!r:.60} was taken as {found!r:.60}")
        return found


def _fits(value: Any, schema: Schema) -> bool:
    try:
        return not problems_of(value, schema, _STEPS)
    except (BadSchema, TooCostly):
        return False


def _converted(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a value as the type or the choice that the schema has for it."""
    choices = schema.get("enum")
    if isinstance(choices, list) and value not in choices:
        near = [each for each in choices if _plainly(each) == _plainly(value)]
        return near[0] if len(near) == 1 else value
    types = types_of(dict(schema))
    kind = type_of(value)
    if types is None or kind in types or (kind == "integer" and "number" in types):
        return value
    return _of_text(value, types) if isinstance(value, str) else _of_other(value, types)


def _of_other(value: Any, types: frozenset[str]) -> Any:
    if "string" in types and type_of(value) in {"integer", "number"}:
        return str(value)
    if "integer" in types and isinstance(value, float) and value.is_integer():
        return int(value)
    return [value] if types == {"array"} and value is not None else value


def _of_text(value: str, types: frozenset[str]) -> Any:
    text = value.strip()
    if types & {"number", "integer"} and _NUMBER.fullmatch(text):
        number = float(text)
        whole = re.fullmatch(r"[-+]?\d+", text) or ("number" not in types and number.is_integer())
        if whole:
            return int(number) if "." in text or "e" in text.lower() else int(text)
        return number if "number" in types else value
    if "boolean" in types and text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    if "null" in types and text.lower() in _NULLS:
        return None
    return [value] if types == {"array"} else value


def _plainly(value: Any) -> str:
    return re.sub(r"[\s_-]+", " ", str(value)).strip(" .!?:;,\"'`").casefold()
