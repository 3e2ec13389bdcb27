"""How is the database opened, and how is it read and written?

Each transaction is one function that runs in a thread: a driver that goes back to the event loop
for every statement costs several times as much.
"""

import asyncio
import sqlite3
import time
import zlib
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from flowc.rag.blocking import in_thread

MIGRATIONS = Path(__file__).parent / "migrations"
# Under this name a transaction collects the runs that it has changed.
CHANGED = "flowc changed"
_MIGRATING = zlib.crc32(b"flowc migrations")
_THREADS = 8
# The database could not be reached, or not written to: it may work again later.
DATABASE_PROBLEMS = (DBAPIError, sqlite3.Error, psycopg.Error)
SQLITE_PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")
# A connection that was used within this time is taken to be alive.
_FRESH_SECONDS = 1.0

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """A connection pool; close it when done. `url` names it as libpq and SQLite do.

    `changed` is told of each run that a transaction has changed, once it is kept, and whether that
    is urgent: whoever works on the run, or waits for it, has to look. `problem` is what kept the
    last transaction from being written, if anything did.
    """

    def __init__(self, engine: Engine, url: str) -> None:
        self.url, self._engine = url, engine
        self.changed: Callable[[str, bool], None] = lambda run_id, is_urgent: None
        self.problem: str | None = None
        self._is_sqlite = is_sqlite(url)
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        # Of a SQLite file there is one writer at a time; the others would only wait in its threads.
        writers = 1 if self._is_sqlite else _THREADS
        self._writers = ThreadPoolExecutor(writers, "flowc-writes")
        self._readers = ThreadPoolExecutor(_THREADS // 2, "flowc-reads")

    @classmethod
    async def open(cls, url: str) -> "Database":
        """Open `sqlite:///FILE` or `postgresql://…`, made and migrated if need be."""
        parsed = make_url(url)
        if parsed.database and is_sqlite(url):
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = _engine(url)
        await asyncio.get_running_loop().run_in_executor(None, migrate, engine)
        return cls(engine, url)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Do work in a transaction, which is rolled back if it raises.

        On SQLite it has the database to itself from its beginning.
        """

        def do() -> tuple[T, dict[str, bool]]:
            with self._sessions() as session, session.begin():
                if self._is_sqlite:
                    session.connection(execution_options={"flowc_writes": True})
                result = work(session)
                return result, session.info.get(CHANGED, {})

        try:
            result, changed = await in_thread(self._writers, do)
        except IntegrityError:
            raise
        except DATABASE_PROBLEMS as problem:
            self.problem = str(getattr(problem, "orig", problem))
            raise
        self.problem = None
        for run_id, is_urgent in changed.items():
            self.changed(run_id, is_urgent)
        return result

    async def read(self, work: Callable[[Session], T]) -> T:
        """Do work that only reads, and keeps nobody from writing."""

        def do() -> T:
            with self._sessions() as session, session.begin():
                return work(session)

        return await in_thread(self._readers, do)

    async def close(self) -> None:
        """Close all connections."""
        for threads in (self._writers, self._readers):
            threads.shutdown(wait=False)
        self._engine.dispose()


class Stored(Protocol):
    """What keeps something in a database."""

    database: Database


S = TypeVar("S", bound=Stored)


def writing(
    method: Callable[Concatenate[S, Session, P], T],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Make a method one transaction that may write."""

    @wraps(method)
    async def in_transaction(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.database.write(lambda session: method(self, session, *args, **kwargs))

    return in_transaction


def reading(
    method: Callable[Concatenate[S, Session, P], T],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Make a method one transaction that only reads."""

    @wraps(method)
    async def in_transaction(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.database.read(lambda session: method(self, session, *args, **kwargs))

    return in_transaction


def insertion(session: Session, table: type[Any]) -> Any:
    """Return an insertion that can say what becomes of a row that is there by then."""
    name = session.get_bind().dialect.name
    return (sqlite if name == "sqlite" else postgresql).insert(table)


def is_sqlite(url: str) -> bool:
    """Say whether a database is a file in this machine."""
    return url.startswith("sqlite")


def _engine(url: str) -> Engine:
    if is_sqlite(url):
        engine = create_engine(url)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    driven = make_url(url).set(drivername="postgresql+psycopg")
    engine = create_engine(driven, pool_size=_THREADS, max_overflow=_THREADS)
    event.listen(engine, "checkout", _require_alive)
    event.listen(engine, "checkin", _note_use)
    return engine


def migrate(engine: Engine) -> None:
    """Bring a database to the newest shape; of several that try, one does it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect().execution_options(flowc_writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"select pg_advisory_xact_lock({_MIGRATING})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _set_up_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Let a SQLite connection share its file with others, and begin transactions as it is told."""
    # The driver would begin transactions on its own, later than they have to be.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (*SQLITE_PRAGMAS, "busy_timeout = 10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _note_use(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _require_alive(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Have a connection made anew that the database has closed while nobody used it."""
    if time.monotonic() - record.info.get("used", time.monotonic()) < _FRESH_SECONDS:
        return
    try:
        connection.execute("select 1")
        connection.rollback()
    except Exception as problem:
        raise DisconnectionError from problem


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("flowc_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
