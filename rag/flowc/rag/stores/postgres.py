"""Stores documents in PostgreSQL: vectors with pgvector, words with its full-text index."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, create_engine, event, make_url, text

from flowc.rag.embedding.vector import Vector
from flowc.rag.stores import catalog, ranking
from flowc.rag.stores.catalogued import CataloguedStore
from flowc.rag.stores.filters import Filter
from flowc.rag.stores.records import Collection, NewPassage, Passage, ScoredPassage, best_first
from flowc.rag.stores.rows import passage_of, row_of
from flowc.rag.stores.transactions import Transactions

# pgvector has no index for longer vectors: a search compares all of them.
MAX_INDEXED = 2_000
_MAX_LOOKED_AT = 1_000
# How often to try to get a lock. Waiting for it would keep a thread busy for a whole ingestion.
_LOOK_SECONDS = 0.2
_THREADS = 4
# The key of a lock: processes that start at once would all create the extension and the tables.
_SETTING_UP = zlib.crc32(b"flowc knowledge")

_TABLE = """
CREATE TABLE IF NOT EXISTS {table} (
    version text NOT NULL, number integer NOT NULL, source text NOT NULL, page integer,
    last_page integer, tokens integer NOT NULL, start integer NOT NULL, "end" integer NOT NULL,
    headings jsonb NOT NULL, metadata jsonb NOT NULL, text text NOT NULL,
    words tsvector GENERATED ALWAYS AS (to_tsvector('english', {words})) STORED,
    vector vector({dimension}) NOT NULL,
    PRIMARY KEY (version, number)
)"""
_ADD = """
INSERT INTO {table}
    (version, number, source, page, last_page, tokens, start, "end", headings, metadata, text,
     vector)
VALUES
    (:version, :number, :source, :page, :last_page, :tokens, :start, :end, CAST(:headings AS jsonb),
     CAST(:metadata AS jsonb), :text, :vector)
ON CONFLICT DO NOTHING
"""
_OF_VERSION = """
SELECT * FROM {table} WHERE version = :version AND number > :after ORDER BY number LIMIT :limit
"""


class PostgresStore(CataloguedStore):
    """One tenant's collections in a database that any number of processes can share."""

    def __init__(self, engine: Engine, tenant: str, shared: Transactions | None = None) -> None:
        own = shared or Transactions(engine, writers=_THREADS, readers=_THREADS)
        super().__init__(own, tenant)
        self._engine, self._is_shared = engine, shared is not None

    @classmethod
    async def open(cls, url: str, tenant: str = "default") -> "PostgresStore":
        """Open `postgresql://…`, its tables created if necessary; pgvector must be installed."""

        def do() -> PostgresStore:
            driven = make_url(url).set(drivername="postgresql+psycopg")
            plain = create_engine(driven)
            with plain.begin() as connection:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_SETTING_UP})"))
                connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
                catalog.tables.create_all(connection)
            plain.dispose()
            engine = create_engine(driven, pool_size=2 * _THREADS, pool_pre_ping=True)
            event.listen(engine, "connect", _set_up)
            return cls(engine, tenant)

        return await asyncio.to_thread(do)

    def of(self, tenant: str) -> "PostgresStore":
        """Return another tenant's collections, over the connections and threads of this store."""
        return PostgresStore(self._engine, tenant, self._transactions)

    async def create(self, name: str, model: str, dimension: int) -> Collection:
        def work(connection: Connection) -> Collection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_SETTING_UP})"))
            row, is_new = catalog.create(connection, self._tenant, name, model, dimension)
            if is_new:
                _create_table(connection, row.id, dimension)
            return catalog.as_collection(connection, row)

        return await self._transactions.write(work)

    async def drop(self, name: str) -> None:
        def work(connection: Connection, row: Row[Any]) -> None:
            catalog.drop(connection, row.id)
            connection.execute(text(f"DROP TABLE IF EXISTS {_table(row.id)}"))

        await self._write(name, work)

    async def passages(self, name: str, source: str, after: int, limit: int) -> list[Passage]:
        def work(connection: Connection, row: Row[Any]) -> list[Passage]:
            version = catalog.version_of(connection, row.id, source)
            values = {"version": version, "after": after, "limit": limit}
            wanted = text(_OF_VERSION.format(table=_table(row.id)))
            return [passage_of(found) for found in connection.execute(wanted, values)]

        return await self._read(name, work)

    async def add(self, name: str, passages: Sequence[NewPassage]) -> None:
        rows = [{**row_of(new), "vector": np.asarray(new.vector, np.float32)} for new in passages]

        def work(connection: Connection, row: Row[Any]) -> None:
            connection.execute(text(_ADD.format(table=_table(row.id))), rows)

        if rows:
            await self._write(name, work)

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        id = await self._read(name, lambda _, row: int(row.id))
        connection = await asyncio.to_thread(self._engine.connect)
        key = {"space": _SETTING_UP >> 1, "id": id}
        lock = text("SELECT pg_try_advisory_lock(:space, :id)")
        try:
            while not await asyncio.to_thread(lambda: connection.execute(lock, key).scalar()):
                await asyncio.to_thread(connection.rollback)
                await asyncio.sleep(_LOOK_SECONDS)
            await asyncio.to_thread(connection.commit)
            yield
        finally:
            # The lock ends with the connection, even where unlocking would fail.
            await asyncio.to_thread(_hang_up, connection)

    async def nearest(
        self, name: str, vector: Vector, limit: int, where: Filter | None
    ) -> list[ScoredPassage]:
        def work(connection: Connection, row: Row[Any]) -> list[ScoredPassage]:
            looked_at = min(max(limit, 40), _MAX_LOOKED_AT)
            # The index returns the nearest vectors before they are filtered; iterating continues
            # until enough of them match.
            connection.execute(text(f"SET LOCAL hnsw.ef_search = {looked_at}"))
            connection.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
            asked = np.asarray(vector, np.float32)
            rows = ranking.nearest(connection, _table(row.id), row.id, asked, limit, where)
            return [
                ScoredPassage(passage_of(found), found.score, found.vector.to_numpy())
                for found in rows
            ]

        return best_first(await self._read(name, work))

    async def matching(
        self, name: str, text: str, limit: int, where: Filter | None
    ) -> list[ScoredPassage]:
        def work(connection: Connection, row: Row[Any]) -> list[ScoredPassage]:
            rows = ranking.matching(connection, _table(row.id), row.id, text, limit, where)
            return [ScoredPassage(passage_of(found), found.score) for found in rows]

        return best_first(await self._read(name, work))

    async def aclose(self) -> None:
        if not self._is_shared:
            self._transactions.close()

    async def _clear(self, id: int, versions: Sequence[str]) -> None:
        if not versions:
            return

        def work(connection: Connection) -> None:
            gone = text(f"DELETE FROM {_table(id)} WHERE version = ANY(:versions)")
            connection.execute(gone, {"versions": list(versions)})
            catalog.forget(connection, versions)

        await self._transactions.write(work)


def _create_table(connection: Connection, id: int, dimension: int) -> None:
    table = _table(id)
    connection.execute(
        text(_TABLE.format(table=table, dimension=dimension, words=ranking.words_of("text")))
    )
    connection.execute(text(f"CREATE INDEX ON {table} USING gin (words)"))
    if dimension <= MAX_INDEXED:
        connection.execute(text(f"CREATE INDEX ON {table} USING hnsw (vector vector_cosine_ops)"))


def _table(id: int) -> str:
    return f"knowledge_passages_{int(id)}"


def _set_up(connection: Any, _: Any) -> None:
    from pgvector.psycopg import register_vector  # noqa: PLC0415 - only PostgreSQL needs it

    register_vector(connection)
    connection.commit()


def _hang_up(connection: Connection) -> None:
    connection.invalidate()
    connection.close()
