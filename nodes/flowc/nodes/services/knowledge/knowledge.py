"""Reads, searches and ingests documents for workflows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from flowc.compiler.node import NodeError
from flowc.nodes.services.knowledge.problems import as_node_errors
from flowc.nodes.services.knowledge.sources import Sources
from flowc.nodes.services.models import Models
from flowc.nodes.services.models.account import NO_ACCOUNT, Account
from flowc.nodes.services.models.vectors import ModelEmbedder, ModelReranker
from flowc.rag.chunking import Chunking, TextChunk
from flowc.rag.documents import Metadata, Section
from flowc.rag.embedding import Embedder, Embeddings, OfflineEmbedder
from flowc.rag.embedding.vector import Vector
from flowc.rag.ingestion import DocumentItem, Ingestion, Report, as_passage, opened
from flowc.rag.reading import Reader
from flowc.rag.retrieval import Search, search
from flowc.rag.stores import (
    DocumentStore,
    FinishedDraft,
    NewPassage,
    NoSuchCollection,
    ScoredPassage,
    StoredDocument,
)


class Knowledge:
    """One tenant's documents; the store is opened at first use. Close it when done.

    The calls of models that a method makes are counted in its `account`.
    """

    def __init__(
        self,
        open_store: Callable[[], Awaitable[DocumentStore]],
        models: Models,
        sources: Sources,
        *,
        default_model: str = OfflineEmbedder.name,
        reader: Reader | None = None,
    ) -> None:
        self._open_store, self._models, self.sources = open_store, models, sources
        self._default, self.reader = default_model, reader or Reader()
        self._store: DocumentStore | None = None
        self._opening = asyncio.Lock()

    async def store(self) -> DocumentStore:
        """Return the open store; raise NodeError."""
        async with self._opening:
            if self._store is None:
                with as_node_errors():
                    self._store = await self._open_store()
        return self._store

    async def embeddings(
        self,
        model: str | None,
        collection: str | None = None,
        *,
        account: Account = NO_ACCOUNT,
    ) -> Embeddings:
        """Return embeddings by a named model, the collection's or the default; raise NodeError."""
        store = await self.store()
        if model is None and collection is not None:
            try:
                model = self._models.alias_for((await store.collection(collection)).model)
            except NoSuchCollection:
                model = None

        return Embeddings(self._embedder(model or self._default, account), store)

    def _embedder(self, model: str, account: Account) -> Embedder:
        if self._models.name_of(model) == OfflineEmbedder.name:
            return OfflineEmbedder()
        return ModelEmbedder(self._models, model, account)

    async def read(self, item: DocumentItem, *, with_ocr: bool) -> tuple[list[Section], Metadata]:
        """Return the sections and metadata of a document; raise NodeError."""
        with as_node_errors():
            async with opened(item) as (file, _):
                return await self.reader.read(file, item.source, item.media_type, with_ocr=with_ocr)

    async def search(
        self,
        collection: str,
        question: str,
        settings: Search,
        rerank: str | None = None,
        *,
        account: Account = NO_ACCOUNT,
    ) -> list[ScoredPassage]:
        """Return the passages that answer a question best; raise NodeError."""
        reranker = ModelReranker(self._models, rerank, account) if rerank is not None else None
        with as_node_errors():
            store = await self.store()
            known = await store.collection(collection)
            embeddings = await self.embeddings(None, known.name, account=account)
            return await search(store, known.name, question, settings, embeddings, reranker)

    async def ingestion(
        self,
        collection: str,
        model: str | None,
        chunking: Chunking,
        *,
        with_ocr: bool,
        account: Account = NO_ACCOUNT,
    ) -> Ingestion:
        """Return an ingestion into a collection; raise NodeError."""
        with as_node_errors():
            embeddings = await self.embeddings(model, collection, account=account)
            store = await self.store()
        return Ingestion(store, self.reader, embeddings, chunking, with_ocr=with_ocr)

    async def put(
        self,
        collection: str,
        source: str,
        chunks: Sequence[TextChunk],
        vectors: Sequence[Vector] | None,
        *,
        embeddings: Embeddings,
        metadata: Metadata,
        fingerprint: str,
    ) -> Report:
        """Store chunks as a document, in place of any with the same source; raise NodeError."""
        with as_node_errors():
            store = await self.store()
            texts, tokens = [each.text for each in chunks], [each.tokens for each in chunks]
            made = vectors if vectors is not None else await embeddings.of(texts, tokens)
            dimension = len(made[0]) if len(made) else await embeddings.dimension()
            if any(len(vector) != dimension for vector in made):
                raise NodeError("vectors-differ", "The vectors differ in length.")
            await store.create(collection, embeddings.model, dimension)
            async with store.alone(collection):
                known = await store.known_documents(collection, [source])
                [draft] = await store.drafts(collection, 1)
                passages = [
                    NewPassage(draft, as_passage(source, number, chunk, metadata), vector)
                    for number, (chunk, vector) in enumerate(zip(chunks, made, strict=True))
                ]
                await store.add(collection, passages)
                document = StoredDocument(
                    source, fingerprint, "", len(chunks), sum(tokens), metadata, datetime.now(UTC)
                )
                await store.publish(collection, [FinishedDraft(draft, document)])
        report = Report(added=not known, changed=bool(known), passages=len(chunks))
        report.count(embeddings.usage)
        return report

    async def aclose(self) -> None:
        """Close what is open."""
        await self.reader.aclose()
        if self._store is not None:
            await self._store.aclose()
