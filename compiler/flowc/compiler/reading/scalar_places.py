"""Finds a character of a text in the notation that a YAML or JSON document has it in.

The value is followed through the document's own notation: quotes with their escapes, folded lines,
blocks with their indentation. Where the two do not agree, nothing is found.
"""

import re
from typing import Any

_BREAK = re.compile(r"[ \t]*(?:\r\n|\r|\n)(?:[ \t]*(?:\r\n|\r|\n))*[ \t]*")
_LINE_END = re.compile(r"\r\n|\r|\n")
_BLOCK = re.compile(r"[|>][+-]?([0-9]?)[+-]?[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)")
_INDENT = re.compile(r"(?:[ ]*(?:\r\n|\r|\n))*( +)(?=\S)")
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f",
    "r": "\r", "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0",
    "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_CODES = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")


def offset_in_scalar(raw: str, value: Any, offset: int) -> int | None:
    r"""Return where in the notation of a text a character of it begins, or where the text ends.

    >>> offset_in_scalar("'it''s {{b}}'", "it's {{b}}", 5)
    7
    >>> offset_in_scalar("|\n  one\n  {{b}}", "one\n{{b}}\n", 4)
    10
    """
    if not isinstance(value, str) or not 0 <= offset <= len(value):
        return None
    if raw[:1] not in {"|", ">"}:
        return _follow(raw, int(raw[:1] in {"'", '"'}), value, offset, 0)
    header = _BLOCK.match(raw)
    first = _INDENT.match(raw, header.end()) if header is not None else None
    if header is None or first is None:
        return None
    start, indent = header.end(), len(first[1])
    if header[1]:
        # The first line has more indentation than the block, and it is not known how much.
        fits = (i for i in range(indent + 1) if _follow(raw, start, value, len(value), i))
        indent = next(fits, indent)
    return _follow(raw, start, value, offset, indent)


def _follow(raw: str, at: int, value: str, offset: int, indent: int) -> int | None:
    """Return where a character is, from where the notation of the first line begins."""
    style, done = raw[:1], 0
    at = _after_indent(raw, at, indent)
    while done < offset:
        if at >= len(raw):
            # The ends of the last lines of a block are not in its notation here.
            return at if not value[done:].strip() else None
        step = _step(raw, at, value, done, style, indent)
        if step is None:
            return None
        at, done = step
    return at if done == offset else None


def _step(
    raw: str, at: int, value: str, done: int, style: str, indent: int
) -> tuple[int, int] | None:
    """Return both places after the next character; None if the notation differs from the value."""
    char = raw[at]
    if style == '"' and char == "\\":
        return _escaped(raw, at, value, done)
    if style == "'" and char == "'":
        return (at + 2, done + 1) if raw[at + 1 : at + 2] == value[done] == "'" else None
    folded = _folded(raw, at, style, indent)
    if folded is not None:
        count = len(_LINE_END.findall(folded[0]))
        meant = " " if count == 1 else "\n" * (count - 1)
        if value.startswith(meant, done):
            return folded.end(), done + len(meant)
    kept = _LINE_END.match(raw, at) if style in {"|", ">"} else None
    if kept is not None:
        end = _after_indent(raw, kept.end(), indent)
        return (end, done + 1) if value[done] == "\n" else None
    return (at + 1, done + 1) if char == value[done] else None


def _folded(raw: str, at: int, style: str, indent: int) -> re.Match[str] | None:
    """Return the ends of lines here that mean a space, or one end of a line less."""
    if style == "|":
        return None
    if style != ">":
        return _BREAK.match(raw, at)
    found = _BREAK.match(raw, at) if raw[at] in "\r\n" else None
    if found is None:
        return None
    begin = max(raw.rfind("\n", 0, at), raw.rfind("\r", 0, at)) + 1
    following = max(raw.rfind("\n", 0, found.end()), raw.rfind("\r", 0, found.end())) + 1
    # The ends of lines beside one with more indentation stay as they are.
    is_kept = any(
        raw[line + indent : line + indent + 1] in {" ", "\t"} for line in (begin, following)
    )
    return None if is_kept else found


def _after_indent(raw: str, at: int, indent: int) -> int:
    line = raw[at : at + indent]
    return at + len(line) - len(line.lstrip(" "))


def _escaped(raw: str, at: int, value: str, done: int) -> tuple[int, int] | None:
    ended = _LINE_END.match(raw, at + 1)
    if ended is not None:
        rest = raw[ended.end() :]
        return ended.end() + len(rest) - len(rest.lstrip(" \t")), done
    code = _CODES.match(raw, at)
    if code is None:
        return (at + 2, done + 1) if _ESCAPES.get(raw[at + 1 : at + 2]) == value[done] else None
    number, end = int(next(filter(None, code.groups())), 16), code.end()
    low = _CODES.match(raw, end)
    if 0xD800 <= number < 0xDC00 and low is not None and low[2]:
        # JSON writes some characters as two halves.
        number, end = 0x10000 + (number - 0xD800) * 0x400 + int(low[2], 16) - 0xDC00, low.end()
    return (end, done + 1) if number < 0x110000 and chr(number) == value[done] else None
