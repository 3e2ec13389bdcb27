"""Holds the part of a document that is being cut, and knows where its tokens end."""

from bisect import bisect_right

import numpy as np

from flowc.rag.chunking.chunk import TextChunk
from flowc.rag.documents import Section
from flowc.rag.tokens import Tokens

# Dropping text copies the rest, so it is done for this many characters at once, not every chunk.
DROP = 1 << 16


class Window:
    """The text from some place in a document on, as far as it was added.

    Places are counted from the beginning of the window, except in chunks. Each section is encoded
    on its own, so that a token across two sections may be counted twice.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        # Where each token ends, in ascending order.
        self._ends = np.zeros(0, np.int64)
        # Where in the document the window begins.
        self._base = 0
        # The sections in the window, with where in the document each begins.
        self._sections: list[tuple[int, Section]] = []
        self.text = ""

    def add(self, section: Section) -> None:
        """Add the next section of the document."""
        # Half a surrogate pair is not a character, and cannot be encoded.
        text = section.text.encode(errors="replace").decode()
        if text:
            self._sections.append((self._base + len(self.text), section))
            self._ends = np.append(self._ends, self._tokens.ends(text) + len(self.text))
            self.text += text

    def has(self, begin: int, tokens: int) -> bool:
        """Return whether at least this number of tokens follows a place."""
        return bool(len(self._ends) - self._token_at(begin) >= tokens)

    def reach(self, begin: int, tokens: int) -> int:
        """Return where this number of tokens from a place on ends, at least a character later."""
        at = self._token_at(begin) + tokens
        if at >= len(self._ends):
            return len(self.text)
        # A character of several tokens must not be split.
        while at > 0 and self._ends[at - 1] == self._ends[at]:
            at -= 1
        return max(int(self._ends[at - 1]) if at else 0, begin + 1)

    def back(self, end: int, tokens: int) -> int:
        """Return where the last tokens before a place begin."""
        at = self._token_at(end) - tokens
        return int(self._ends[at - 1]) if at > 0 else 0

    def chunk(self, start: int, end: int, tokens: int) -> TextChunk:
        """Return the chunk between two places."""
        first, last = self._section_at(start), self._section_at(end - 1)
        return TextChunk(
            text=self.text[start:end],
            tokens=tokens,
            start=self._base + start,
            end=self._base + end,
            page=first.page,
            last_page=last.page,
            headings=first.headings,
        )

    def drop(self, before: int) -> int:
        """Drop the text before a place, if there is enough of it; return how much was dropped."""
        if before < min(DROP, len(self.text)):
            return 0
        self._ends = self._ends[self._token_at(before) :] - before
        self.text = self.text[before:]
        self._base += before
        at = bisect_right(self._sections, self._base, key=lambda known: known[0])
        # The section that the window now begins in stays.
        self._sections = self._sections[max(0, at - 1) :]
        return before

    def _section_at(self, place: int) -> Section:
        at = bisect_right(self._sections, self._base + place, key=lambda known: known[0])
        return self._sections[at - 1][1]

    def _token_at(self, place: int) -> int:
        """Return the number of the first token that ends after a place."""
        return int(np.searchsorted(self._ends, place, side="right"))
