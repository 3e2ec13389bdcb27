"""How do chunks of several documents become stored passages, and drafts become documents?"""

import asyncio
from time import monotonic
from typing import NamedTuple

from flowc.rag.chunking import Chunk
from flowc.rag.embedding import Embeddings
from flowc.rag.ingestion.drafts import Draft
from flowc.rag.ingestion.report import Report, Tell
from flowc.rag.stores import Store

# Chunks that wait to be embedded; whoever reads further waits with them.
WAITING = 512
_TELL_SECONDS = 0.25


class _Piece(NamedTuple):
    draft: Draft
    number: int
    chunk: Chunk


class Writing:
    """Embeds and stores chunks as they come; a document is published when it has all of its."""

    def __init__(
        self, store: Store, embeddings: Embeddings, collection: str, report: Report, tell: Tell
    ) -> None:
        self._store, self._embeddings, self._collection = store, embeddings, collection
        self._report, self._tell = report, tell
        self._waiting: asyncio.Queue[_Piece | None] = asyncio.Queue(WAITING)
        self._slots = asyncio.Semaphore(embeddings.batches.concurrency)
        self._given_up: list[Draft] = []
        self._told = 0.0

    async def put(self, draft: Draft, chunk: Chunk) -> None:
        """Have a chunk stored; wait while many others are."""
        number, draft.passages = draft.passages, draft.passages + 1
        draft.tokens += chunk.tokens
        await self._waiting.put(_Piece(draft, number, chunk))

    async def is_read(self, draft: Draft) -> None:
        """Note that a document has no more chunks."""
        draft.is_read = True
        if draft.is_complete:
            await self._publish([draft])

    def give_up(self, draft: Draft) -> None:
        """Note that a document cannot be read to its end; what was there of it stays."""
        draft.is_over = True
        self._given_up.append(draft)

    async def end(self) -> None:
        """Note that there are no more documents."""
        await self._waiting.put(None)

    async def run(self) -> None:
        """Store chunks until there are no more; raise EmbeddingFailed."""
        most, batch, tokens = self._embeddings.batches, list[_Piece](), 0
        async with asyncio.TaskGroup() as group:
            while (piece := await self._waiting.get()) is not None:
                size = piece.chunk.tokens
                if batch and (len(batch) == most.max_texts or tokens + size > most.max_tokens):
                    await self._slots.acquire()
                    group.create_task(self._write(batch))
                    batch, tokens = [], 0
                batch.append(piece)
                tokens += size
            if batch:
                await self._slots.acquire()
                group.create_task(self._write(batch))
        # Not before: what is stored of a draft that is forgotten would be found.
        await self._store.discard(self._collection, [draft.id for draft in self._given_up])

    async def _write(self, batch: list[_Piece]) -> None:
        try:
            texts, tokens = zip(*((p.chunk.text, p.chunk.tokens) for p in batch), strict=True)
            vectors = await self._embeddings.of(texts, tokens)
            passages = [
                piece.draft.passage(piece.number, piece.chunk, vector)
                for piece, vector in zip(batch, vectors, strict=True)
            ]
            await self._store.add(self._collection, passages)
        finally:
            self._slots.release()
        self._report.passages += len(batch)
        for piece in batch:
            piece.draft.stored += 1
        drafts = dict.fromkeys(piece.draft for piece in batch)
        await self._publish([draft for draft in drafts if draft.is_complete])
        self._tell_progress()

    async def _publish(self, drafts: list[Draft]) -> None:
        if not drafts:
            return
        await self._store.publish(self._collection, [draft.finished() for draft in drafts])
        for draft in drafts:
            draft.is_over = True
            status = "added" if draft.is_new else "changed"
            self._report.added += draft.is_new
            self._report.changed += not draft.is_new
            self._tell("document", {
                "source": draft.item.source, "status": status, "passages": draft.passages,
            })  # fmt: skip

    def _tell_progress(self) -> None:
        if monotonic() - self._told > _TELL_SECONDS:
            self._told = monotonic()
            report = self._report
            told = {"documents": report.documents, "passages": report.passages}
            self._tell("progress", told)
