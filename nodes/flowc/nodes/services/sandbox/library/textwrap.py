"""Texts in lines of a width."""

import re
from typing import Any


def dedent(text: str) -> str:
    """Return a text without the blanks that all its lines begin with."""
    lines = [line if line.strip() else "" for line in text.split("\n")]
    margins = [line[: len(line) - len(line.lstrip())] for line in lines if line]
    common = margins[0] if margins else ""
    for margin in margins:
        while not margin.startswith(common):
            common = common[:-1]
    return "\n".join([line[len(common) :] for line in lines])


def indent(text: str, prefix: str, predicate: Any = None) -> str:
    """Return a text with a prefix before each line that has more than blanks."""
    found = []
    for line in text.splitlines(True):
        wanted = predicate(line) if predicate else line.strip()
        found.append(prefix + line if wanted else line)
    return "".join(found)


def _pieces(text: str) -> list[str]:
    """Return the words and blanks of a text; words also end after a hyphen between letters."""
    found = []
    for piece in re.split(r"(\s+)", text):
        start = 0
        for match in re.finditer(r"[^\W\d_]{2,}-(?=[^\W\d_])", piece):
            found.append(piece[start : match.end()])
            start = match.end()
        if piece[start:]:
            found.append(piece[start:])
    return found


def wrap(
    text: str,
    width: int = 70,
    initial_indent: str = "",
    subsequent_indent: str = "",
    break_long_words: bool = True,
    max_lines: Any = None,
    placeholder: str = " [...]",
) -> list[str]:
    """Return the lines of a text, none longer than the width."""
    if width <= 0:
        raise ValueError(f"invalid width {width!r} (must be > 0)")
    left = [p if p.strip() else " " * len(p) for p in _pieces(text.expandtabs())]
    lines: list[str] = []
    while left:
        before = subsequent_indent if lines else initial_indent
        room = width - len(before)
        line, left = _line(left if not lines else _begun(left), room, break_long_words)
        is_last = max_lines is not None and len(lines) + 1 == max_lines
        if is_last and "".join(left).strip():
            lines.append(before + _cut_off(line, room, placeholder))
            return lines
        if line:
            lines.append(before + "".join(line))
    return lines


def _begun(left: list[str]) -> list[str]:
    return left if left[0].strip() else left[1:]


def _line(left: list[str], room: int, breaks: bool) -> Any:
    """Return the pieces of one line, and those that are left."""
    line: list[str] = []
    length = 0
    while left and length + len(left[0]) <= room:
        line.append(left[0])
        length += len(left[0])
        left = left[1:]
    if left and len(left[0]) > room and (breaks or not line):
        cut = max(room, 1) - length if breaks else len(left[0])
        line.append(left[0][:cut])
        left = [left[0][cut:], *left[1:]] if left[0][cut:] else left[1:]
    if line and not line[-1].strip():
        line = line[:-1]
    return line, left


def _cut_off(line: list[str], room: int, placeholder: str) -> str:
    while line and len("".join(line).rstrip()) + len(placeholder) > room:
        line = line[:-1]
    return "".join(line).rstrip() + placeholder if line else placeholder.lstrip()


def fill(text: str, width: int = 70, **options: Any) -> str:
    """Return a text in lines of a width."""
    return "\n".join(wrap(text, width, **options))


def shorten(text: str, width: int, placeholder: str = " [...]", **options: Any) -> str:
    """Return the beginning of a text, in one line of a width."""
    plain = " ".join(text.split())
    lines = wrap(plain, width, max_lines=1, placeholder=placeholder, **options)
    return "\n".join(lines)
