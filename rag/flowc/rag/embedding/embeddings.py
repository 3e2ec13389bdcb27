"""Embeds many texts: in batches, several at once, no text twice, again after a failure."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from flowc.rag.embedding.embedder import Embedded, Embedder, EmbeddingFailed
from flowc.rag.embedding.vector import Vector

# Few texts have more than one token for two bytes.
BYTES_PER_TOKEN = 2


class VectorCache(Protocol):
    """Stores vectors by the SHA-256 of their texts; every document store is one."""

    async def known_vectors(self, model: str, keys: Sequence[bytes]) -> Mapping[bytes, Vector]:
        """Return the vectors that are stored, by key."""
        ...

    async def store_vectors(self, model: str, vectors: Mapping[bytes, Vector]) -> None:
        """Store vectors, so that their texts need not be embedded again."""
        ...


@dataclass(frozen=True, slots=True)
class Batches:
    """Limits of one call to a model, how many calls run at once, and attempts of each."""

    max_texts: int = 128
    max_tokens: int = 100_000
    concurrency: int = 4
    attempts: int = 5
    initial_wait: float = 0.5


@dataclass(slots=True)
class Usage:
    """Texts that were embedded, texts whose vectors were stored already, and the price."""

    embedded: int = 0
    cached: int = 0
    tokens: int = 0
    cost: float = 0.0


class Embeddings:
    """A model with a cache of its vectors; `usage` counts what it is used for."""

    def __init__(
        self,
        embedder: Embedder,
        cache: VectorCache | None = None,
        batches: Batches = Batches(),
    ) -> None:
        self.embedder, self.batches, self.usage = embedder, batches, Usage()
        self._cache = cache
        self._slots = asyncio.Semaphore(batches.concurrency)

    @property
    def model(self) -> str:
        """The model's name."""
        return self.embedder.name

    async def dimension(self) -> int:
        """Return the length of a vector."""
        return len((await self.of(["dimension"]))[0])

    async def query(self, text: str) -> Vector:
        """Return the vector of a question."""
        [vector] = await self._embed([text], is_query=True)
        return vector

    async def of(self, texts: Sequence[str], tokens: Sequence[int] | None = None) -> list[Vector]:
        """Return the vectors of texts, in order; raise EmbeddingFailed.

        `tokens` are the sizes of the texts; without them, the largest possible are assumed.
        """
        keys = [sha256(text.encode()).digest() for text in texts]
        most = tokens or [len(text.encode()) // BYTES_PER_TOKEN for text in texts]
        sizes = dict(zip(keys, most, strict=True))
        wanted = dict(zip(keys, texts, strict=True))
        found = (
            dict(await self._cache.known_vectors(self.model, list(wanted))) if self._cache else {}
        )
        self.usage.cached += len(texts) - len(wanted) + len(found)
        missing = {key: text for key, text in wanted.items() if key not in found}
        embedded = await self._embed_all(missing, sizes)
        if self._cache and embedded:
            await self._cache.store_vectors(self.model, embedded)
        found |= embedded
        return [found[key] for key in keys]

    async def _embed_all(
        self, missing: Mapping[bytes, str], sizes: Mapping[bytes, int]
    ) -> dict[bytes, Vector]:
        batches = list(self._batched(missing, sizes))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._embed([missing[key] for key in batch]))
                    for batch in batches
                ]
        except BaseExceptionGroup as problems:
            # The others are calls that were cancelled because this one failed.
            raise problems.exceptions[0] from None
        keys = (key for batch in batches for key in batch)
        return dict(zip(keys, (v for task in tasks for v in task.result()), strict=True))

    def _batched(self, keys: Iterable[bytes], sizes: Mapping[bytes, int]) -> Iterator[list[bytes]]:
        """Yield batches of keys within the limits; a text that exceeds them is alone in its own."""
        most, batch, size = self.batches, list[bytes](), 0
        for key in keys:
            if batch and (len(batch) == most.max_texts or size + sizes[key] > most.max_tokens):
                yield batch
                batch, size = [], 0
            batch.append(key)
            size += sizes[key]
        if batch:
            yield batch

    async def _embed(self, texts: list[str], *, is_query: bool = False) -> list[Vector]:
        import numpy as np  # noqa: PLC0415 - only documents need it

        from flowc.rag.embedding.attempts import attempts  # noqa: PLC0415 - as above

        retrying = attempts(self.batches.attempts, self.batches.initial_wait)
        async with self._slots:
            embedded: Embedded = await retrying(self.embedder.embed, texts, is_query=is_query)
        vectors = np.asarray(embedded.vectors, np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            message = f"The model {self.model!r} returned no vector for each of {len(texts)} texts."
            raise EmbeddingFailed("invalid-embedding", message)
        self.usage.embedded += len(texts)
        self.usage.tokens += embedded.tokens
        self.usage.cost += embedded.cost
        return list(vectors)
