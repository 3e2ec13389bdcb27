"""Stores and searches vectors with Chroma, embedded in this process."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from flowc.rag.blocking import in_thread
from flowc.rag.embedding.vector import Vector
from flowc.rag.stores.filters import OWN, Filter, FilterCondition
from flowc.rag.stores.records import NewPassage

# The version and the number of a passage.
PassageKey = tuple[str, int]
Near = tuple[PassageKey, float, Vector]

# Prefix of metadata of documents, which are stored beside the fields of passages.
_METADATA = "its "
# While Chroma adds to its index, no other thread runs. Adding takes longer as the index grows, so
# batches are sized to block for this many seconds; each call has a cost, hence a smallest size.
_MAX_BLOCKED, _LEAST, _FIRST = 0.25, 32, 128


class Vectors:
    """A folder of Chroma; collections are named by their ids in the catalogue."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
        import chromadb  # noqa: PLC0415 - it takes a second, and 60 MB
        from chromadb.config import Settings  # noqa: PLC0415

        settings = Settings(anonymized_telemetry=False, allow_reset=False)
        self._client: Any = chromadb.PersistentClient(str(folder), settings)
        self._most = int(self._client.get_max_batch_size())
        self._at_once = _FIRST
        self._open: dict[int, Any] = {}
        # A thread of its own, so that no other write waits for the index.
        self._writer = ThreadPoolExecutor(1, "flowc-knowledge-vectors")

    async def write(self, work: "Callable[[Vectors], None]") -> None:
        """Run a change in the thread for writing, after the changes before it."""
        await in_thread(self._writer, lambda: work(self))

    def create(self, id: int) -> None:
        """Create a collection unless it exists."""
        self._open[id] = self._client.get_or_create_collection(
            _name(id), embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def drop(self, id: int) -> None:
        """Delete a collection."""
        self._open.pop(id, None)
        self._client.delete_collection(_name(id))

    def add(self, id: int, passages: Sequence[NewPassage]) -> None:
        """Store vectors; those that are stored already are overwritten."""
        left = list(passages)
        while left:
            batch, left = left[: self._at_once], left[self._at_once :]
            began = perf_counter()
            self._collection(id).upsert(
                ids=[f"{new.draft}:{new.passage.number}" for new in batch],
                embeddings=np.asarray([new.vector for new in batch], np.float32),
                metadatas=[_metadata(new) for new in batch],
            )
            fitting = round(len(batch) * _MAX_BLOCKED / (perf_counter() - began))
            self._at_once = min(max(fitting, _LEAST), self._most)

    def remove(self, id: int, versions: Sequence[str]) -> None:
        """Delete the vectors of versions."""
        for begin in range(0, len(versions), 100):
            some = list(versions[begin : begin + 100])
            self._collection(id).delete(where={"version": {"$in": some}})

    def nearest(
        self, id: int, vector: Vector, limit: int, where: Filter | None, hidden: Sequence[str]
    ) -> list[Near]:
        """Return the nearest vectors, without those of hidden versions."""
        conditions = [_where(where)] if where is not None else []
        conditions += [{"version": {"$nin": list(hidden)}}] if hidden else []
        both = {"$and": conditions} if len(conditions) > 1 else next(iter(conditions), None)
        found = self._collection(id).query(
            query_embeddings=[np.asarray(vector, np.float32)],
            n_results=limit,
            where=both,
            include=["distances", "embeddings"],
        )
        return [
            (_key(name), 1.0 - float(distance), np.asarray(vector, np.float32))
            for name, distance, vector in zip(
                found["ids"][0], found["distances"][0], found["embeddings"][0], strict=True
            )
        ]

    def close(self) -> None:
        """Close the folder after the running change."""
        self._writer.shutdown()
        self._open.clear()
        self._client.close()

    def _collection(self, id: int) -> Any:
        if id not in self._open:
            self._open[id] = self._client.get_collection(_name(id), embedding_function=None)
        return self._open[id]


def _name(id: int) -> str:
    return f"knowledge-{id}"


def _key(name: str) -> PassageKey:
    version, _, number = name.partition(":")
    return version, int(number)


def _metadata(new: NewPassage) -> dict[str, Any]:
    passage = new.passage
    own: dict[str, Any] = {"version": new.draft, "source": passage.source}
    if passage.page is not None:
        own["page"] = passage.page
    return own | {_METADATA + name: value for name, value in passage.metadata.items()}


def _where(found: Filter) -> dict[str, Any]:
    if isinstance(found, FilterCondition):
        name = found.field if found.field in OWN else _METADATA + found.field
        return {name: {found.operator: found.value}}
    parts = [_where(part) for part in found.parts]
    return parts[0] if len(parts) == 1 else {found.operator: parts}
