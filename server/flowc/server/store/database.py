"""How is the database opened, and brought to the shape that this version needs?"""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry

MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATING = zlib.crc32(b"flowc migrations")
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}


class Database:
    """A connection pool; close it when done. `url` names it as libpq and SQLite do."""

    def __init__(self, engine: AsyncEngine, url: str) -> None:
        self.url, self._engine = url, engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    @classmethod
    async def open(cls, url: str) -> "Database":
        """Open `sqlite:///FILE` or `postgresql://…`, made and migrated if need be."""
        parsed = make_url(url)
        if parsed.database and parsed.get_backend_name() == "sqlite":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(migrate, url)
        driven = parsed.set(drivername=_DRIVERS[parsed.get_backend_name()])
        options: dict[str, Any] = {} if is_sqlite(url) else {"pool_pre_ping": True}
        engine = create_async_engine(driven, **options)
        if is_sqlite(url):
            event.listen(engine.sync_engine, "connect", set_up_sqlite)
            event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return cls(engine, url)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that may write; it is rolled back if the block raises.

        On SQLite it has the database to itself from its beginning.
        """
        async with self._sessions() as session, session.begin():
            await session.connection(execution_options={"flowc_writes": True})
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that only reads, and keeps nobody from writing."""
        async with self._sessions() as session, session.begin():
            yield session

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def is_sqlite(url: str) -> bool:
    """Say whether a database is a file in this machine."""
    return url.startswith("sqlite")


def migrate(url: str) -> None:
    """Bring a database to the newest shape; of several that try, one does it."""
    driver = "sqlite" if is_sqlite(url) else "postgresql+psycopg"
    engine = create_engine(make_url(url).set(drivername=driver))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        if not is_sqlite(url):
            connection.execute(text(f"select pg_advisory_lock({_MIGRATING})"))
            connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def set_up_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Let a SQLite connection share its file with others, and begin transactions as it is told."""
    # The driver would begin transactions on its own, later than they have to be.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "busy_timeout = 10000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("flowc_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
