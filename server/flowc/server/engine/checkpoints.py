"""Checkpointers: where the checkpoints of runs are stored, and how they stay small."""

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

# LangGraph has a channel for each node, with a name that starts so: a value in it wakes the node.
WAKING = "branch:to:"


@asynccontextmanager
async def open_saver(file: Path) -> AsyncIterator["SmallSqliteSaver"]:
    """Open the SQLite file of the checkpoints; no code is executed when one is read."""
    async with SmallSqliteSaver.from_conn_string(str(file)) as saver:
        assert isinstance(saver, SmallSqliteSaver)  # it makes one of its own class
        saver.serde = _serializer()
        await saver.setup()
        yield saver


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
            await SmallPostgresSaver(connection, serde=_serializer()).setup()
        finally:
            await connection.execute(f"select pg_advisory_unlock({_SETTING_UP})")


async def _is_true(connection: AsyncConnection[DictRow], query: LiteralString) -> bool:
    found = await (await connection.execute(query)).fetchone()
    return found is not None and bool(next(iter(found.values())))


def saver_over(pool: Pool) -> "SmallPostgresSaver":
    """Return a checkpointer for one run: runs that share one wait for each other."""
    return SmallPostgresSaver(pool, serde=_serializer())


class Savers(Protocol):
    """Makes the checkpointers of runs."""

    def saver(self, before_write: BeforeWrite, *, is_new: bool = False) -> Saver:
        """Return a checkpointer that calls `before_write` before each write.

        For a run that `is_new`, it reads nothing before the first write.
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
        """Return a checkpointer: runs that share one wait for each other."""
        made = saver_over(self._pool)
        made.before_write, made.beginning = before_write, Beginning(is_new=is_new)
        return made

    async def forget(self, run_id: str) -> None:
        """Delete the checkpoints of a run."""
        await saver_over(self._pool).adelete_thread(run_id)


@asynccontextmanager
async def open_savers(url: str, file: Path, size: int = 8) -> AsyncIterator[Savers]:
    """Open the checkpoints: in the PostgreSQL database, or in a SQLite file of their own."""
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
    """The checkpoints of a run from before its first node ran, held back.

    They have nothing that the run's record does not have, so they are written together with the
    first result of a node, and no run waits for them. If the process dies before that, the run
    starts from its input again. A run that `is_new` has no checkpoints yet.
    """

    def __init__(self, *, is_new: bool) -> None:
        self.is_new = is_new
        self._input: str | None = None
        self._held: list[Callable[[], Awaitable[Any]]] = []
        self._writing = asyncio.Lock()

    def hold_checkpoint(
        self, put: Callable[[], Awaitable[Any]], id: str, source: str | None, step: int | None
    ) -> bool:
        """Hold back the checkpoint of the input and the one after it; return whether it is."""
        if source == "input" and self.is_new:
            self.is_new, self._input = False, id
        elif source != "loop" or step != 0 or not self._held:
            return False
        self._held.append(put)
        return True

    def hold_writes(self, put: Callable[[], Awaitable[Any]], checkpoint: str | None) -> bool:
        """Hold back a write to the checkpoint of the input; return whether it is."""
        if not self._held or checkpoint != self._input:
            return False
        self._held.append(put)
        return True

    async def let_go(self) -> None:
        """Write what is held back, in order; concurrent callers wait until it is written."""
        if self._held:
            async with self._writing:
                while self._held:
                    # Removed only after the write, which may fail and is then tried again.
                    await self._held[0]()
                    del self._held[0]


class _Small(BaseCheckpointSaver[str]):
    """Makes a checkpointer's checkpoints independent of the number of nodes.

    `before_write` is called before every write: it commits the events that report what is written
    here, and raises TakenOver if another worker has the run.
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
        """Write a checkpoint, without the channels of nodes that are not woken."""
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
        """Write what a task wrote."""
        put = partial(super().aput_writes, config, writes, task_id, task_path)
        checkpoint = config.get("configurable", {}).get("checkpoint_id")
        if self.beginning is None or not self.beginning.hold_writes(put, checkpoint):
            await self._before()
            await put()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint and its pending writes."""
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
    """A SQLite checkpointer with small checkpoints."""


class SmallPostgresSaver(_Small, AsyncPostgresSaver):
    """A PostgreSQL checkpointer with small checkpoints."""


def _config_of(config: RunnableConfig, checkpoint: Checkpoint) -> RunnableConfig:
    named = config.get("configurable", {})
    place = {name: named.get(name) for name in ("thread_id", "checkpoint_ns")}
    return {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}


def without_spent(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint without the versions of waking channels that are empty.

    An empty channel wakes no node, whatever its version is; and LangGraph makes the next version
    from the greatest of all channels, not from the channel's own.
    """
    held = checkpoint["channel_values"]

    def is_spent(channel: str) -> bool:
        return channel.startswith(WAKING) and channel not in held

    versions = {c: v for c, v in checkpoint["channel_versions"].items() if not is_spent(c)}
    seen = {
        node: left
        for node, channels in checkpoint["versions_seen"].items()
        if (left := {c: v for c, v in channels.items() if not is_spent(c)})
    }
    return {**checkpoint, "channel_versions": versions, "versions_seen": seen}
