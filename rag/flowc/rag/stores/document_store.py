"""What does a store of documents promise?"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from flowc.rag.embedding.vector import Vector
from flowc.rag.stores.filters import Filter
from flowc.rag.stores.records import (
    Collection,
    FinishedDraft,
    FoundPassage,
    KnownDocument,
    NewPassage,
    Passage,
    StoredDocument,
)


class NoSuchCollection(Exception):
    """Whoever names a collection that there is not meets this."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no collection {name!r}.")


class StoreInUse(Exception):
    """Whoever opens a store that only one process can have open, while another has, meets this."""


class CollectionDiffers(Exception):
    """Whoever brings vectors of another model, or of another length, to a collection meets this."""

    def __init__(self, known: Collection, model: str, dimension: int) -> None:
        super().__init__(
            f"The collection {known.name!r} has vectors of {known.model} with {known.dimension}"
            f" numbers, not of {model} with {dimension}."
        )


class DocumentStore(Protocol):
    """Keeps one tenant's collections; `flowc.rag.testing.check_store` holds what is promised.

    A document is replaced as a whole: its new passages are those of a draft, which nobody finds
    until it is published, and the old ones are found until then.
    """

    async def create(self, name: str, model: str, dimension: int) -> Collection:
        """Return a collection, made if need be; raise CollectionDiffers."""
        ...

    async def collection(self, name: str) -> Collection:
        """Return a collection; raise NoSuchCollection."""
        ...

    async def collections(self) -> list[Collection]:
        """Return all collections, by their names."""
        ...

    async def drop(self, name: str) -> None:
        """Take a collection away with all that is in it; raise NoSuchCollection."""
        ...

    async def documents(self, name: str, after: str, limit: int) -> list[StoredDocument]:
        """Return documents by their sources, from the one after a source on."""
        ...

    async def known_documents(
        self, name: str, sources: Sequence[str]
    ) -> Mapping[str, KnownDocument]:
        """Return what is known of those documents that are there, by their sources."""
        ...

    async def passages(self, name: str, source: str, after: int, limit: int) -> list[Passage]:
        """Return a document's passages by their numbers, from the one after a number on."""
        ...

    async def drafts(self, name: str, count: int) -> list[str]:
        """Begin so many new versions of documents; return the drafts' ids."""
        ...

    async def add(self, name: str, passages: Sequence[NewPassage]) -> None:
        """Keep passages of drafts."""
        ...

    async def publish(self, name: str, drafts: Sequence[FinishedDraft]) -> None:
        """Have drafts found from now on, each in place of the document of its source."""
        ...

    async def discard(self, name: str, drafts: Sequence[str]) -> None:
        """Forget drafts."""
        ...

    async def mark_seen(self, name: str, sources: Sequence[str], visit: str) -> None:
        """Note that a visit to their origin has seen documents."""
        ...

    async def unseen(self, name: str, origin: str, visit: str, limit: int) -> list[str]:
        """Return sources of an origin that a visit has not seen."""
        ...

    async def remove(self, name: str, sources: Sequence[str]) -> int:
        """Take documents away; return how many there were."""
        ...

    async def sweep(self, name: str) -> None:
        """Forget all drafts: those who were at work on them are gone."""
        ...

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        """Wait until nobody else brings documents in, here or in another process."""
        ...

    async def nearest(
        self, name: str, vector: Vector, limit: int, where: Filter | None
    ) -> list[FoundPassage]:
        """Return the passages whose vectors are nearest to one, with their vectors."""
        ...

    async def matching(
        self, name: str, text: str, limit: int, where: Filter | None
    ) -> list[FoundPassage]:
        """Return the passages that share words with a text, by BM25."""
        ...

    async def known_vectors(self, model: str, keys: Sequence[bytes]) -> Mapping[bytes, Vector]:
        """Return vectors that were kept for texts, by the hashes of those."""
        ...

    async def store_vectors(self, model: str, vectors: Mapping[bytes, Vector]) -> None:
        """Keep vectors of texts, so that they need not be paid for again."""
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...
