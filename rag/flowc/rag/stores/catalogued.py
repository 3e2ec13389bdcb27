"""The part that all stores share: what is in the catalogue."""

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
    """One tenant's collections and documents; subclasses store the passages.

    The public methods are described in `DocumentStore`.
    """

    def __init__(self, transactions: Transactions, tenant: str) -> None:
        self._transactions, self._tenant = transactions, tenant

    async def collection(self, name: str) -> Collection:
        return await self._read(name, catalog.as_collection)

    async def collections(self) -> list[Collection]:
        return await self._transactions.read(lambda c: catalog.all_of(c, self._tenant))

    async def documents(self, name: str, after: str, limit: int) -> list[StoredDocument]:
        return await self._read(name, lambda c, row: catalog.documents_of(c, row.id, after, limit))

    async def known_documents(
        self, name: str, sources: Sequence[str]
    ) -> Mapping[str, KnownDocument]:
        return await self._read(name, lambda c, row: catalog.known_documents(c, row.id, sources))

    async def drafts(self, name: str, count: int) -> list[str]:
        return await self._write(name, lambda c, row: catalog.add_drafts(c, row.id, count))

    async def publish(self, name: str, drafts: Sequence[FinishedDraft]) -> None:
        id, old = await self._write(
            name, lambda c, row: (int(row.id), catalog.publish(c, row.id, drafts))
        )
        await self._clear(id, old)

    async def discard(self, name: str, drafts: Sequence[str]) -> None:
        id = await self._read(name, lambda _, row: int(row.id))
        await self._clear(id, drafts)

    async def mark_seen(self, name: str, sources: Sequence[str], visit: str) -> None:
        await self._write(name, lambda c, row: catalog.mark_seen(c, row.id, sources, visit))

    async def unseen(self, name: str, origin: str, visit: str, limit: int) -> list[str]:
        return await self._read(
            name, lambda c, row: catalog.unseen(c, row.id, origin, visit, limit)
        )

    async def remove(self, name: str, sources: Sequence[str]) -> int:
        id, old = await self._write(
            name, lambda c, row: (int(row.id), catalog.remove(c, row.id, sources))
        )
        await self._clear(id, old)
        return len(old)

    async def sweep(self, name: str) -> None:
        id, left = await self._read(
            name, lambda c, row: (int(row.id), catalog.hidden_versions(c, row.id))
        )
        await self._clear(id, left)

    async def known_vectors(self, model: str, keys: Sequence[bytes]) -> Mapping[bytes, Vector]:
        return await self._transactions.read(lambda c: catalog.known_vectors(c, model, keys))

    async def store_vectors(self, model: str, vectors: Mapping[bytes, Vector]) -> None:
        await self._transactions.write(lambda c: catalog.store_vectors(c, model, vectors))

    async def _read(self, name: str, work: Callable[[Connection, Row[Any]], T]) -> T:
        return await self._transactions.read(lambda c: work(c, catalog.get(c, self._tenant, name)))

    async def _write(self, name: str, work: Callable[[Connection, Row[Any]], T]) -> T:
        return await self._transactions.write(lambda c: work(c, catalog.get(c, self._tenant, name)))

    @abstractmethod
    async def _clear(self, id: int, versions: Sequence[str]) -> None:
        """Delete the passages of hidden versions, and only then the versions in the catalogue."""
