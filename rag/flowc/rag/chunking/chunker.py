"""How is a document cut into chunks as it is read, in little memory and linear time?"""

from collections.abc import Iterable, Iterator

from flowc.rag.chunking import boundaries
from flowc.rag.chunking.chunk import By, Chunking, TextChunk
from flowc.rag.chunking.window import Window
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
    """Give the chunks of a document."""
    chunker = Chunker(chunking)
    for section in sections:
        yield from chunker.feed(section)
    yield from chunker.end()


class Chunker:
    """Cuts one document; feed it the sections in order, then end it."""

    def __init__(self, chunking: Chunking = Chunking()) -> None:
        self._chunking = chunking
        self._levels = _LEVELS[chunking.by]
        self._tokens = Tokens(chunking.encoding)
        self._window = Window(self._tokens)
        # Where the next chunk begins, and up to where the text is in chunks already.
        self._begin = self._done = 0
        self._part: object = None

    def feed(self, section: Section) -> Iterator[TextChunk]:
        """Take the next section; give the chunks that are certain by now."""
        part = self._part_of(section)
        if part != self._part:
            yield from self.end()
            self._part = part
        self._window.add(section)
        # Where a chunk is cut depends on what comes after it.
        while self._window.has(self._begin, self._chunking.size + 1):
            yield from self._cut()
        self._forget()

    def end(self) -> Iterator[TextChunk]:
        """Give the chunks that are left."""
        while self._done < len(self._window.text):
            yield from self._cut()
        self._begin = self._done
        self._forget()

    def _part_of(self, section: Section) -> object:
        """Return what no chunk reaches beyond: a page, the text under a heading."""
        if self._chunking.by == "pages":
            return section.page
        return section.headings if self._chunking.by == "headings" else None

    def _cut(self) -> Iterator[TextChunk]:
        """Give the next chunk, unless it is blank, and go to where the one after it begins."""
        allowed = self._chunking.size
        while True:
            cut = self._place_to_cut(allowed)
            if self._begin < self._done and not self._has_text(self._done, cut):
                # There is room for the overlap alone: the chunk would be within the one before.
                self._begin, allowed = self._done, self._chunking.size
                continue
            start, end = self._trimmed(self._begin, cut)
            tokens = self._tokens.count(self._window.text[start:end])
            if tokens <= self._chunking.size or allowed == 1:
                break
            # Cut out of its text, a passage can be some tokens more.
            allowed = max(1, allowed - (tokens - self._chunking.size))
        if tokens:
            yield self._window.chunk(start, end, tokens)
        self._begin, self._done = self._after(cut), cut

    def _place_to_cut(self, allowed: int) -> int:
        reach = self._window.reach(self._begin, allowed)
        if reach == len(self._window.text):
            return reach
        # At least half a chunk, and beyond the end of the one before.
        half = self._window.reach(self._begin, max(1, allowed // 2))
        low = min(max(half, self._done), reach - 1)
        return boundaries.last_cut(self._window.text, low, reach, self._levels)

    def _has_text(self, begin: int, end: int) -> bool:
        start, stop = self._trimmed(begin, end)
        return start < stop

    def _trimmed(self, begin: int, end: int) -> tuple[int, int]:
        """Return a passage without the blanks at its ends, unless tokens alone count."""
        if self._chunking.by == "tokens":
            return begin, end
        text = self._window.text[begin:end]
        start = begin + len(text) - len(text.lstrip())
        return start, max(start, begin + len(text.rstrip()))

    def _after(self, cut: int) -> int:
        """Return where the chunk after one that was cut here begins: the overlap before that."""
        overlap = self._chunking.overlap
        if not overlap or cut == len(self._window.text):
            return cut
        back = self._window.back(cut, overlap)
        start = boundaries.first_cut(self._window.text, back, cut, self._levels)
        return start if self._begin < start < cut else cut

    def _forget(self) -> None:
        dropped = self._window.drop(self._begin)
        self._begin -= dropped
        self._done -= dropped
