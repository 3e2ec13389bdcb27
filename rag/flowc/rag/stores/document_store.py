"""Defines what a document store must provide."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from flowc.rag.embedding.embeddings import VectorCache
from flowc.rag.embedding.vector import Vector
from flowc.rag.stores.filters import Filter
from flowc.rag.stores.records import (
    Collection,
    FinishedDraft,
    KnownDocument,
    NewPassage,
    Passage,
    ScoredPassage,
    StoredDocument,
)


class NoSuchCollection(Exception):
    """The collection does not exist, or belongs to another tenant."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no collection {name!r}.")


class StoreInUse(Exception):
    """Another process has the store open; only one process can."""


class CollectionDiffers(Exception):
    """The collection holds vectors of another model, or of another length."""

    def __init__(self, known: Collection, model: str, dimension: int) -> None:
        super().__init__(
            f"The collection {known.name!r} holds vectors of {known.model} with {known.dimension}"
            f" numbers, not of {model} with {dimension}. Use that model, or another collection."
        )


class DocumentStore(VectorCache, Protocol):
    """Stores one tenant's collections; `flowc.rag.testing.check_store` checks the promises.

    A document is replaced as a whole. Its new passages belong to a draft, which no search finds
    until it is published; until then, searches find the old passages. Methods that take the name of
    a collection raise NoSuchCollection.
    """

    async def create(self, name: str, model: str, dimension: int) -> Collection:
        """Return a collection, created if necessary; raise CollectionDiffers."""
        ...

    async def collection(self, name: str) -> Collection:
        """Return a collection."""
        ...

    async def collections(self) -> list[Collection]:
        """Return all collections, ordered by name."""
        ...

    async def drop(self, name: str) -> None:
        """Delete a collection with everything in it."""
        ...

    async def documents(self, name: str, after: str, limit: int) -> list[StoredDocument]:
        """Return documents whose source is greater than `after`, ordered by source."""
        ...

    async def known_documents(
        self, name: str, sources: Sequence[str]
    ) -> Mapping[str, KnownDocument]:
        """Return what ingestion needs to know about documents that are stored, by source."""
        ...

    async def passages(self, name: str, source: str, after: int, limit: int) -> list[Passage]:
        """Return a document's passages with a number greater than `after`, in order."""
        ...

    async def drafts(self, name: str, count: int) -> list[str]:
        """Create drafts of documents; return their ids."""
        ...

    async def add(self, name: str, passages: Sequence[NewPassage]) -> None:
        """Store passages of drafts."""
        ...

    async def publish(self, name: str, drafts: Sequence[FinishedDraft]) -> None:
        """Replace documents by their drafts: searches find the new passages, not the old ones."""
        ...

    async def discard(self, name: str, drafts: Sequence[str]) -> None:
        """Delete drafts."""
        ...

    async def mark_seen(self, name: str, sources: Sequence[str], visit: str) -> None:
        """Mark documents as seen by a visit to their origin."""
        ...

    async def unseen(self, name: str, origin: str, visit: str, limit: int) -> list[str]:
        """Return sources of an origin that were not seen by a visit."""
        ...

    async def remove(self, name: str, sources: Sequence[str]) -> int:
        """Delete documents; return how many there were."""
        ...

    async def sweep(self, name: str) -> None:
        """Delete all drafts and the remains of old documents; call it only within `alone`."""
        ...

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        """Exclude all other ingestions into a collection, in this process and in others."""
        ...

    async def nearest(
        self, name: str, vector: Vector, limit: int, where: Filter | None
    ) -> list[ScoredPassage]:
        """Return the passages with the nearest vectors, the best first, and these vectors."""
        ...

    async def matching(
        self, name: str, text: str, limit: int, where: Filter | None
    ) -> list[ScoredPassage]:
        """Return passages that share words with a text, ranked by BM25."""
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...
