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
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

Saver = BaseCheckpointSaver[str]

# LangGraph has a channel of this name for each node: it wakes the node, once.
_WAKING = "branch:to:"


@asynccontextmanager
async def open_saver(file: Path) -> AsyncIterator["SmallSqliteSaver"]:
    """Open the SQLite file that holds the runs' checkpoints; what is read from it is data only."""
    async with SmallSqliteSaver.from_conn_string(str(file)) as saver:
        assert isinstance(saver, SmallSqliteSaver)  # it makes what it is called on
        saver.serde = JsonPlusSerializer(allowed_msgpack_modules=None)
        await saver.setup()
        yield saver


class SmallSqliteSaver(AsyncSqliteSaver):
    """A SQLite checkpointer whose checkpoints do not grow with the number of nodes."""

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint without what it says of nodes that are not woken."""
        return await super().aput(config, without_spent(checkpoint), metadata, new_versions)


def without_spent(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint without the versions of waking channels that hold nothing any more.

    A channel that holds nothing wakes nobody, whatever its version; and the next version is made
    from the greatest of all, not from the channel's own.
    """
    held = checkpoint["channel_values"]

    def is_spent(channel: str) -> bool:
        return channel.startswith(_WAKING) and channel not in held

    versions = {c: v for c, v in checkpoint["channel_versions"].items() if not is_spent(c)}
    seen = {
        node: kept
        for node, channels in checkpoint["versions_seen"].items()
        if (kept := {c: v for c, v in channels.items() if not is_spent(c)})
    }
    return {**checkpoint, "channel_versions": versions, "versions_seen": seen}
