"""Replaces the `{{...}}` in a condition by the expressions inside them."""

from collections.abc import Callable

from flowc.compiler.expressions.errors import ExpressionError

# Raises ExpressionError if its source is not one expression.
RequireExpression = Callable[[str], None]


def without_islands(source: str, require: RequireExpression) -> str:
    """Replace each `{{...}}` by its expression in brackets; in quotes, by a concatenation.

    This happens on the source, before any value exists, so no value can change the structure. Only
    a concatenation moves the rest of the source.

    >>> print(without_islands("{{a.b}} == 'x'", lambda source: None))
     (a.b)  == 'x'
    >>> print(without_islands("key == '{{a}}-1'", lambda source: None))
    key == ('' ~  (a)  ~ '-1')
    """
    out: list[str] = []
    at = 0
    while at < len(source):
        if source.startswith("{{", at):
            island, at = _island(source, at, require)
            out.append(island)
        elif source.startswith(("{%", "{#"), at):
            raise ExpressionError(
                "statements {% %} and comments {# #} are not allowed in a condition",
                "Write what must be true: {{input.total}} > 100 and input.is_new.",
                at,
            )
        elif source[at] in "\"'":
            literal, at = _text_literal(source, at, require)
            out.append(literal)
        else:
            out.append(source[at])
            at += 1
    return "".join(out)


def _island(source: str, start: int, require: RequireExpression) -> tuple[str, int]:
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
            inside = _whole_expression(source[start + 2 : at], start + 2, require)
            return f" ({inside}) ", at + 2
        else:
            depth += (char == "{") - (char == "}")
        at += 1
    raise ExpressionError("a {{ has no closing }}", "Write }} after the expression.", start)


def _whole_expression(source: str, start: int, require: RequireExpression) -> str:
    """Return the text inside `{{...}}` if it is an expression on its own; `a) or (b` is not."""
    if not source.strip():
        raise ExpressionError("a {{ }} is empty", "For example {{input.total}}.", start - 2)
    if "{{" in source:
        hint = "Write the name without braces."
        raise ExpressionError("{{ is not allowed inside {{ }}", hint, start + source.index("{{"))
    try:
        require(source)
    except ExpressionError as problem:
        if problem.offset is not None:
            problem.offset += start
        raise
    return source


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _text_literal(source: str, start: int, require: RequireExpression) -> tuple[str, int]:
    """Return the quoted text that starts here, with each `{{...}}` in it concatenated."""
    quote, at = source[start], start + 1
    parts: list[str] = []
    literal = ""
    while at < len(source) and source[at] != quote:
        if source.startswith("{{", at):
            island, at = _island(source, at, require)
            parts += [_quoted(literal), island]
            literal = ""
        elif source[at] == "\\" and at + 1 < len(source):
            literal += _ESCAPES.get(source[at + 1], source[at + 1])
            at += 2
        else:
            literal += source[at]
            at += 1
    if at >= len(source):
        raise ExpressionError("a text has no closing quote", "Write 'text' or \"text\".", start)
    if not parts:
        return source[start : at + 1], at + 1
    return "(" + " ~ ".join([*parts, _quoted(literal)]) + ")", at + 1


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'"
