"""Checkpoints in a PostgreSQL database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString, cast

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from flowc.server.engine.checkpoints.small import (
    BeforeWrite,
    Beginning,
    Saver,
    SmallSaver,
    serializer,
)

_SETTING_UP: LiteralString = "hashtext('flowc checkpoints')"

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


@asynccontextmanager
async def open_pool(url: str, size: int = 4) -> AsyncIterator[Pool]:
    """Open connections to the PostgreSQL database of the checkpoints."""
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool[AsyncConnection[DictRow]](
        url,
        kwargs=options,
        min_size=1,
        max_size=size,
        open=False,
        check=cast(Any, AsyncConnectionPool.check_connection),
    ) as pool:
        await _set_up(pool)
        yield pool


async def _set_up(pool: Pool) -> None:
    """Create the tables; processes that start at the same time do it one after the other."""
    async with pool.connection() as connection:
        # Not a lock that waits: a waiting statement would block `create index concurrently`.
        while not await _is_true(connection, f"select pg_try_advisory_lock({_SETTING_UP})"):
            await asyncio.sleep(0.05)
        try:
            await SmallPostgresSaver(connection, serde=serializer()).setup()
        finally:
            await connection.execute(f"select pg_advisory_unlock({_SETTING_UP})")


async def _is_true(connection: AsyncConnection[DictRow], query: LiteralString) -> bool:
    found = await (await connection.execute(query)).fetchone()
    return found is not None and bool(next(iter(found.values())))


def saver_over(pool: Pool) -> "SmallPostgresSaver":
    """Return a checkpointer for one run: runs that share one wait for each other."""
    return SmallPostgresSaver(pool, serde=serializer())


class PostgresSavers:
    """Checkpointers over a pool of PostgreSQL connections."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def saver(self, before_write: BeforeWrite, *, is_new: bool = False) -> Saver:
        """Return a checkpointer: runs that share one wait for each other."""
        made = saver_over(self._pool)
        made.before_write, made.beginning = before_write, Beginning(is_new=is_new)
        return made

    async def forget(self, run_id: str) -> None:
        """Delete the checkpoints of a run."""
        await saver_over(self._pool).adelete_thread(run_id)


class SmallPostgresSaver(SmallSaver, AsyncPostgresSaver):
    """A PostgreSQL checkpointer with small checkpoints."""
