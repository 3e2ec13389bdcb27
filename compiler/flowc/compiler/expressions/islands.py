"""Replaces the `{{...}}` in a condition by the expressions inside them."""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from flowc.compiler.expressions.errors import ExpressionError

# Raises ExpressionError if its source is not one expression.
RequireExpression = Callable[[str], None]
# A part of the rewritten text, and where it is in the source, if it is from there.
_Piece = tuple[str, int | None]
_SPECIAL = re.compile(r"""["'{]""")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A condition without `{{...}}`; `parts` say where parts of it are in the source.

    Each part has its offset here, that in the source, and its length.
    """

    text: str
    parts: tuple[tuple[int, int, int], ...]

    @property
    def is_moved(self) -> bool:
        """Whether some of it is elsewhere than in the source."""
        return any(here != there for here, there, _ in self.parts)

    def place(self, at: int) -> int:
        """Return where a character is in the source, or -1 if it is not from there."""
        index = bisect_right(self.parts, (at, len(self.text), 0)) - 1
        if index < 0:
            return -1
        here, there, length = self.parts[index]
        return there + at - here if at < here + length else -1


def without_islands(source: str, require: RequireExpression) -> Rewritten:
    """Replace each `{{...}}` by its expression in brackets; in quotes, by a concatenation.

    This happens on the source, before any value exists, so no value can change the structure. Only
    a concatenation moves the rest of the source.

    >>> print(without_islands("{{a.b}} == 'x'", lambda source: None).text)
     (a.b)  == 'x'
    >>> found = without_islands("key == '{{a}}-1'", lambda source: None)
    >>> print(found.text)
    key == ('' ~  (a)  ~ '-1')
    >>> found.place(found.text.index("a)")), found.place(found.text.index("~"))
    (10, -1)
    """
    out: list[_Piece] = []
    at = 0
    while at < len(source):
        if source.startswith("{{", at):
            island, end = _island(source, at, require)
            out.append((island, at))
            at = end
        elif source.startswith(("{%", "{#"), at):
            raise ExpressionError(
                "statements {% %} and comments {# #} are not allowed in a condition",
                "Write what must be true: {{input.total}} > 100 and input.is_new.",
                at,
            )
        elif source[at] in "\"'":
            pieces, at = _text_literal(source, at, require)
            out += pieces
        else:
            end = _next(source, at)
            out.append((source[at:end], at))
            at = end
    return _joined(out)


def _next(source: str, at: int) -> int:
    """Return where the next quote or brace is, or the end of the source."""
    found = _SPECIAL.search(source, at + 1)
    return found.start() if found is not None else len(source)


def _joined(pieces: list[_Piece]) -> Rewritten:
    parts: list[tuple[int, int, int]] = []
    here = 0
    for text, there in pieces:
        if there is not None:
            parts.append((here, there, len(text)))
        here += len(text)
    return Rewritten("".join(text for text, _ in pieces), tuple(parts))


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


def _text_literal(source: str, start: int, require: RequireExpression) -> tuple[list[_Piece], int]:
    """Return the quoted text that starts here, with each `{{...}}` in it concatenated."""
    quote, at = source[start], start + 1
    parts: list[_Piece] = []
    literal = ""
    while at < len(source) and source[at] != quote:
        if source.startswith("{{", at):
            island, end = _island(source, at, require)
            parts += [(_quoted(literal) + " ~ ", None), (island, at), (" ~ ", None)]
            literal, at = "", end
        elif source[at] == "\\" and at + 1 < len(source):
            literal += _ESCAPES.get(source[at + 1], source[at + 1])
            at += 2
        else:
            literal += source[at]
            at += 1
    if at >= len(source):
        raise ExpressionError("a text has no closing quote", "Write 'text' or \"text\".", start)
    if not parts:
        return [(source[start : at + 1], start)], at + 1
    return [("(", None), *parts, (_quoted(literal) + ")", None)], at + 1


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'"
