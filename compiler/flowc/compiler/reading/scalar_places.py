"""Finds a character of a text in the notation that a YAML or JSON document has it in.

The value is followed through the document's own notation: quotes with their escapes, folded lines,
blocks with their indentation. Where the two do not agree, nothing is found.
"""

import re

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


def places_in_scalar(raw: str, value: str) -> list[int | None]:
    r"""Return where in the notation of a text each character of it begins, and where it ends.

    >>> places_in_scalar("'it''s'", "it's")
    [1, 2, 3, 5, 6]
    >>> places_in_scalar("|\n  a\n  b", "a\nb\n")
    [4, 5, 8, 9, 9]
    """
    if raw[:1] not in {"|", ">"}:
        return _follow(raw, int(raw[:1] in {"'", '"'}), value, 0)
    header = _BLOCK.match(raw)
    first = _INDENT.match(raw, header.end()) if header is not None else None
    if header is None or first is None:
        return [None] * (len(value) + 1)
    start, indent = header.end(), len(first[1])
    if header[1]:
        # The first line has more indentation than the block, and it is not known how much.
        fits = (i for i in range(indent + 1) if _follow(raw, start, value, i)[-1] is not None)
        indent = next(fits, indent)
    return _follow(raw, start, value, indent)


def _follow(raw: str, at: int, value: str, indent: int) -> list[int | None]:
    """Return the places of the characters, from where the notation of the first line begins."""
    places: list[int | None] = [None] * (len(value) + 1)
    style, done, at = raw[:1], 0, _after_indent(raw, at, indent)
    places[0] = at
    while done < len(value):
        if at >= len(raw):
            # The ends of the last lines of a block are not in its notation here.
            left = len(value) - done
            places[done + 1 :] = [None if value[done:].strip() else at] * left
            break
        step = _step(raw, at, value, done, style, indent)
        if step is None:
            break
        at, done = step
        if places[done] is None:
            places[done] = at
    return places


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
