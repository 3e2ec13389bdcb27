"""Brings a collection up to date with its documents.

Items are compared, read, cut, embedded and stored at the same time, few documents at once, so that
memory does not grow with their number. Finished documents stay when an ingestion is interrupted:
the next one continues after them.
"""

import asyncio
import uuid
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass

from flowc.rag.chunking import Chunker, Chunking, TextChunk
from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.embedding import Embeddings
from flowc.rag.ingestion.comparison import GROUP, Comparison
from flowc.rag.ingestion.drafts import DocumentDraft
from flowc.rag.ingestion.fingerprints import Fingerprints
from flowc.rag.ingestion.items import DocumentItem, opened
from flowc.rag.ingestion.progress import OnProgress, Progress
from flowc.rag.ingestion.report import Report
from flowc.rag.ingestion.writing import Writing
from flowc.rag.reading import Reader, Reading
from flowc.rag.stores import DocumentStore

# How many documents are read at once.
READERS = 3


@dataclass(frozen=True)
class Ingestion:
    """How documents are ingested into the collections of a store."""

    store: DocumentStore
    reader: Reader
    embeddings: Embeddings
    chunking: Chunking = Chunking()
    with_ocr: bool = False

    async def run(
        self,
        collection: str,
        items: AsyncIterable[DocumentItem],
        *,
        origin: str = "",
        removes: bool = False,
        on_progress: OnProgress = lambda kind, data: None,
    ) -> Report:
        """Ingest the items that are new or have changed; return what was done.

        With `removes`, documents of the `origin` that are not among the items are removed. A
        document that cannot be read is listed in the report, and its old passages stay. Ingestions
        of one collection run one after the other. Raises CollectionDiffers, EmbeddingFailed.
        """
        dimension = await self.embeddings.dimension()
        await self.store.create(collection, self.embeddings.model, dimension)
        visit = _Visit(self, collection, origin, Progress(on_progress))
        async with self.store.alone(collection):
            # No other ingestion runs, so any drafts are left over from one that was interrupted.
            await self.store.sweep(collection)
            await visit.ingest(items)
            if removes:
                await visit.remove_unseen()
        return visit.report


class _Visit:
    """One ingestion's work on one collection."""

    def __init__(
        self, ingestion: Ingestion, collection: str, origin: str, progress: Progress
    ) -> None:
        self._ingestion, self._collection, self._origin = ingestion, collection, origin
        self._progress, self.report = progress, progress.report
        self._id = uuid.uuid4().hex
        self._fingerprints = Fingerprints(ingestion.chunking, ingestion.with_ocr, origin)
        self._loading = asyncio.Lock()
        self._changed: asyncio.Queue[DocumentDraft | None] = asyncio.Queue(2 * READERS)
        self._writing = Writing(ingestion.store, ingestion.embeddings, collection, progress)

    async def ingest(self, items: AsyncIterable[DocumentItem]) -> None:
        """Ingest what is new or has changed; raise EmbeddingFailed."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._writing.run())
                async with asyncio.TaskGroup() as reading:
                    reading.create_task(self._compare(items))
                    for _ in range(READERS):
                        reading.create_task(self._read_all())
                await self._writing.end()
        except BaseExceptionGroup as problems:
            raise _first(problems) from None
        finally:
            self.report.count(self._ingestion.embeddings.usage)

    async def remove_unseen(self) -> None:
        """Remove the documents of the origin that were not among the items."""
        store, name = self._ingestion.store, self._collection
        while gone := await store.unseen(name, self._origin, self._id, GROUP):
            self.report.removed += await store.remove(name, gone)
            self._progress.removed(gone)

    async def _compare(self, items: AsyncIterable[DocumentItem]) -> None:
        comparison = Comparison(
            self._ingestion.store, self._collection, self._id, self._fingerprints, self._progress
        )
        await comparison.run(items, self._changed)
        for _ in range(READERS):
            await self._changed.put(None)

    async def _read_all(self) -> None:
        while (draft := await self._changed.get()) is not None:
            try:
                await self._read(draft)
            except DocumentRefused as problem:
                self._writing.give_up(draft)
                self._progress.failed(draft.item.source, problem)

    async def _read(self, draft: DocumentDraft) -> None:
        """Read a document and cut it into chunks; raise DocumentRefused."""
        item, reader, with_ocr = draft.item, self._ingestion.reader, self._ingestion.with_ocr
        async with opened(item) as (file, digest):
            # The file may have changed since it was compared.
            draft.fingerprint = self._fingerprints.of(item, digest)
            async with reader.reading(
                file, item.source, item.media_type, with_ocr=with_ocr
            ) as reading:
                await self._cut(reading, draft)
        await self._writing.is_read(draft)

    async def _cut(self, reading: Reading, draft: DocumentDraft) -> None:
        # One reader loads the encoding, which takes a second; the others then find it loaded.
        async with self._loading:
            chunker = await asyncio.to_thread(Chunker, self._ingestion.chunking)
        # In threads, since counting tokens would block the event loop.
        async for sections in reading.batches():
            for chunk in await asyncio.to_thread(_chunks_of, chunker, sections):
                await self._writing.put(draft, chunk)
        for chunk in await asyncio.to_thread(lambda: list(chunker.end())):
            await self._writing.put(draft, chunk)
        draft.metadata = reading.metadata


def _chunks_of(chunker: Chunker, sections: Sequence[Section]) -> list[TextChunk]:
    return [chunk for section in sections for chunk in chunker.feed(section)]


def _first(problems: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first problem; the others are cancellations that followed from it."""
    first = problems.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
