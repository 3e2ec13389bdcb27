"""How are items compared with what is known, and those that are new or changed read and cut?

Documents are read, cut, embedded and stored at the same time, with few of them under way.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from flowc.rag.chunking import Chunk, Chunker
from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.ingestion.drafts import Draft
from flowc.rag.ingestion.items import Item, digest_of, opened
from flowc.rag.ingestion.report import Report, Tell
from flowc.rag.ingestion.writing import Writing
from flowc.rag.reading import Reading
from flowc.rag.stores import Known

if TYPE_CHECKING:
    from flowc.rag.ingestion.ingestion import Ingestion

# How many documents are compared with what is known at once, and how many are read at once.
GROUP, READERS = 200, 3
MAX_SOURCE = 1_024
# To be raised when the same file would become other passages.
_EDITION = 1


class Visit:
    """One ingestion's work on one collection."""

    def __init__(
        self, ingestion: "Ingestion", collection: str, origin: str, report: Report, tell: Tell
    ) -> None:
        self._how, self._collection, self._origin = ingestion, collection, origin
        self._report, self._tell = report, tell
        self._id = uuid.uuid4().hex
        self._under_way: list[Draft] = []
        self._changed: asyncio.Queue[Draft | None] = asyncio.Queue(2 * READERS)
        self._writing = Writing(ingestion.store, ingestion.embeddings, collection, report, tell)

    async def bring_in(self, items: AsyncIterable[Item]) -> None:
        """Bring in what is new or has changed; raise EmbeddingFailed."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._writing.run())
                async with asyncio.TaskGroup() as reading:
                    reading.create_task(self._compare_all(items))
                    for _ in range(READERS):
                        reading.create_task(self._read_all())
                await self._writing.end()
        except BaseExceptionGroup as problems:
            raise _first(problems) from None
        finally:
            self._report.count(self._how.embeddings.usage)

    async def remove_unseen(self) -> None:
        """Take away the documents of the origin that were not among the items."""
        store, name = self._how.store, self._collection
        while gone := await store.unseen(name, self._origin, self._id, GROUP):
            self._report.removed += await store.remove(name, gone)
            for source in gone:
                self._tell("document", {"source": source, "status": "removed"})

    async def _compare_all(self, items: AsyncIterable[Item]) -> None:
        group: list[Item] = []
        async for item in items:
            group.append(item)
            if len(group) >= GROUP:
                await self._compare(group)
                group = []
        if group:
            await self._compare(group)
        for _ in range(READERS):
            await self._changed.put(None)

    async def _compare(self, items: Sequence[Item]) -> None:
        """Find out which items are new or have changed; have those read."""
        store, name = self._how.store, self._collection
        # Before the store is asked: what is published meanwhile is in one of the two.
        self._under_way = [draft for draft in self._under_way if not draft.is_over]
        known = await store.known_documents(name, [item.source for item in items])
        if known:
            await store.saw(name, list(known), self._id)
        came = {source: its.fingerprint for source, its in known.items() if its.seen == self._id}
        came |= {draft.item.source: draft.fingerprint for draft in self._under_way}
        prints = await asyncio.to_thread(lambda: [self._print(item) for item in items])
        changed = []
        for item, found in zip(items, prints, strict=True):
            if isinstance(found, DocumentRefused):
                self._refuse(item, found)
            elif item.source in came:
                self._note_again(item, is_same=came[item.source] == found)
            else:
                came[item.source] = found
                if item.source in known and known[item.source].fingerprint == found:
                    self._report.unchanged += 1
                    self._tell("document", {"source": item.source, "status": "unchanged"})
                else:
                    changed.append((item, found))
        await self._have_read(changed, known)

    async def _have_read(
        self, changed: Sequence[tuple[Item, str]], known: Mapping[str, Known]
    ) -> None:
        if changed:
            # Getting ready to count tokens takes a second, once.
            await asyncio.to_thread(Chunker, self._how.chunking)
        ids = await self._how.store.drafts(self._collection, len(changed))
        for id, (item, found) in zip(ids, changed, strict=True):
            is_new = item.source not in known
            draft = Draft(id, item, self._origin, self._id, is_new, found)
            self._under_way.append(draft)
            await self._changed.put(draft)

    def _note_again(self, item: Item, *, is_same: bool) -> None:
        """Note that a document of this source came before in this visit: the first one is taken."""
        if is_same:
            self._tell("document", {"source": item.source, "status": "repeated"})
        else:
            message = "Several documents are known by this name; the first one was taken."
            self._refuse(item, DocumentRefused("several-documents", message))

    def _print(self, item: Item) -> str | DocumentRefused:
        """Return an item's fingerprint, or why there is none."""
        try:
            _require_short(item)
            return self._fingerprint(digest_of(item), item)
        except DocumentRefused as problem:
            return problem

    def _fingerprint(self, digest: str, item: Item) -> str:
        """Return what is different when a document has to be brought in anew."""
        settings = {
            "chunking": self._how.chunking.model_dump(),
            "ocr": self._how.with_ocr,
            "media_type": item.media_type,
            "metadata": item.metadata,
            "origin": self._origin,
            "edition": _EDITION,
            "content": digest,
        }
        return sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()

    async def _read_all(self) -> None:
        while (draft := await self._changed.get()) is not None:
            try:
                await self._read(draft)
            except DocumentRefused as problem:
                self._writing.give_up(draft)
                self._refuse(draft.item, problem)

    async def _read(self, draft: Draft) -> None:
        """Read a document and cut it; raise DocumentRefused."""
        item, reader, with_ocr = draft.item, self._how.reader, self._how.with_ocr
        async with opened(item) as (file, digest):
            # What was compared may be something else: the file may have changed since.
            draft.fingerprint = self._fingerprint(digest, item)
            async with reader.reading(
                file, item.source, item.media_type, with_ocr=with_ocr
            ) as reading:
                await self._cut(reading, draft)
        await self._writing.is_read(draft)

    async def _cut(self, reading: Reading, draft: Draft) -> None:
        chunker = Chunker(self._how.chunking)
        async for sections in reading.batches():
            # In a thread, since counting tokens takes a while.
            for chunk in await asyncio.to_thread(_fed, chunker, sections):
                await self._writing.put(draft, chunk)
        for chunk in await asyncio.to_thread(lambda: list(chunker.end())):
            await self._writing.put(draft, chunk)
        draft.metadata = reading.metadata

    def _refuse(self, item: Item, problem: DocumentRefused) -> None:
        code, message = problem.code, problem.message
        self._report.fail(item.source, code, message)
        told = {"source": item.source, "status": "failed", "code": code, "message": message}
        self._tell("document", told)


def _require_short(item: Item) -> None:
    if len(item.source) > MAX_SOURCE:
        message = f"Its source has more than {MAX_SOURCE:,} characters."
        raise DocumentRefused("document-not-allowed", message)


def _fed(chunker: Chunker, sections: Sequence[Section]) -> list[Chunk]:
    return [chunk for section in sections for chunk in chunker.feed(section)]


def _first(problems: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what went wrong first; what it ended says nothing."""
    first = problems.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
