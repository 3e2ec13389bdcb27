"""Runs database transactions in threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine

from flowc.rag.blocking import in_thread

T = TypeVar("T")


class Transactions:
    """Runs each transaction in a thread; a SQLite file has only one writer at a time."""

    def __init__(self, engine: Engine, *, writers: int, readers: int) -> None:
        self._engine = engine
        self._writers = ThreadPoolExecutor(writers, "flowc-knowledge-writes")
        self._readers = ThreadPoolExecutor(readers, "flowc-knowledge-reads")

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work in a transaction, which is rolled back if the work raises."""
        return await self.in_writer(lambda: self.transaction(work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work that only reads."""
        return await self.in_reader(lambda: self.transaction(work))

    async def in_writer(self, work: Callable[[], T]) -> T:
        """Run work in a thread for writing, without a transaction."""
        return await in_thread(self._writers, work)

    async def in_reader(self, work: Callable[[], T]) -> T:
        """Run work in a thread for reading, without a transaction."""
        return await in_thread(self._readers, work)

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Run work in a transaction, in the current thread."""
        with self._engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        """Close all connections after the running transactions have ended."""
        self._writers.shutdown()
        self._readers.shutdown()
        self._engine.dispose()
