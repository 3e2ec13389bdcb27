"""Writes a part of an expression as its author would, for messages."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import nodes

MAX_WRITTEN = 100


def written(tree: nodes.Node) -> str:
    """Return a part of an expression as text, shortened.

    >>> from flowc.compiler.expressions.syntax import parse_expression
    >>> print(written(parse_expression("a.b[0] | join(', ') == 'x' and a.c is defined")))
    (a.b[0]|join(', ') == 'x') and a.c is defined
    """
    text = _text(tree)
    return text if len(text) <= MAX_WRITTEN else f"{text[: MAX_WRITTEN - 1]}…"


def sign_of(tree: nodes.Node, at: int = 0) -> str:
    """Return the operator of an operation, such as `+`; of a comparison, the one at an index."""
    if isinstance(tree, nodes.Compare):
        return _SIGNS[tree.ops[at].op]
    return str(getattr(tree, "operator", ""))


def _text(tree: Any) -> str:
    write = _WRITERS.get(type(tree))
    if write is not None:
        return write(tree)
    if isinstance(tree, (nodes.BinExpr, nodes.And, nodes.Or)):
        return f"{_side(tree.left)} {tree.operator} {_side(tree.right)}"
    return "…"


def _side(tree: Any) -> str:
    """Return a side of an operation, in brackets if it is an operation itself."""
    return f"({_text(tree)})" if isinstance(tree, _OPERATIONS) else _text(tree)


def _joined(trees: Iterable[Any]) -> str:
    return ", ".join([_text(tree) for tree in trees])


def _constant(tree: nodes.Const) -> str:
    words = {True: "true", False: "false", None: "none"}
    is_word = tree.value is None or isinstance(tree.value, bool)
    return words[tree.value] if is_word else repr(tree.value)[: MAX_WRITTEN + 1]


def _given(tree: Any) -> str:
    named = [f"{pair.key}={_text(pair.value)}" for pair in tree.kwargs or ()]
    return ", ".join([*[_text(each) for each in tree.args or ()], *named])


def _filter(tree: nodes.Filter) -> str:
    given = _given(tree)
    return f"{_side(tree.node)}|{tree.name}{f'({given})' if given else ''}"


def _test(tree: nodes.Test) -> str:
    given = _given(tree)
    return f"{_side(tree.node)} is {tree.name}{f'({given})' if given else ''}"


def _compare(tree: nodes.Compare) -> str:
    rest = [f" {_SIGNS[operand.op]} {_side(operand.expr)}" for operand in tree.ops]
    return _side(tree.expr) + "".join(rest)


def _slice(tree: nodes.Slice) -> str:
    bounds = [tree.start, tree.stop, *([tree.step] if tree.step is not None else [])]
    return ":".join("" if bound is None else _text(bound) for bound in bounds)


def _choice(tree: nodes.CondExpr) -> str:
    return f"{_side(tree.expr1)} if {_text(tree.test)} else {_side(tree.expr2)}"


def _dict(tree: nodes.Dict) -> str:
    return f"{{{', '.join(f'{_text(pair.key)}: {_text(pair.value)}' for pair in tree.items)}}}"


_SIGNS: Mapping[str, str] = {
    "eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=",
    "in": "in", "notin": "not in",
}  # fmt: skip
_OPERATIONS = (nodes.BinExpr, nodes.Compare, nodes.CondExpr, nodes.Concat, nodes.Not)
_WRITERS: Mapping[type[nodes.Node], Callable[[Any], str]] = {
    nodes.Name: lambda tree: str(tree.name),
    nodes.Getattr: lambda tree: f"{_side(tree.node)}.{tree.attr}",
    nodes.Getitem: lambda tree: f"{_side(tree.node)}[{_text(tree.arg)}]",
    nodes.Slice: _slice,
    nodes.Const: _constant,
    nodes.TemplateData: lambda tree: repr(tree.data),
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.Call: lambda tree: f"{_text(tree.node)}({_given(tree)})",
    nodes.Compare: _compare,
    nodes.Not: lambda tree: f"not {_side(tree.node)}",
    nodes.Neg: lambda tree: f"-{_side(tree.node)}",
    nodes.Pos: lambda tree: f"+{_side(tree.node)}",
    nodes.Concat: lambda tree: " ~ ".join([_side(part) for part in tree.nodes]),
    nodes.CondExpr: _choice,
    nodes.List: lambda tree: f"[{_joined(tree.items)}]",
    nodes.Tuple: lambda tree: f"[{_joined(tree.items)}]",
    nodes.Dict: _dict,
}
