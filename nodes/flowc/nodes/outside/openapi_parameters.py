"""Writes the parameters of an operation of an OpenAPI document, in the styles that it names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowc.compiler.definition.short_schemas import Schema

_SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation, in its path, query, header or cookie.

    If it `is_json`, its value is sent as JSON; else in a style, each value apart if it `explodes`.
    """

    name: str
    place: str
    schema: Schema
    is_required: bool
    style: str = "form"
    explodes: bool = True
    is_json: bool = False

    def query_of(self, value: Any) -> dict[str, Any]:
        """Return what the query has for a value.

        >>> pipes = Parameter("id", "query", {}, True, "pipeDelimited", explodes=False)
        >>> pipes.query_of([1, 2]), Parameter("at", "query", {}, True).query_of({"x": 1, "y": 2})
        ({'id': '1|2'}, {'x': 1, 'y': 2})
        """
        if self.is_json:
            return {self.name: json.dumps(value, ensure_ascii=False)}
        if isinstance(value, Mapping) and self.style != "deepObject":
            if self.explodes:
                return dict(value)
            return {self.name: ",".join(f"{key},{joined(item)}" for key, item in value.items())}
        if isinstance(value, list) and not self.explodes:
            return {self.name: _SEPARATORS.get(self.style, ",").join(map(joined, value))}
        return {self.name: value}


def joined(value: Any) -> str:
    """Return a value as text in a path, header or cookie.

    >>> joined([1, True, "a"])
    '1,true,a'
    """
    if isinstance(value, list):
        return ",".join(map(joined, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def described_parameter(given: Mapping[str, Any], schema: Schema) -> Parameter:
    """Return a parameter as a document describes it."""
    place = str(given["in"])
    style = str(given.get("style") or ("form" if place in {"query", "cookie"} else "simple"))
    explodes = given.get("explode")
    return Parameter(
        str(given["name"]),
        place,
        schema,
        bool(given.get("required")) or place == "path",
        style,
        style in {"form", "deepObject"} if explodes is None else bool(explodes),
        "content" in given,
    )
