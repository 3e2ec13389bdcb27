"""The database: opening it, migrating it, and its transactions.

Each transaction is one function that runs in a thread: a driver that returns to the event loop for
every statement costs several times as much.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from flowc.rag.blocking import in_thread
from flowc.server.records.run_events import RunEvent
from flowc.server.records.run_facts import Committed, RunFacts
from flowc.server.settings import is_sqlite
from flowc.server.store import space, sqlite_connections
from flowc.server.store.compact_json import compact_json, compact_json_for_sqlite
from flowc.server.store.schema import migrate

# Under these names a transaction collects the runs that it appends events to, these events, the
# segments of runs that it puts in the queue, and the interrupts whose time will be over.
APPENDED, HAPPENED = "flowc appended", "flowc happened"
QUEUED, AWAITED = "flowc queued", "flowc awaited"
_THREADS = 8
# The database could not be reached or written to; a later attempt may succeed.
DATABASE_PROBLEMS = (DBAPIError, sqlite3.Error, psycopg.Error)
# A connection used within this time is assumed to be alive.
_FRESH_SECONDS = 1.0
# How long a connection to a SQLite file waits for one that writes.
_BUSY_SECONDS = 10
# Between two steps that give space back.
_PAUSE_SECONDS = 0.02

P = ParamSpec("P")
T = TypeVar("T")

# Publishes that a run has new events, and whether one is urgent: those that work on the run or wait
# for it must look at once.
Publish = Callable[[str, bool], None]
# Offers a segment of a run that was put in the queue, to be worked on now.
Offer = Callable[[str, int], None]
# The same, with the priority of the run.
OfferWithPriority = Callable[[str, int, int], None]
# Looks at an interrupt after some seconds.
Wake = Callable[[str, float], None]


class Database:
    """A connection pool; close it when done. `url` names it as libpq and SQLite do.

    After each commit, every run that the transaction appended events to is published. `problem` is
    why the last transaction could not be written, if it failed. `writes` counts the
    calls of `write`: while it stays, and the database `is_exclusive` to this process, what was read
    by others than runs at work is still true.
    """

    def __init__(self, engine: Engine, url: str) -> None:
        self.url, self._engine = url, engine
        self._publishers: list[Publish] = []
        self._listeners: list[Committed] = []
        self._takers: list[OfferWithPriority] = []
        self._wakers: list[Wake] = []
        self.problem: str | None = None
        self.writes = 0
        self.is_exclusive = self._is_sqlite = is_sqlite(url)
        self.dialect = engine.dialect
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        # A SQLite file has one writer at a time: more threads would only wait for it.
        writers = 1 if self._is_sqlite else _THREADS
        self._writers = ThreadPoolExecutor(writers, "flowc-writes")
        # SQLite would let a second writer sleep and try again.
        self._alone = threading.Lock() if self._is_sqlite else nullcontext()
        self._readers = ThreadPoolExecutor(_THREADS // 2, "flowc-reads")

    @classmethod
    async def open(cls, url: str) -> "Database":
        """Open `sqlite:///FILE` or `postgresql://…`; create and migrate it where necessary."""
        parsed = make_url(url)
        if parsed.database and is_sqlite(url):
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = _engine(url)
        await asyncio.get_running_loop().run_in_executor(None, migrate, engine)
        return cls(engine, url)

    def publish_to(self, publish: Publish) -> None:
        """Publish the runs with new events to one more function, after each commit."""
        self._publishers.append(publish)

    def report_to(self, listener: Committed) -> None:
        """Report the events that this process commits to one more function, after each commit."""
        self._listeners.append(listener)

    def offer_to(self, offer: OfferWithPriority) -> None:
        """Call one more function for each segment that this process puts in the queue."""
        self._takers.append(offer)

    def wake_with(self, wake: Wake) -> None:
        """Call one more function for each interrupt that this process sets a time for."""
        self._wakers.append(wake)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run a function in a transaction, which is rolled back if the function raises.

        On SQLite, the transaction has the database to itself from its beginning.
        """

        def do() -> tuple[T, dict[Any, Any]]:
            with self._alone, self._sessions() as session, session.begin():
                if self._is_sqlite:
                    session.connection(execution_options={"flowc_writes": True})
                return work(session), session.info

        with self._noting_problems():
            try:
                result, done = await in_thread(self._writers, do)
            finally:
                self.writes += 1
        self._follow(done)
        return result

    def _follow(self, done: Mapping[Any, Any]) -> None:
        """Do what follows from a transaction that is committed."""
        for run_id, is_urgent in done.get(APPENDED, {}).items():
            self.publish(run_id, is_urgent)
        _call_all(self._listeners, done.get(HAPPENED, ()))
        _call_all(self._takers, done.get(QUEUED, ()))
        _call_all(self._wakers, done.get(AWAITED, ()))

    def transact(self, work: Callable[[Any], T], *, is_single: bool = False) -> T:
        """Run a function of the driver's connection in a transaction, in the calling thread.

        For the few statements that every superstep needs. The caller publishes what it appended.
        A function that executes a `single` statement needs no others to begin and end it.
        """
        with self._noting_problems(), self._alone:
            connection = self._engine.raw_connection()
            try:
                driver: Any = connection.driver_connection
                if is_single:
                    with _without_transaction(driver):
                        return work(driver)
                if self._is_sqlite:
                    driver.execute("BEGIN IMMEDIATE")
                result = work(driver)
                self._commit(driver)
                return result
            except BaseException:
                connection.rollback()
                raise
            finally:
                connection.close()

    def _commit(self, driver: Any) -> None:
        """Commit a transaction: when this returns, the database has it, but no run knows yet."""
        driver.commit()

    def publish(self, run_id: str, is_urgent: bool) -> None:
        """Publish that a run has new events, which are committed."""
        for publish in self._publishers:
            publish(run_id, is_urgent)

    def report(self, run: RunFacts, events: Sequence[RunEvent]) -> None:
        """Report the events of a run that are committed."""
        for listener in self._listeners:
            listener(run, events)

    @contextmanager
    def _noting_problems(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, sqlite3.IntegrityError, psycopg.IntegrityError):
            raise
        except DATABASE_PROBLEMS as problem:
            self.problem = str(getattr(problem, "orig", problem))
            raise
        self.problem = None

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run a function that only reads; it does not hold up writers."""

        def do() -> T:
            with self._sessions() as session, session.begin():
                return work(session)

        return await in_thread(self._readers, do)

    async def release_space(self) -> None:
        """Give the space of what was deleted back to the disk, in steps between which others write.

        On PostgreSQL, autovacuum makes the space free for new rows.
        """
        if self._is_sqlite:
            release = partial(self.transact, space.release_pages)
            while await in_thread(self._writers, release):
                await asyncio.sleep(_PAUSE_SECONDS)
            await self.read_on_driver(space.shorten_file)

    async def read_on_driver(self, work: Callable[[Any], T]) -> T:
        """Run a function of the driver's connection that only reads, in no transaction."""

        def do() -> T:
            connection = self._engine.raw_connection()
            try:
                with _without_transaction(connection.driver_connection):
                    return work(connection.driver_connection)
            finally:
                connection.close()

        return await in_thread(self._readers, do)

    async def close(self) -> None:
        """Close all connections."""
        for threads in (self._writers, self._readers):
            threads.shutdown(wait=False)
        self._engine.dispose()


class Transactional(Protocol):
    """An object whose methods are transactions of a database."""

    database: Database


S = TypeVar("S", bound=Transactional)


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


def _call_all(functions: Sequence[Callable[..., None]], found: Sequence[tuple[Any, ...]]) -> None:
    for each in found:
        for function in functions:
            function(*each)


def _engine(url: str) -> Engine:
    if is_sqlite(url):
        engine = create_engine(url, json_serializer=compact_json_for_sqlite)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    driven = make_url(url).set(drivername="postgresql+psycopg")
    engine = create_engine(
        driven,
        pool_size=_THREADS,
        max_overflow=_THREADS,
        json_serializer=compact_json,
    )
    event.listen(engine, "checkout", _require_alive)
    event.listen(engine, "checkin", _note_use)
    return engine


def _set_up_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Set a connection to a SQLite file up, and leave transactions to SQLAlchemy."""
    # The driver would start transactions itself, and only at the first write.
    connection.isolation_level = None
    sqlite_connections.set_up(connection, _BUSY_SECONDS)


@contextmanager
def _without_transaction(driver: Any) -> Iterator[None]:
    """Let psycopg begin no transaction; it would be two statements more for one that reads."""
    if not isinstance(driver, psycopg.Connection):
        yield
        return
    driver.autocommit = True
    try:
        yield
    finally:
        if not driver.closed:
            driver.autocommit = False


def _note_use(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _require_alive(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Replace a connection that the database closed while it was idle."""
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
