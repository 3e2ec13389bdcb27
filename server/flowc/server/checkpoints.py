"""Where are checkpoints kept, and how do they stay small?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

Saver = BaseCheckpointSaver[str]

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
        url, kwargs=options, min_size=1, max_size=size, open=False
    ) as pool:
        await SmallPostgresSaver(pool, serde=_serializer()).setup()
        yield pool


def saver_over(pool: Pool) -> "SmallPostgresSaver":
    """Return a checkpointer for one run: runs that shared one would wait for each other."""
    return SmallPostgresSaver(pool, serde=_serializer())


def _serializer() -> JsonPlusSerializer:
    return JsonPlusSerializer(allowed_msgpack_modules=None)


class _Small(BaseCheckpointSaver[str]):
    """What makes a checkpointer's checkpoints not grow with the number of nodes."""

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint without what it says of nodes that are not woken."""
        return await super().aput(config, without_spent(checkpoint), metadata, new_versions)


class SmallSqliteSaver(_Small, AsyncSqliteSaver):
    """A SQLite checkpointer of small checkpoints."""


class SmallPostgresSaver(_Small, AsyncPostgresSaver):
    """A PostgreSQL checkpointer of small checkpoints."""


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
