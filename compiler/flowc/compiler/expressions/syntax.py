"""Parses templates, expressions and conditions with Jinja2, within limits."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.islands import without_islands
from flowc.compiler.expressions.tags import check_tags

MAX_SOURCE = 32_768
# Jinja's parser needs a dozen calls for each bracket.
_MAX_BRACKETS = 30


def _environment() -> Environment:
    environment = Environment(
        optimized=False, extensions=[], autoescape=False, keep_trailing_newline=True, cache_size=0
    )
    environment.globals.clear()
    return environment


_JINJA = _environment()


def parse_template(source: str) -> list[nodes.Node]:
    """Return the statements of a template, and between them its texts and expressions."""
    return _parse(source).body


def parts_of(body: Sequence[nodes.Node]) -> list[nodes.Expr]:
    """Return the texts and expressions of a template, in order, without its statements."""
    return [part for node in body if isinstance(node, nodes.Output) for part in node.nodes]


def parse_expression(source: str) -> nodes.Expr:
    """Return the tree of one expression, which must be the whole source."""
    body = parse_template("{{ " + source + " }}")
    parts = parts_of(body)
    if len(parts) != 1 or len(body) != 1 or isinstance(parts[0], nodes.TemplateData):
        raise ExpressionError("this is not a single expression")
    return parts[0]


def parse_condition(source: str) -> nodes.Expr:
    """Return the tree of a condition, in which `{{...}}` stands for the expression inside it."""
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"the condition is longer than {MAX_SOURCE:,} characters")
    if not source.strip():
        raise ExpressionError("the condition is empty")
    return parse_expression(without_islands(source.strip(), _require_expression))


def _require_expression(source: str) -> None:
    parse_expression(source)


def _parse(source: str) -> nodes.Template:
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"the template is longer than {MAX_SOURCE:,} characters")
    try:
        if "{%" in source:
            check_tags(_JINJA.lex(source))
        if sum(map(source.count, "([{")) > _MAX_BRACKETS:
            _check_brackets(_JINJA.lex(source))
        return _JINJA.parse(source)
    except TemplateSyntaxError as problem:
        sentence = f"the syntax is wrong: {_sentence(problem)}"
        raise ExpressionError(sentence, _hint(problem)) from None
    except RecursionError:
        raise ExpressionError("the expression is too deeply nested") from None
    except (ValueError, MemoryError, OverflowError) as problem:
        if isinstance(problem, ExpressionError):
            raise
        raise ExpressionError(f"the text cannot be parsed ({type(problem).__name__})") from None


def _check_brackets(tokens: Iterator[tuple[int, str, str]]) -> None:
    depth = 0
    for _, kind, value in tokens:
        if kind == "operator" and value in "([{":
            depth += 1
        elif kind == "operator" and value in ")]}":
            depth -= 1
        if depth > _MAX_BRACKETS:
            raise ExpressionError(f"brackets are nested more than {_MAX_BRACKETS} levels deep")


# What Jinja says, and what we say instead.
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"expected token (.+?), got (.+)"), "{1} is where {0} is expected"),
    (re.compile(r"unexpected (.+), expected (.+)"), "{0} is where {1} is expected"),
    (re.compile(r"expected an expression, got (.+)"), "an expression is missing before {0}"),
    (re.compile(r"unexpected 'end of .+'"), "the expression is not complete"),
    (re.compile(r"unexpected (?:char )?('.+?'|\".+?\")(?: at \d+)?"), "{0} is not expected here"),
    (re.compile(r"encountered unknown tag '(\w+)'.*"), "{{% {0} %}} is not expected here"),
    (re.compile(r"expected name or number"), "a field is missing after the dot"),
    (re.compile(r"can't assign to .+"), "only names can be set"),
    (re.compile(r"missing end of comment tag"), "a {{# has no closing #}}"),
    (re.compile(r"missing end of raw directive"), "a {{% raw %}} has no {{% endraw %}}"),
)
_OUR_WORDS = {
    "end of print statement": "the end of the expression",
    "end of statement block": "%}",
    "end of template": "the end of the text",
    "integer": "a number",
    "float": "a number",
    "name": "a name",
    "template data / text": "text",
}


def _sentence(problem: TemplateSyntaxError) -> str:
    message = (problem.message or "it cannot be parsed").rstrip(".")
    for pattern, sentence in _SENTENCES:
        if found := pattern.fullmatch(message[:1].lower() + message[1:]):
            return sentence.format(*map(_our_word, found.groups()))
    return message


def _our_word(token: str) -> str:
    return _OUR_WORDS.get(token.strip("'"), token)


def _hint(problem: TemplateSyntaxError) -> str | None:
    if (problem.message or "").endswith("got '='"):
        return "To compare two values, write ==."
    return None


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
