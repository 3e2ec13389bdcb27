"""Parses templates, expressions and conditions with Jinja2, within limits."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.islands import without_islands
from flowc.compiler.expressions.offsets import OffsetEnvironment
from flowc.compiler.expressions.syntax_errors import syntax_error
from flowc.compiler.expressions.tags import check_tags

MAX_SOURCE = 32_768
# Jinja's parser needs a dozen calls for each bracket.
_MAX_BRACKETS = 30


_BEFORE = "{{ "
_NAME = re.compile(r"\s*[A-Za-z]\w*(?:\.[A-Za-z]\w*)*\s*")
_TEMPLATES = OffsetEnvironment(lambda at: at)
_EXPRESSIONS = OffsetEnvironment(lambda at: at - len(_BEFORE))


def parse_template(source: str) -> list[nodes.Node]:
    """Return the statements of a template, and between them its texts and expressions."""
    return _parse(source, _TEMPLATES).body


def parts_of(body: Sequence[nodes.Node]) -> list[nodes.Expr]:
    """Return the texts and expressions of a template, in order, without its statements."""
    return [part for node in body if isinstance(node, nodes.Output) for part in node.nodes]


def parse_expression(source: str) -> nodes.Expr:
    """Return the tree of one expression, which must be the whole source."""
    return _whole(source, _EXPRESSIONS)


def _whole(source: str, environment: OffsetEnvironment) -> nodes.Expr:
    body = _parse(_BEFORE + source + " }}", environment).body
    parts = parts_of(body)
    if len(parts) != 1 or len(body) != 1 or isinstance(parts[0], nodes.TemplateData):
        raise ExpressionError(
            "this is not a single expression", "Write one expression, without braces."
        )
    return parts[0]


def parse_condition(source: str) -> nodes.Expr:
    """Return the tree of a condition, in which `{{...}}` stands for the expression inside it."""
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"the condition is longer than {MAX_SOURCE:,} characters")
    if not source.strip():
        raise ExpressionError("the condition is empty", "For example {{input.total}} > 100.")
    rewritten = without_islands(source, _require_expression)
    if not rewritten.is_moved:
        return _whole(rewritten.text, _EXPRESSIONS)
    environment = OffsetEnvironment(lambda at: rewritten.place(at - len(_BEFORE)))
    return _whole(rewritten.text, environment)


def _require_expression(source: str) -> None:
    # A name with fields is part of one expression wherever it is.
    if _NAME.fullmatch(source) is None:
        parse_expression(source)


def _parse(source: str, environment: OffsetEnvironment) -> nodes.Template:
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"the template is longer than {MAX_SOURCE:,} characters")
    try:
        if "{%" in source:
            check_tags(environment.lex(source))
        if sum(map(source.count, "([{")) > _MAX_BRACKETS:
            _check_brackets(environment.lex(source))
        return environment.parse(source)
    except TemplateSyntaxError as problem:
        raise _placed(syntax_error(source, problem.message), problem.lineno, environment) from None
    except RecursionError:
        raise ExpressionError("the expression is too deeply nested") from None
    except (ValueError, MemoryError, OverflowError) as problem:
        if isinstance(problem, ExpressionError):
            raise
        raise ExpressionError(f"the text cannot be parsed ({type(problem).__name__})") from None


def _placed(problem: ExpressionError, at: int, environment: OffsetEnvironment) -> ExpressionError:
    """Return a problem with its offset, or else that of where the parser stopped."""
    offset = at if problem.offset is None else environment.place(problem.offset)
    problem.offset = offset if offset >= 0 else None
    return problem


def _check_brackets(tokens: Iterator[tuple[int, str, str]]) -> None:
    depth = 0
    for _, kind, value in tokens:
        if kind == "operator" and value in "([{":
            depth += 1
        elif kind == "operator" and value in ")]}":
            depth -= 1
        if depth > _MAX_BRACKETS:
            raise ExpressionError(f"brackets are nested more than {_MAX_BRACKETS} levels deep")


def path_of(node: Any) -> tuple[str | int, ...] | None:
    """Return the path that a tree reads, or None if it is not a plain path.

    >>> path_of(parse_expression("a.b[0]")), path_of(parse_expression("a[b]"))
    (('a', 'b', 0), None)
    """
    path: list[str | int] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        key = node.attr if isinstance(node, nodes.Getattr) else _constant_key(node.arg)
        if key is None:
            return None
        path.append(key)
        node = node.node
    return (node.name, *reversed(path)) if isinstance(node, nodes.Name) else None


def _constant_key(arg: nodes.Node) -> str | int | None:
    if isinstance(arg, nodes.Const) and isinstance(arg.value, (str, int)):
        return arg.value
    if isinstance(arg, nodes.Neg) and isinstance(arg.node, nodes.Const):
        value = arg.node.value
        return -value if isinstance(value, int) else None
    return None
