"""Stores documents on this machine: vectors in Chroma, everything else in a SQLite file.

The two are written one after the other. Searches are consistent because the catalogue lists the
versions to leave out, and Chroma changes a version only when no search uses an older list.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Row, create_engine, event, text

from flowc.rag.embedding.vector import Vector
from flowc.rag.stores import catalog, words
from flowc.rag.stores.catalogued import CataloguedStore
from flowc.rag.stores.document_store import StoreInUse
from flowc.rag.stores.filters import Filter
from flowc.rag.stores.records import Collection, NewPassage, Passage, ScoredPassage, best_first
from flowc.rag.stores.rows import passage_of, row_of
from flowc.rag.stores.searches import Searches
from flowc.rag.stores.transactions import Transactions
from flowc.rag.stores.vectors import Vectors

_PASSAGES = """
CREATE TABLE IF NOT EXISTS knowledge_passages (
    id INTEGER PRIMARY KEY, collection INTEGER NOT NULL, version TEXT NOT NULL,
    number INTEGER NOT NULL, source TEXT NOT NULL, page INTEGER, last_page INTEGER,
    tokens INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    headings TEXT NOT NULL, metadata TEXT NOT NULL,
    UNIQUE (version, number)
)"""
_ADD = """
INSERT INTO knowledge_passages
    (id, collection, version, number, source, page, last_page, tokens, start, "end", headings,
     metadata)
VALUES
    (:id, :collection, :version, :number, :source, :page, :last_page, :tokens, :start, :end,
     :headings, :metadata)
"""
_NEXT = "SELECT coalesce(max(id), 0) + 1 FROM knowledge_passages"
# Seconds to wait for another process that is about to end.
_PATIENCE = 2.0


class LocalStore(CataloguedStore):
    """One tenant's collections in a folder that one process at a time can open."""

    def __init__(self, lock: FileLock, transactions: Transactions, vectors: Vectors, tenant: str):
        super().__init__(transactions, tenant)
        self._lock, self._vectors = lock, vectors
        self._alone: dict[str, asyncio.Lock] = {}
        self._searches = Searches()

    @classmethod
    async def open(cls, folder: Path, tenant: str = "default") -> "LocalStore":
        """Open a folder, created if necessary; raise StoreInUse."""

        def do() -> LocalStore:
            folder.mkdir(parents=True, exist_ok=True)
            lock = _lock(folder)
            engine = create_engine(f"sqlite:///{folder / 'catalog.db'}")
            event.listen(engine, "connect", _set_up)
            with engine.begin() as connection:
                catalog.tables.create_all(connection)
                connection.execute(text(_PASSAGES))
            transactions = Transactions(engine, writers=1, readers=4)
            return cls(lock, transactions, Vectors(folder / "chroma"), tenant)

        return await asyncio.to_thread(do)

    async def create(self, name: str, model: str, dimension: int) -> Collection:
        def work(connection: Connection) -> Collection:
            row, _ = catalog.create(connection, self._tenant, name, model, dimension)
            connection.execute(text(words.create(row.id)))
            self._vectors.create(row.id)
            return catalog.as_collection(connection, row)

        return await self._transactions.write(work)

    async def drop(self, name: str) -> None:
        def work(connection: Connection, row: Row[Any]) -> int:
            catalog.drop(connection, row.id)
            connection.execute(
                text("DELETE FROM knowledge_passages WHERE collection = :id"), {"id": row.id}
            )
            connection.execute(text(words.drop(row.id)))
            return int(row.id)

        id = await self._write(name, work)
        await self._vectors.write(lambda vectors: vectors.drop(id))

    async def drafts(self, name: str, count: int) -> list[str]:
        drafts = await super().drafts(name, count)
        # A search that read the hidden versions before would find the drafts' vectors.
        await self._searches.over()
        return drafts

    async def passages(self, name: str, source: str, after: int, limit: int) -> list[Passage]:
        def work(connection: Connection, row: Row[Any]) -> list[Passage]:
            version = catalog.version_of(connection, row.id, source)
            rows = words.of_version(connection, row.id, version, after, limit)
            return [passage_of(found) for found in rows]

        return await self._read(name, work)

    async def add(self, name: str, passages: Sequence[NewPassage]) -> None:
        def work(connection: Connection, row: Row[Any]) -> int:
            # Ids are chosen here, so that one statement inserts all rows: ten times as fast. There
            # is only one writer, so no one else uses them.
            first = connection.execute(text(_NEXT)).scalar_one()
            rows = [
                {**row_of(new), "id": id, "collection": row.id}
                for id, new in enumerate(passages, first)
            ]
            connection.execute(text(_ADD), rows)
            words.add(connection, row.id, rows)
            return int(row.id)

        if passages:
            id = await self._write(name, work)
            await self._vectors.write(lambda vectors: vectors.add(id, passages))

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        await self.collection(name)
        async with self._alone.setdefault(name, asyncio.Lock()):
            yield

    async def nearest(
        self, name: str, vector: Vector, limit: int, where: Filter | None
    ) -> list[ScoredPassage]:
        with self._searches.one():
            return await self._transactions.in_reader(
                lambda: self._nearest(name, vector, limit, where)
            )

    async def matching(
        self, name: str, text: str, limit: int, where: Filter | None
    ) -> list[ScoredPassage]:
        def work(connection: Connection, row: Row[Any]) -> list[ScoredPassage]:
            return [
                ScoredPassage(passage_of(found), found.score)
                for found in words.search(connection, row.id, text, limit, where)
            ]

        return best_first(await self._read(name, work))

    async def aclose(self) -> None:
        self._transactions.close()
        self._vectors.close()
        self._lock.release()

    async def _clear(self, id: int, versions: Sequence[str]) -> None:
        if not versions:
            return
        # A search that found the old version before it was hidden would find a part of it.
        await self._searches.over()

        def work(connection: Connection) -> None:
            words.remove(connection, id, versions)
            catalog.forget(connection, versions)

        await self._vectors.write(lambda vectors: vectors.remove(id, versions))
        await self._transactions.write(work)

    def _nearest(
        self, name: str, vector: Vector, limit: int, where: Filter | None
    ) -> list[ScoredPassage]:
        def hidden_in(connection: Connection) -> tuple[int, list[str]]:
            id = int(catalog.get(connection, self._tenant, name).id)
            return id, catalog.hidden_versions(connection, id)

        id, hidden = self._transactions.transaction(hidden_in)
        near = self._vectors.nearest(id, vector, limit, where, hidden)
        keys = [key for key, _, _ in near]
        passages = self._transactions.transaction(lambda c: words.passages(c, id, keys))
        found = [
            ScoredPassage(passages[key], score, v) for key, score, v in near if key in passages
        ]
        return best_first(found)


def _lock(folder: Path) -> FileLock:
    lock = FileLock(folder / "store.lock", thread_local=False)
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout:
        raise StoreInUse(f"Another process has the documents in {folder} open.") from None
    return lock


def _set_up(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
