"""What do stores have in common? All that is written down in the catalogue."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row

from flowc.rag.embedding.vector import Vector
from flowc.rag.stores import catalog
from flowc.rag.stores.records import Collection, FinishedDraft, KnownDocument, StoredDocument
from flowc.rag.stores.transactions import Transactions

T = TypeVar("T")


class CataloguedStore(ABC):
    """A tenant's collections, as far as the catalogue goes; passages are for others to keep."""

    def __init__(self, transactions: Transactions, tenant: str) -> None:
        self._transactions, self._tenant = transactions, tenant

    async def collection(self, name: str) -> Collection:
        """Return a collection; raise NoSuchCollection."""
        return await self._read(name, catalog.as_collection)

    async def collections(self) -> list[Collection]:
        """Return all collections, by their names."""
        return await self._transactions.read(lambda c: catalog.all_of(c, self._tenant))

    async def documents(self, name: str, after: str, limit: int) -> list[StoredDocument]:
        """Return documents by their sources, from the one after a source on."""
        return await self._read(name, lambda c, row: catalog.documents_of(c, row.id, after, limit))

    async def known_documents(
        self, name: str, sources: Sequence[str]
    ) -> Mapping[str, KnownDocument]:
        """Return what is known of those documents that are there, by their sources."""
        return await self._read(name, lambda c, row: catalog.known_documents(c, row.id, sources))

    async def drafts(self, name: str, count: int) -> list[str]:
        """Begin so many new versions of documents; return the drafts' ids."""
        return await self._write(name, lambda c, row: catalog.add_drafts(c, row.id, count))

    async def publish(self, name: str, drafts: Sequence[FinishedDraft]) -> None:
        """Have drafts found from now on, each in place of the document of its source."""
        id, old = await self._write(
            name, lambda c, row: (int(row.id), catalog.publish(c, row.id, drafts))
        )
        await self._clear(id, old)

    async def discard(self, name: str, drafts: Sequence[str]) -> None:
        """Forget drafts."""
        id = await self._read(name, lambda _, row: int(row.id))
        await self._clear(id, drafts)

    async def mark_seen(self, name: str, sources: Sequence[str], visit: str) -> None:
        """Note that a visit to their origin has seen documents."""
        await self._write(name, lambda c, row: catalog.mark_seen(c, row.id, sources, visit))

    async def unseen(self, name: str, origin: str, visit: str, limit: int) -> list[str]:
        """Return sources of an origin that a visit has not seen."""
        return await self._read(
            name, lambda c, row: catalog.unseen(c, row.id, origin, visit, limit)
        )

    async def remove(self, name: str, sources: Sequence[str]) -> int:
        """Take documents away; return how many there were."""
        id, old = await self._write(
            name, lambda c, row: (int(row.id), catalog.remove(c, row.id, sources))
        )
        await self._clear(id, old)
        return len(old)

    async def sweep(self, name: str) -> None:
        """Forget all drafts, and what is left of old documents."""
        id, left = await self._read(
            name, lambda c, row: (int(row.id), catalog.hidden_versions(c, row.id))
        )
        await self._clear(id, left)

    async def known_vectors(self, model: str, keys: Sequence[bytes]) -> Mapping[bytes, Vector]:
        """Return vectors that were kept for texts, by the hashes of those."""
        return await self._transactions.read(lambda c: catalog.known_vectors(c, model, keys))

    async def store_vectors(self, model: str, vectors: Mapping[bytes, Vector]) -> None:
        """Keep vectors of texts, so that they need not be paid for again."""
        await self._transactions.write(lambda c: catalog.store_vectors(c, model, vectors))

    async def _read(self, name: str, work: Callable[[Connection, Row[Any]], T]) -> T:
        return await self._transactions.read(lambda c: work(c, catalog.get(c, self._tenant, name)))

    async def _write(self, name: str, work: Callable[[Connection, Row[Any]], T]) -> T:
        return await self._transactions.write(lambda c: work(c, catalog.get(c, self._tenant, name)))

    @abstractmethod
    async def _clear(self, id: int, versions: Sequence[str]) -> None:
        """Take away what is kept of versions that are hidden; they are forgotten last."""
