"""What part of a document is looked at, and where in it do tokens end?"""

from bisect import bisect_right

import numpy as np

from flowc.rag.chunking.chunk import TextChunk
from flowc.rag.documents import Section
from flowc.rag.tokens import Tokens

# What is done with is dropped when it is as much as this, rather than after each chunk.
KEEP = 1 << 16


class Window:
    """The text from a place in a document on, as far as it is known; places are counted in it.

    Sections are counted on their own: where they meet, a token may be counted twice.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._ends = np.zeros(0, np.int64)
        self._base = 0
        self._sections: list[tuple[int, Section]] = []
        self.text = ""

    def add(self, section: Section) -> None:
        """Take the next section of the document."""
        # Half a surrogate pair is no character, and could not be encoded.
        text = section.text.encode(errors="replace").decode()
        if text:
            self._sections.append((self._base + len(self.text), section))
            self._ends = np.append(self._ends, self._tokens.ends(text) + len(self.text))
            self.text += text

    def has(self, begin: int, tokens: int) -> bool:
        """Say whether there are so many tokens from a place on."""
        return bool(len(self._ends) - self._token_at(begin) >= tokens)

    def reach(self, begin: int, tokens: int) -> int:
        """Return how far so many tokens reach from a place, at least by a character."""
        at = self._token_at(begin) + tokens
        if at >= len(self._ends):
            return len(self.text)
        # A character that the next token ends in, too, would be cut.
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
        """Forget what is before a place, if that is worth it; return how much was forgotten."""
        if before < min(KEEP, len(self.text)):
            return 0
        self._ends = self._ends[self._token_at(before) :] - before
        self.text = self.text[before:]
        self._base += before
        at = bisect_right(self._sections, self._base, key=lambda known: known[0])
        self._sections = self._sections[max(0, at - 1) :]
        return before

    def _section_at(self, place: int) -> Section:
        at = bisect_right(self._sections, self._base + place, key=lambda known: known[0])
        return self._sections[at - 1][1]

    def _token_at(self, place: int) -> int:
        return int(np.searchsorted(self._ends, place, side="right"))
