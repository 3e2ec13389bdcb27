"""How the checkpoints of runs stay small, in any database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

Saver = BaseCheckpointSaver[str]
BeforeWrite = Callable[[], Awaitable[None]]

# LangGraph has a channel for each node, with a name that starts so: a value in it wakes the node.
WAKING = "branch:to:"


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


async def _nothing() -> None:
    return None


def serializer() -> JsonPlusSerializer:
    """Return a serializer that executes no code when it reads."""
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


class SmallSaver(BaseCheckpointSaver[str]):
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
