"""Where are checkpoints kept, and how do they stay small?"""

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, LiteralString, Protocol, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

_SETTING_UP: LiteralString = "hashtext('flowc checkpoints')"
Saver = BaseCheckpointSaver[str]
BeforeWrite = Callable[[], Awaitable[None]]

# LangGraph has a channel of this name for each node: it wakes the node, once.
WAKING = "branch:to:"


@asynccontextmanager
async def open_saver(file: Path) -> AsyncIterator["SmallSqliteSaver"]:
    """Open the SQLite file that holds the runs' checkpoints; what is read from it is data only."""
    async with SmallSqliteSaver.from_conn_string(str(file)) as saver:
        assert isinstance(saver, SmallSqliteSaver)  # it makes what it is called on
        saver.serde = _serializer()
        await saver.setup()
        yield saver


Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


@asynccontextmanager
async def open_pool(url: str, size: int = 4) -> AsyncIterator[Pool]:
    """Open connections to the PostgreSQL database that holds the runs' checkpoints."""
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
    """Make the tables; of several that try, one does it at a time."""
    async with pool.connection() as connection:
        # Whoever waited within a statement would keep indexes from being made concurrently.
        while not await _is_true(connection, f"select pg_try_advisory_lock({_SETTING_UP})"):
            await asyncio.sleep(0.05)
        try:
            await SmallPostgresSaver(connection, serde=_serializer()).setup()
        finally:
            await connection.execute(f"select pg_advisory_unlock({_SETTING_UP})")


async def _is_true(connection: AsyncConnection[DictRow], query: LiteralString) -> bool:
    found = await (await connection.execute(query)).fetchone()
    return found is not None and bool(next(iter(found.values())))


def saver_over(pool: Pool) -> "SmallPostgresSaver":
    """Return a checkpointer for one run: runs that shared one would wait for each other."""
    return SmallPostgresSaver(pool, serde=_serializer())


class Savers(Protocol):
    """Gives each run a checkpointer of its own."""

    def saver(self, before_write: BeforeWrite, *, is_new: bool = False) -> Saver:
        """Return a checkpointer that does this before it writes.

        In that of a run that `is_new`, nothing is looked for before something was written.
        """
        ...

    async def forget(self, run_id: str) -> None:
        """Delete the checkpoints of a run."""
        ...


class SqliteSavers:
    """Checkpointers over one SQLite file."""

    def __init__(self, saver: "SmallSqliteSaver") -> None:
        self._saver = saver

    def saver(self, before_write: BeforeWrite, *, is_new: bool = False) -> Saver:
        """Return a checkpointer that shares the file's connection."""
        made = copy.copy(self._saver)
        made.before_write, made.beginning = before_write, Beginning(is_new=is_new)
        return made

    async def forget(self, run_id: str) -> None:
        """Delete the checkpoints of a run."""
        await self._saver.adelete_thread(run_id)


class PostgresSavers:
    """Checkpointers over a pool of PostgreSQL connections."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def saver(self, before_write: BeforeWrite, *, is_new: bool = False) -> Saver:
        """Return a checkpointer: runs that shared one would wait for each other."""
        made = saver_over(self._pool)
        made.before_write, made.beginning = before_write, Beginning(is_new=is_new)
        return made

    async def forget(self, run_id: str) -> None:
        """Delete the checkpoints of a run."""
        await saver_over(self._pool).adelete_thread(run_id)


@asynccontextmanager
async def open_savers(url: str, file: Path, size: int = 8) -> AsyncIterator[Savers]:
    """Open where runs keep their checkpoints: the database, or a file where that is SQLite."""
    if url.startswith("sqlite"):
        async with open_saver(file) as saver:
            yield SqliteSavers(saver)
    else:
        async with open_pool(url, size) as pool:
            yield PostgresSavers(pool)


async def _nothing() -> None:
    return None


def _serializer() -> JsonPlusSerializer:
    return JsonPlusSerializer(allowed_msgpack_modules=None)


class Beginning:
    """What a run's checkpointer was given to keep before the first node ran.

    It says nothing that the run's record does not: it is held back until a node has done something,
    so that no run waits for it. In a run that `is_new`, there is nothing to be found before.
    """

    def __init__(self, *, is_new: bool) -> None:
        self.is_new = is_new
        self._input: str | None = None
        self._held: list[Callable[[], Awaitable[Any]]] = []
        self._writing = asyncio.Lock()

    def hold_checkpoint(
        self, put: Callable[[], Awaitable[Any]], id: str, source: str | None, step: int | None
    ) -> bool:
        """Hold back the checkpoint of the input, and the one that follows from it alone."""
        if source == "input" and self.is_new:
            self.is_new, self._input = False, id
        elif source != "loop" or step != 0 or not self._held:
            return False
        self._held.append(put)
        return True

    def hold_writes(self, put: Callable[[], Awaitable[Any]], checkpoint: str | None) -> bool:
        """Hold back what is written to the checkpoint of the input."""
        if not self._held or checkpoint != self._input:
            return False
        self._held.append(put)
        return True

    async def let_go(self) -> None:
        """Write what is held back; who comes meanwhile waits until it is there."""
        if self._held:
            async with self._writing:
                while self._held:
                    await self._held[0]()
                    del self._held[0]


class _Small(BaseCheckpointSaver[str]):
    """What makes a checkpointer's checkpoints not grow with the number of nodes.

    `before_write` is done before anything is written: what is told elsewhere of what is written
    here is durable first, and who may not write any more finds out.
    """

    before_write: BeforeWrite = staticmethod(_nothing)
    beginning: Beginning | None = None

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint without what it says of nodes that are not woken."""
        put = partial(super().aput, config, without_spent(checkpoint), metadata, new_versions)
        beginning, about = self.beginning, (metadata.get("source"), metadata.get("step"))
        if beginning is not None and beginning.hold_checkpoint(put, checkpoint["id"], *about):
            return _config_of(config, checkpoint)
        await self._before()
        return await put()

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a task wrote."""
        put = partial(super().aput_writes, config, writes, task_id, task_path)
        checkpoint = config.get("configurable", {}).get("checkpoint_id")
        if self.beginning is None or not self.beginning.hold_writes(put, checkpoint):
            await self._before()
            await put()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint with what was written since."""
        if self.beginning is not None:
            if self.beginning.is_new:
                return None
            await self.beginning.let_go()
        return await super().aget_tuple(config)

    async def _before(self) -> None:
        await self.before_write()
        if self.beginning is not None:
            await self.beginning.let_go()


class SmallSqliteSaver(_Small, AsyncSqliteSaver):
    """A SQLite checkpointer of small checkpoints."""


class SmallPostgresSaver(_Small, AsyncPostgresSaver):
    """A PostgreSQL checkpointer of small checkpoints."""


def _config_of(config: RunnableConfig, checkpoint: Checkpoint) -> RunnableConfig:
    named = config.get("configurable", {})
    place = {name: named.get(name) for name in ("thread_id", "checkpoint_ns")}
    return {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}


def without_spent(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint without the versions of waking channels that hold nothing any more.

    A channel that holds nothing wakes nobody, whatever its version; and the next version is made
    from the greatest of all, not from the channel's own.
    """
    held = checkpoint["channel_values"]

    def is_spent(channel: str) -> bool:
        return channel.startswith(WAKING) and channel not in held

    versions = {c: v for c, v in checkpoint["channel_versions"].items() if not is_spent(c)}
    seen = {
        node: kept
        for node, channels in checkpoint["versions_seen"].items()
        if (kept := {c: v for c, v in channels.items() if not is_spent(c)})
    }
    return {**checkpoint, "channel_versions": versions, "versions_seen": seen}
