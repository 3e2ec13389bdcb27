"""An embedding model and a library of documents, for tests."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from flowc.rag.chunking import Chunking
from flowc.rag.embedding import Embedded, EmbeddingFailed, Embeddings
from flowc.rag.embedding.embeddings import Batches
from flowc.rag.folders import Folders
from flowc.rag.ingestion import DocumentItem, Ingestion, Report
from flowc.rag.reading import Reader
from flowc.rag.retrieval import Search, search
from flowc.rag.stores import DocumentStore, ScoredPassage


@dataclass
class Letters:
    """Embeds a text as the frequency of each letter; counts its calls, and raises `failures`."""

    name: str = "test/letters"
    batches: list[int] = field(default_factory=list)
    failures: list[EmbeddingFailed] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    @property
    def texts(self) -> int:
        return sum(self.batches)

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Embedded:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append(len(texts))
        rows = [[text.lower().count(chr(97 + i)) + 0.01 for i in range(26)] for text in texts]
        return Embedded(np.asarray(rows, np.float32), 10 * len(texts), 0.001 * len(texts))


QUICK = Batches(max_texts=32, max_tokens=20_000, initial_wait=0.001)


@dataclass
class Library:
    """A store, a reader and a model, with what ingestions reported."""

    store: DocumentStore
    reader: Reader
    letters: Letters = field(default_factory=Letters)
    progress: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def embeddings(self) -> Embeddings:
        return Embeddings(self.letters, self.store, QUICK)

    async def ingest(
        self,
        source: Path | Iterable[DocumentItem],
        name: str = "docs",
        size: int = 64,
        **options: Any,
    ) -> Report:
        """Ingest the files in a folder, or some items."""
        self.progress.clear()
        ingestion = Ingestion(
            self.store, self.reader, self.embeddings(), Chunking(size=size, overlap=8)
        )
        on_progress = lambda kind, data: self.progress.append((kind, data))  # noqa: E731
        if isinstance(source, Path):
            items = Folders([source]).items(str(source))
            options = {"origin": str(source), "removes": True, **options}
        else:
            items = iter(source)
        return await ingestion.run(name, each(items), on_progress=on_progress, **options)

    async def search(
        self, question: str, name: str = "docs", **settings: Any
    ) -> list[ScoredPassage]:
        return await search(self.store, name, question, Search(**settings), self.embeddings())

    async def texts(self, name: str = "docs") -> dict[str, list[str]]:
        """Return the texts of all passages by file name, in the order of the documents."""
        documents = await self.store.documents(name, "", 1_000)
        texts = {}
        for document in documents:
            passages = await self.store.passages(name, document.source, -1, 10_000)
            assert [passage.number for passage in passages] == list(range(document.passages))
            texts[Path(document.source).name] = [passage.text for passage in passages]
        collection = await self.store.collection(name)
        assert collection.passages == sum(map(len, texts.values()))
        return texts


async def each(items: Iterable[DocumentItem]) -> AsyncIterator[DocumentItem]:
    for item in items:
        yield item
