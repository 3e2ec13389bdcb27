"""Parses templates, expressions and conditions with Jinja2, and refuses its statements."""

from typing import Any

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError

from flowc.compiler.expressions.values import ExpressionError

MAX_SOURCE = 32_768


def _environment() -> Environment:
    environment = Environment(
        optimized=False, extensions=[], autoescape=False, keep_trailing_newline=True, cache_size=0
    )
    environment.globals.clear()
    return environment


_JINJA = _environment()
_BLOCKS = {"block_begin", "comment_begin", "raw_begin", "linestatement_begin"}


def parse_template(source: str) -> list[nodes.Expr]:
    """Return the literal texts and the expressions of a template, in order."""
    parts: list[nodes.Expr] = []
    for node in _parse(source).body:
        if not isinstance(node, nodes.Output):
            raise ExpressionError("blocks {% %} are not allowed")
        parts.extend(node.nodes)
    return parts


def parse_expression(source: str) -> nodes.Expr:
    """Return the tree of one expression, which must be the whole source."""
    parts = parse_template("{{ " + source + " }}")
    if len(parts) != 1 or isinstance(parts[0], nodes.TemplateData):
        raise ExpressionError("this is not a single expression")
    return parts[0]


def parse_condition(source: str) -> nodes.Expr:
    """Return the tree of a condition, in which `{{...}}` stands for the expression inside it."""
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"the condition is longer than {MAX_SOURCE:,} characters")
    if not source.strip():
        raise ExpressionError("the condition is empty")
    return parse_expression(_without_islands(source.strip()))


def _parse(source: str) -> nodes.Template:
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"the template is longer than {MAX_SOURCE:,} characters")
    try:
        if "{%" in source or "{#" in source:
            _refuse_blocks(source)
        return _JINJA.parse(source)
    except TemplateSyntaxError as problem:
        raise ExpressionError(f"the syntax is wrong: {_sentence(problem)}") from None
    except RecursionError:
        raise ExpressionError("the expression is too deeply nested") from None
    except (ValueError, MemoryError, OverflowError) as problem:
        if isinstance(problem, ExpressionError):
            raise
        raise ExpressionError(f"the text cannot be parsed ({type(problem).__name__})") from None


def _refuse_blocks(source: str) -> None:
    if any(kind in _BLOCKS for _, kind, _ in _JINJA.lex(source)):
        raise ExpressionError("blocks {% %} and comments {# #} are not allowed")


def _sentence(problem: TemplateSyntaxError) -> str:
    return (problem.message or "it cannot be parsed").rstrip(".")


def _without_islands(source: str) -> str:
    """Replace each `{{...}}` by its expression in brackets; in quotes, by a concatenation.

    This happens on the source, before any value exists, so no value can change the structure.

    >>> print(_without_islands("{{a.b}} == 'x'"))
    (a.b) == 'x'
    >>> print(_without_islands("key == '{{a}}-1'"))
    key == ('' ~ (a) ~ '-1')
    """
    out: list[str] = []
    at = 0
    while at < len(source):
        if source.startswith("{{", at):
            island, at = _island(source, at)
            out.append(island)
        elif source.startswith(("{%", "{#"), at):
            raise ExpressionError("blocks {% %} and comments {# #} are not allowed")
        elif source[at] in "\"'":
            literal, at = _text_literal(source, at)
            out.append(literal)
        else:
            out.append(source[at])
            at += 1
    return "".join(out)


def _island(source: str, start: int) -> tuple[str, int]:
    """Return the `{{...}}` that starts here, in brackets, and the index after it."""
    # `}}` ends it only outside quotes and outside an object: `{{ {'a': {'b': 1}} }}`.
    at, quote, depth = start + 2, "", 0
    while at < len(source):
        char = source[at]
        if quote:
            at += char == "\\"
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif not depth and source.startswith("}}", at):
            return "(" + _whole_expression(source[start + 2 : at]) + ")", at + 2
        else:
            depth += (char == "{") - (char == "}")
        at += 1
    raise ExpressionError("a {{ has no closing }}")


def _whole_expression(source: str) -> str:
    """Return the text inside `{{...}}` if it is an expression on its own; `a) or (b` is not."""
    inner = source.strip()
    if not inner:
        raise ExpressionError("a {{ }} is empty")
    if "{{" in inner:
        raise ExpressionError("{{ is not allowed inside {{ }}")
    parse_expression(inner)
    return inner


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _text_literal(source: str, start: int) -> tuple[str, int]:
    """Return the quoted text that starts here, with each `{{...}}` in it concatenated."""
    quote, at = source[start], start + 1
    parts: list[str] = []
    literal = ""
    while at < len(source) and source[at] != quote:
        if source.startswith("{{", at):
            island, at = _island(source, at)
            parts += [_quoted(literal), island]
            literal = ""
        elif source[at] == "\\" and at + 1 < len(source):
            literal += _ESCAPES.get(source[at + 1], source[at + 1])
            at += 2
        else:
            literal += source[at]
            at += 1
    if at >= len(source):
        raise ExpressionError("a text has no closing quote")
    if not parts:
        return _quoted(literal), at + 1
    return "(" + " ~ ".join([*parts, _quoted(literal)]) + ")", at + 1


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'"


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
