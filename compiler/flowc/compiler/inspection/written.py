"""Writes a tree of an expression as its author would."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.values import to_json

_MOST = 60
_DEPTH = 8

# How tightly an operator binds its sides; a side that binds less tightly is put into brackets.
_BINARY: Mapping[type[nodes.Node], tuple[str, int]] = {
    nodes.Or: (" or ", 1), nodes.And: (" and ", 2), nodes.Add: (" + ", 5), nodes.Sub: (" - ", 5),
    nodes.Mul: (" * ", 7), nodes.Div: (" / ", 7), nodes.FloorDiv: (" // ", 7),
    nodes.Mod: (" % ", 7), nodes.Pow: (" ** ", 9),
}  # fmt: skip
COMPARISONS = {
    "eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in",
    "notin": "not in",
}  # fmt: skip
_WHOLE = 20


def written(node: nodes.Node) -> str:
    """Return the source of a tree, shortened if it is long.

    >>> from flowc.compiler.expressions.syntax import parse_expression
    >>> print(written(parse_expression("(a.b[0]|join( ', ' )) * (2+c) > 1")))
    a.b[0]|join(', ') * (2 + c) > 1
    """
    text = _text(node, 0, _DEPTH)
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"


def written_side(node: nodes.Node) -> str:
    """Return the source of a tree so that a filter can follow it."""
    return _text(node, _WHOLE - 1, _DEPTH)[:_MOST]


def _text(node: Any, within: int, depth: int) -> str:
    if depth == 0:
        return "…"
    source, binds = _written(node, depth - 1)
    return f"({source})" if binds < within else source


def _written(node: Any, depth: int) -> tuple[str, int]:
    """Return the source of a tree, and how tightly its outermost operator binds."""
    if type(node) in _BINARY:
        sign, binds = _BINARY[type(node)]
        left, right = _text(node.left, binds, depth), _text(node.right, binds + 1, depth)
        return left + sign + right, binds
    write, binds = _WRITERS.get(type(node), (_unknown, _WHOLE))
    return write(node, depth), binds


def _unknown(node: nodes.Node, depth: int) -> str:
    return "…"


def _comparison(node: nodes.Compare, depth: int) -> str:
    rest = "".join(f" {COMPARISONS[op.op]} {_text(op.expr, 5, depth)}" for op in node.ops)
    return _text(node.expr, 5, depth) + rest


def _choice(node: nodes.CondExpr, depth: int) -> str:
    sides = (node.expr1, node.test, node.expr2)
    one, test, other = (_text(side, 1, depth) for side in sides)
    return f"{one} if {test} else {other}"


def _slice(node: nodes.Slice, depth: int) -> str:
    bounds = (node.start, node.stop)
    return ":".join(_text(bound, 0, depth) if bound is not None else "" for bound in bounds)


def _dict(node: nodes.Dict, depth: int) -> str:
    pairs = (f"{_text(p.key, 0, depth)}: {_text(p.value, 0, depth)}" for p in node.items)
    return "{" + ", ".join(pairs) + "}"


def _constant(node: nodes.Const, depth: int) -> str:
    value = node.value
    if not isinstance(value, str):
        return "none" if value is None else to_json(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _items(node: nodes.List | nodes.Tuple, depth: int) -> str:
    return f"[{', '.join(_text(item, 0, depth) for item in node.items)}]"


def _given(node: Any, depth: int) -> str:
    parts = [_text(argument, 0, depth) for argument in node.args or ()]
    parts += [f"{pair.key}={_text(pair.value, 0, depth)}" for pair in node.kwargs or ()]
    return f"({', '.join(parts)})" if parts else ""


# How each kind of tree is written, and how tightly it binds.
_WRITERS: Mapping[type[nodes.Node], tuple[Callable[[Any, int], str], int]] = {
    nodes.Compare: (_comparison, 4),
    nodes.Concat: (lambda n, depth: " ~ ".join(_text(part, 7, depth) for part in n.nodes), 6),
    nodes.CondExpr: (_choice, 0),
    nodes.Not: (lambda n, depth: f"not {_text(n.node, 4, depth)}", 3),
    nodes.Neg: (lambda n, depth: f"-{_text(n.node, 10, depth)}", 10),
    nodes.Pos: (lambda n, depth: f"+{_text(n.node, 10, depth)}", 10),
    nodes.Test: (lambda n, depth: f"{_text(n.node, 11, depth)} is {n.name}{_given(n, depth)}", 4),
    nodes.Name: (lambda n, depth: n.name, _WHOLE),
    nodes.Const: (_constant, _WHOLE),
    nodes.Getattr: (lambda n, depth: f"{_text(n.node, _WHOLE, depth)}.{n.attr}", _WHOLE),
    nodes.Getitem: (
        lambda n, depth: f"{_text(n.node, _WHOLE, depth)}[{_text(n.arg, 0, depth)}]",
        _WHOLE,
    ),
    nodes.Slice: (_slice, 0),
    nodes.Filter: (
        lambda n, depth: f"{_text(n.node, 10, depth)}|{n.name}{_given(n, depth)}",
        _WHOLE,
    ),
    nodes.Call: (
        lambda n, depth: f"{_text(n.node, _WHOLE, depth)}{_given(n, depth) or '()'}",
        _WHOLE,
    ),
    nodes.List: (_items, _WHOLE),
    nodes.Tuple: (_items, _WHOLE),
    nodes.Dict: (_dict, _WHOLE),
}
