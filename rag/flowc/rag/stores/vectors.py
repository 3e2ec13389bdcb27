"""How are vectors kept and found with Chroma, embedded in this process?"""

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

PassageKey = tuple[str, int]
Near = tuple[PassageKey, float, Vector]

# Metadata of documents stand beside ours, and must not be taken for them.
_THEIRS = "its "
# Chroma lets no other thread run while it builds its index, which takes longer the more there is in
# it: so many seconds at once, and never fewer vectors than these, since each time costs something.
_MAX_STILL, _LEAST, _FIRST = 0.25, 32, 128


class Vectors:
    """One folder of Chroma's; collections are known by numbers that are ours."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
        import chromadb  # noqa: PLC0415 - it takes a second, and 60 MB
        from chromadb.config import Settings  # noqa: PLC0415

        settings = Settings(anonymized_telemetry=False, allow_reset=False)
        self._client: Any = chromadb.PersistentClient(str(folder), settings)
        self._most = int(self._client.get_max_batch_size())
        self._at_once = _FIRST
        self._open: dict[int, Any] = {}
        # Of its own: nothing that is written elsewhere waits for an index to be built.
        self._writer = ThreadPoolExecutor(1, "flowc-knowledge-vectors")

    async def write(self, work: "Callable[[Vectors], None]") -> None:
        """Change something, after what is being changed."""
        await in_thread(self._writer, lambda: work(self))

    def create(self, id: int) -> None:
        """Make room for a collection, if there is none."""
        self._open[id] = self._client.get_or_create_collection(
            _name(id), embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def drop(self, id: int) -> None:
        """Take a collection's vectors away."""
        self._open.pop(id, None)
        self._client.delete_collection(_name(id))

    def add(self, id: int, passages: Sequence[NewPassage]) -> None:
        """Keep vectors; those that are there already are kept anew."""
        left = list(passages)
        while left:
            batch, left = left[: self._at_once], left[self._at_once :]
            began = perf_counter()
            self._collection(id).upsert(
                ids=[f"{new.draft}:{new.passage.number}" for new in batch],
                embeddings=np.asarray([new.vector for new in batch], np.float32),
                metadatas=[_metadata(new) for new in batch],
            )
            fitting = round(len(batch) * _MAX_STILL / (perf_counter() - began))
            self._at_once = min(max(fitting, _LEAST), self._most)

    def remove(self, id: int, versions: Sequence[str]) -> None:
        """Take the vectors of versions away."""
        for begin in range(0, len(versions), 100):
            some = list(versions[begin : begin + 100])
            self._collection(id).delete(where={"version": {"$in": some}})

    def nearest(
        self, id: int, vector: Vector, limit: int, where: Filter | None, hidden: Sequence[str]
    ) -> list[Near]:
        """Return the vectors that are nearest to one, but for those of hidden versions."""
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
            (_place(name), 1.0 - float(distance), np.asarray(its, np.float32))
            for name, distance, its in zip(
                found["ids"][0], found["distances"][0], found["embeddings"][0], strict=True
            )
        ]

    def close(self) -> None:
        """Let go of the folder, once what is under way is done."""
        self._writer.shutdown()
        self._open.clear()
        self._client.close()

    def _collection(self, id: int) -> Any:
        if id not in self._open:
            self._open[id] = self._client.get_collection(_name(id), embedding_function=None)
        return self._open[id]


def _name(id: int) -> str:
    return f"knowledge-{id}"


def _place(name: str) -> PassageKey:
    version, _, number = name.partition(":")
    return version, int(number)


def _metadata(new: NewPassage) -> dict[str, Any]:
    passage = new.passage
    own: dict[str, Any] = {"version": new.draft, "source": passage.source}
    if passage.page is not None:
        own["page"] = passage.page
    return own | {_THEIRS + name: value for name, value in passage.metadata.items()}


def _where(found: Filter) -> dict[str, Any]:
    if isinstance(found, FilterCondition):
        name = found.field if found.field in OWN else _THEIRS + found.field
        return {name: {found.operator: found.value}}
    parts = [_where(part) for part in found.parts]
    return parts[0] if len(parts) == 1 else {found.operator: parts}
