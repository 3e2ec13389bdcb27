"""Lines and columns of a text, as its author's editor counts them."""

import re
from bisect import bisect_right

from flowc.compiler.diagnostics import Position, TextRange

_WORD = re.compile(r"""[\w.$-]+(?:\[[^\]\n]*\]|[\w.-])*|'[^'\n]*'|"[^"\n]*\"""")
_LINE_END = re.compile(r"\r\n|\n|\r")


class DocumentLines:
    r"""The lines of a text: they end with \n, \r\n or \r.

    >>> lines = DocumentLines("a: b\r\nc: d\n")
    >>> lines.position(6), lines.range(9, 10).end
    ((2, 1), (2, 5))
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def position(self, offset: int) -> Position:
        """Return the line and column of a character, which count from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, position: Position) -> int:
        """Return the offset of a line and column."""
        line, column = position
        if line > len(self._starts):
            return len(self._text)
        return min(self._starts[line - 1] + column - 1, len(self._text))

    def range(self, start: int, end: int) -> TextRange:
        """Return the range between two offsets."""
        return TextRange(self.position(start), self.position(end))

    def line_end(self, offset: int) -> int:
        """Return where the text of a line ends, without spaces behind it."""
        found = _LINE_END.search(self._text, offset)
        end = found.start() if found is not None else len(self._text)
        return offset + len(self._text[offset:end].rstrip())

    def word_at(self, position: Position) -> TextRange:
        """Return the range of the word at a place, or else of the rest of its line."""
        start = self.offset(position)
        end = start + word_length(self._text, start)
        return self.range(start, max(end, min(start + 1, self.line_end(start))))


def word_length(text: str, offset: int) -> int:
    """Return the length of the path, word or quoted text that begins here, or else of the sign.

    >>> word_length("{{ a.b[0] == 'c' }}", 3), word_length("a == 'b c'", 5)
    (6, 5)
    """
    found = _WORD.match(text, offset)
    return found.end() - offset if found is not None else int(offset < len(text))
