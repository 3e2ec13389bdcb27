"""Embeds chunks and stores them as passages, and publishes each document when it is complete."""

import asyncio
from typing import NamedTuple

from flowc.rag.chunking import TextChunk
from flowc.rag.embedding import Embeddings
from flowc.rag.ingestion.drafts import DocumentDraft
from flowc.rag.ingestion.progress import Progress
from flowc.rag.stores import DocumentStore

# How many chunks may wait to be embedded; readers wait while there are more.
WAITING = 512


class _Piece(NamedTuple):
    draft: DocumentDraft
    number: int
    chunk: TextChunk


class Writing:
    """Embeds and stores chunks of several documents in batches, as the chunks come."""

    def __init__(
        self, store: DocumentStore, embeddings: Embeddings, collection: str, progress: Progress
    ) -> None:
        self._store, self._embeddings, self._collection = store, embeddings, collection
        self._progress, self._report = progress, progress.report
        self._waiting: asyncio.Queue[_Piece | None] = asyncio.Queue(WAITING)
        self._slots = asyncio.Semaphore(embeddings.batches.concurrency)
        self._given_up: list[DocumentDraft] = []

    async def put(self, draft: DocumentDraft, chunk: TextChunk) -> None:
        """Queue a chunk to be stored; wait while the queue is full."""
        number, draft.passages = draft.passages, draft.passages + 1
        draft.tokens += chunk.tokens
        await self._waiting.put(_Piece(draft, number, chunk))

    async def is_read(self, draft: DocumentDraft) -> None:
        """Mark that a document has no more chunks."""
        draft.is_read = True
        if draft.is_complete:
            await self._publish([draft])

    def give_up(self, draft: DocumentDraft) -> None:
        """Mark that a document cannot be read to its end; its old passages stay."""
        draft.is_over = True
        self._given_up.append(draft)

    async def end(self) -> None:
        """Mark that there are no more documents."""
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
        # Only now: passages stored after their draft was discarded would be found.
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
        self._progress.counts()

    async def _publish(self, drafts: list[DocumentDraft]) -> None:
        if not drafts:
            return
        await self._store.publish(self._collection, [draft.finished() for draft in drafts])
        for draft in drafts:
            draft.is_over = True
            self._progress.published(draft.item.source, draft.passages, is_new=draft.is_new)
