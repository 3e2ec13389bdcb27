"""Reads the parameters of a Python function from its source, without running it."""

import ast
from collections.abc import Mapping
from typing import Any

from flowc.compiler.definition.short_schemas import Schema
from flowc.nodes.services.sandbox.source import called_in, parsed

_TYPES: Mapping[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": {"type": "array"},
    "dict": {"type": "object"},
    "None": {"type": "null"},
}


def parameters_in(code: str) -> Schema | None:
    """Return the JSON Schema of the arguments of the function that is called; None without one.

    >>> parameters_in("def process(name: str, count: int = 1): ...")["properties"]
    {'name': {'type': 'string'}, 'count': {'type': 'integer'}}
    >>> parameters_in("def process(name: str, count: int = 1): ...")["required"]
    ['name']
    >>> parameters_in("result = 1") is None
    True
    """
    try:
        called = called_in(parsed(code))
    except SyntaxError:
        # The sandbox reports what is wrong, when the code runs.
        return None
    return _parameters(called.function.args) if called is not None else None


def _parameters(given: ast.arguments) -> Schema:
    named = [*given.posonlyargs, *given.args]
    optional = {each.arg for each in named[len(named) - len(given.defaults) :]}
    optional |= {
        each.arg
        for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if default is not None
    }
    properties = {each.arg: _schema(each.annotation) for each in [*named, *given.kwonlyargs]}
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _schema(annotation: ast.expr | None) -> Schema:
    match annotation:
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id="dict" as name)):
            return dict(_TYPES.get(name, {}))
        case ast.Constant(value=word):
            return dict(_TYPES.get(str(word), {}))
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return {"type": "array", "items": _schema(inner)}
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            return {"enum": _constants(inner)}
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return {"anyOf": [_schema(left), _schema(right)]}
    return {}


def _constants(choices: ast.expr) -> list[Any]:
    found = choices.elts if isinstance(choices, ast.Tuple) else [choices]
    return [each.value for each in found if isinstance(each, ast.Constant)]
