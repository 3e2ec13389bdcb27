"""Cuts a document into chunks while it is read, in linear time and little memory.

Each chunk takes as much text as fits, and is cut at the best boundary in the second half of that.
The next chunk begins some tokens before the cut: the overlap.

             begin            half      cut    reach
    text      |----------------|---------|-------|------------
    overlap                         |----|
    next                            |----- begins here
"""

from collections.abc import Iterable, Iterator

from flowc.rag.chunking import boundaries
from flowc.rag.chunking.chunk import By, Chunking, TextChunk
from flowc.rag.documents import Section
from flowc.rag.tokens import Tokens

_LEVELS: dict[By, boundaries.Levels] = {
    "recursive": boundaries.RECURSIVE,
    "headings": boundaries.RECURSIVE,
    "pages": boundaries.RECURSIVE,
    "sentences": boundaries.SENTENCES,
    "tokens": boundaries.NONE,
}


def chunks_of(sections: Iterable[Section], chunking: Chunking = Chunking()) -> Iterator[TextChunk]:
    """Yield the chunks of a document.

    >>> text = "The ferry leaves at seven. It sails to Oslo. Dogs travel free."
    >>> for chunk in chunks_of([Section(text)], Chunking(size=12, overlap=4)):
    ...     print(chunk.start, chunk.end, chunk.tokens, chunk.text)
    0 44 11 The ferry leaves at seven. It sails to Oslo.
    30 62 9 sails to Oslo. Dogs travel free.

    The first chunk could hold 12 tokens, which end after `Dogs`; it is cut at the last end of a
    sentence before that. The second begins with a word, at most 4 tokens before the cut.
    """
    chunker = Chunker(chunking)
    for section in sections:
        yield from chunker.feed(section)
    yield from chunker.end()


class Chunker:
    """Cuts one document: feed it the sections in order, then end it."""

    def __init__(self, chunking: Chunking = Chunking()) -> None:
        self._chunking = chunking
        self._levels = _LEVELS[chunking.by]
        self._tokens = Tokens(chunking.encoding)
        from flowc.rag.chunking.window import Window  # noqa: PLC0415 - it needs NumPy

        self._window = Window(self._tokens)
        # Where the next chunk begins, and where the last one was cut.
        self._begin = self._done = 0
        self._part: object = None

    def feed(self, section: Section) -> Iterator[TextChunk]:
        """Take the next section; yield the chunks that are final."""
        part = self._part_of(section)
        if part != self._part:
            yield from self.end()
            self._part = part
        self._window.add(section)
        # One token more than a chunk: only then is it certain that the chunk is not the last.
        while self._window.has(self._begin, self._chunking.size + 1):
            yield from self._cut()
        self._forget()

    def end(self) -> Iterator[TextChunk]:
        """Yield the remaining chunks."""
        while self._done < len(self._window.text):
            yield from self._cut()
        self._begin = self._done
        self._forget()

    def _part_of(self, section: Section) -> object:
        """Return what a chunk must not extend beyond: a page, or the text under a heading."""
        if self._chunking.by == "pages":
            return section.page
        return section.headings if self._chunking.by == "headings" else None

    def _cut(self) -> Iterator[TextChunk]:
        """Yield the next chunk unless it is blank, and move to the beginning of the one after."""
        allowed = self._chunking.size
        while True:
            cut = self._place_to_cut(allowed)
            if self._begin < self._done and not self._has_text(self._done, cut):
                # Nothing new fits beside the overlap, so this chunk goes without it.
                self._begin, allowed = self._done, self._chunking.size
                continue
            start, end = self._trimmed(self._begin, cut)
            tokens = self._tokens.count(self._window.text[start:end])
            if tokens <= self._chunking.size or allowed == 1:
                break
            # Alone, a piece of text can have more tokens than it has within the whole text.
            allowed = max(1, allowed - (tokens - self._chunking.size))
        if tokens:
            yield self._window.chunk(start, end, tokens)
        self._begin, self._done = self._after(cut), cut

    def _place_to_cut(self, allowed: int) -> int:
        reach = self._window.reach(self._begin, allowed)
        if reach == len(self._window.text):
            return reach
        # At least half a chunk, and beyond the last cut, so that every chunk has new text.
        half = self._window.reach(self._begin, max(1, allowed // 2))
        low = min(max(half, self._done), reach - 1)
        return boundaries.last_cut(self._window.text, low, reach, self._levels)

    def _has_text(self, begin: int, end: int) -> bool:
        start, stop = self._trimmed(begin, end)
        return start < stop

    def _trimmed(self, begin: int, end: int) -> tuple[int, int]:
        """Return a piece of text without the blanks at its ends, unless only tokens count."""
        if self._chunking.by == "tokens":
            return begin, end
        text = self._window.text[begin:end]
        start = begin + len(text) - len(text.lstrip())
        return start, max(start, begin + len(text.rstrip()))

    def _after(self, cut: int) -> int:
        """Return where the chunk after this cut begins: an overlap before it."""
        overlap = self._chunking.overlap
        if not overlap or cut == len(self._window.text):
            return cut
        back = self._window.back(cut, overlap)
        start = boundaries.first_cut(self._window.text, back, cut, self._levels)
        # Each chunk must begin after the one before, or cutting would not end.
        return start if self._begin < start < cut else cut

    def _forget(self) -> None:
        dropped = self._window.drop(self._begin)
        self._begin -= dropped
        self._done -= dropped
