"""Finds the line and column of a character inside a text of a YAML or JSON document.

The value is followed through the document's own notation: quotes with their escapes, folded lines,
blocks with their indentation. Where the two do not agree, nothing is found.
"""

import re
from collections.abc import Sequence
from typing import Any

_MOST_LINES = 500
_BREAK = re.compile(r"[ \t]*\n(?:[ \t]*\n)*[ \t]*")
_BLOCK = re.compile(r"[|>][+-]?[ \t]*(?:#[^\n]*)?\n( +)(?=\S)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "/": "/", " ": " "}


def position_in_scalar(
    lines: Sequence[str], start: tuple[int, int], value: Any, offset: int
) -> tuple[int, int] | None:
    """Return the line and column of a character of a text that starts at a place.

    >>> position_in_scalar(["a: 'it''s {{b}}'"], (1, 4), "it's {{b}}", 5)
    (1, 11)
    >>> position_in_scalar(["a: |", "  one", "  {{b}}"], (1, 4), "one\\n{{b}}\\n", 4)
    (3, 3)
    """
    if not isinstance(value, str) or not 0 <= offset < len(value):
        return None
    line, column = start
    raw = "\n".join(lines[line - 1 : line - 1 + _MOST_LINES])[column - 1 :]
    at = _find(raw, value, offset)
    if at is None:
        return None
    before = raw[:at]
    if "\n" not in before:
        return line, column + at
    return line + before.count("\n"), at - before.rfind("\n")


def _find(raw: str, value: str, offset: int) -> int | None:
    """Return where in the notation of a value the character at an offset is."""
    style, at, indent = raw[:1], 0, 0
    if style in {"'", '"'}:
        at = 1
    elif style in {"|", ">"}:
        header = _BLOCK.match(raw)
        if header is None:
            return None
        at, indent = header.end(), len(header[1])
    done = 0
    while done < offset:
        step = _step(raw, at, value, done, style, indent)
        if step is None:
            return None
        at, done = step
    return at if done == offset and raw[at : at + 1] == value[offset] else None


def _step(
    raw: str, at: int, value: str, done: int, style: str, indent: int
) -> tuple[int, int] | None:
    """Return both places after the next character; None if the notation differs from the value."""
    char = raw[at : at + 1]
    if style == '"' and char == "\\":
        return _escaped(raw, at, value, done)
    if style == "'" and char == "'":
        return (at + 2, done + 1) if raw[at + 1 : at + 2] == value[done] == "'" else None
    if style == "|" and char == "\n":
        spaces = re.compile(f" {{0,{indent}}}").match(raw, at + 1)
        end = spaces.end() if spaces is not None else at + 1
        return (end, done + 1) if value[done] == "\n" else None
    folded = _BREAK.match(raw, at) if style != "|" else None
    if folded is not None:
        count = folded[0].count("\n")
        meant = " " if count == 1 else "\n" * (count - 1)
        return (folded.end(), done + len(meant)) if value.startswith(meant, done) else None
    return (at + 1, done + 1) if char == value[done] else None


def _escaped(raw: str, at: int, value: str, done: int) -> tuple[int, int] | None:
    sign = raw[at + 1 : at + 2]
    if sign == "\n":
        rest = raw[at + 2 :]
        return at + 2 + len(rest) - len(rest.lstrip(" \t")), done
    if sign == "u" and re.fullmatch("[0-9a-fA-F]{4}", raw[at + 2 : at + 6]):
        return (at + 6, done + 1) if chr(int(raw[at + 2 : at + 6], 16)) == value[done] else None
    return (at + 2, done + 1) if _ESCAPES.get(sign) == value[done] else None
