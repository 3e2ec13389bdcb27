"""LangGraph checkpointers over flowc's own store."""

import builtins
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    PendingWrite,
    get_checkpoint_metadata,
)

from flowc.compiler.lowering.checkpoint_journal import nodes_in_journal
from flowc.server.engine.run_log import RunLog
from flowc.server.engine.wide_integers import WideSerializer
from flowc.server.store.checkpoints import (
    CheckpointKey,
    CheckpointValues,
    StoredCheckpoint,
    StoredCheckpoints,
)
from flowc.server.store.database import Database
from flowc.server.store.values import LIMIT, Texts, whole

# LangGraph has a channel for each node, with a name that starts so: a value in it wakes the node.
WAKING = "branch:to:"
# In this channel, LangGraph stores the tasks that nodes send to others.
_TASKS = "__pregel_tasks"
# The path of a task that an edge woke starts so; the name of its node follows.
_TASK_OF_NODE = "~__pregel_pull, "


class Checkpointer(BaseCheckpointSaver[int]):
    """A checkpointer over a database, for any graph; no code is executed when it reads.

    Checkpoints do not grow with the number of nodes: the versions of channels that are empty again
    are left out.
    """

    def __init__(self, stored: StoredCheckpoints) -> None:
        super().__init__(serde=WideSerializer(allowed_msgpack_modules=None))
        self.stored = stored

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint."""
        await self.stored.put([self._checkpoint(config, checkpoint, metadata)], [])
        return _config(_key(config)._replace(id=checkpoint["id"]))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote."""
        await self.stored.put([], self._writes(config, writes, task_id, task_path))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, or the newest one, with the writes after it."""
        found = await self.stored.get(_key(config))
        return None if found is None else self._tuple(found)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, newest first."""
        asked = config.get("configurable", {}) if config is not None else {}
        found = await self.stored.list(
            asked.get("thread_id"),
            asked.get("checkpoint_ns"),
            asked.get("checkpoint_id"),
            _key(before).id if before is not None else None,
        )
        matching = [each for each in found if _fits(each.checkpoint.about, filter or {})]
        for each in matching[:limit]:
            yield self._tuple(each)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return the writes to channels since each one's last stored value, and that value."""
        key = _key(config)
        if key.id is None and (newest := await self.stored.get(key)) is not None:
            key = key._replace(id=newest.checkpoint.id)
        backwards: dict[str, builtins.list[PendingWrite]] = {channel: [] for channel in channels}
        seeds: dict[str, Any] = {}
        while len(seeds) < len(channels):
            ancestors = await self.stored.ancestors(key, [c for c in channels if c not in seeds])
            if not ancestors:
                break
            for each in ancestors:
                self._collect(each, backwards, seeds)
            key = key._replace(id=ancestors[-1].checkpoint.id)
        return {channel: _history(channel, backwards[channel], seeds) for channel in channels}

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete the checkpoints of a thread."""
        await self.stored.delete([thread_id])

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints whose metadata names one of these runs."""
        await self.stored.delete_of_runs(run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy the checkpoints of a thread to another one."""
        await self.stored.copy(source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete the checkpoints of threads, except the newest one and what it is made from."""
        if strategy == "delete":
            await self.stored.delete(thread_ids)
            return
        for thread_id in thread_ids:
            newest: dict[str, StoredCheckpoint] = {}
            for each in await self.stored.list(thread_id, None, None, None):
                newest.setdefault(each.checkpoint.namespace, each)
            for namespace, each in newest.items():
                kept = await self._needed(each)
                await self.stored.keep_only(thread_id, namespace, kept)

    async def _needed(self, newest: StoredCheckpoint) -> builtins.list[str]:
        """Return a checkpoint, and as many ancestors as its delta channels are made from."""
        row = newest.checkpoint
        counters = row.about.get("counters_since_delta_snapshot") or {}
        steps = max((supersteps for _, supersteps in counters.values()), default=0)
        kept, key = [row.id], CheckpointKey(row.thread_id, row.namespace, row.id)
        while len(kept) <= steps and (ancestors := await self.stored.ancestors(key, [])):
            kept += [each.checkpoint.id for each in ancestors]
            key = key._replace(id=kept[-1])
        return kept[: steps + 1]

    def _checkpoint(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata
    ) -> CheckpointValues:
        key = _key(config)
        encoding, data, refs = self._encoded_checkpoint(without_spent(checkpoint))
        return {
            "thread_id": key.thread_id,
            "namespace": key.namespace,
            "id": checkpoint["id"],
            "parent_id": key.id,
            "encoding": encoding,
            "checkpoint": data,
            "about": get_checkpoint_metadata(config, metadata),
            "refs": refs,
        }

    def _encoded_checkpoint(self, checkpoint: Checkpoint) -> tuple[str, bytes, str | None]:
        """Return a checkpoint's encoding and bytes, and references to what was left out."""
        return (*self.serde.dumps_typed(checkpoint), None)

    def _encoded_write(self, value: Any) -> tuple[str, bytes, str | None]:
        """Return the same of a value that a task wrote."""
        return (*self.serde.dumps_typed(value), None)

    def _writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> builtins.list[CheckpointValues]:
        key, rows = _key(config), list[CheckpointValues]()
        for place, (channel, value) in enumerate(writes):
            encoding, data, refs = self._encoded_write(value)
            rows.append(
                {
                    "thread_id": key.thread_id,
                    "namespace": key.namespace,
                    "checkpoint_id": key.id,
                    "task_id": task_id,
                    "number": WRITES_IDX_MAP.get(channel, place),
                    "task_path": task_path,
                    "channel": channel,
                    "encoding": encoding,
                    "value": data,
                    "refs": refs,
                }
            )
        return rows

    def _tuple(self, found: StoredCheckpoint) -> CheckpointTuple:
        row = found.checkpoint
        key = CheckpointKey(row.thread_id, row.namespace, row.id)
        parent = None if row.parent_id is None else _config(key._replace(id=row.parent_id))
        return CheckpointTuple(
            _config(key),
            self._loaded(found),
            row.about,
            parent,
            [self._write(write, found.texts) for write in found.writes],
        )

    def _loaded(self, found: StoredCheckpoint) -> Checkpoint:
        row = found.checkpoint
        checkpoint: Checkpoint = self.serde.loads_typed((row.encoding, row.checkpoint))
        whole(checkpoint["channel_values"], row.refs, found.texts)
        return checkpoint

    def _write(self, row: Any, texts: Texts) -> PendingWrite:
        value = self.serde.loads_typed((row.encoding, row.value))
        return (row.task_id, row.channel, whole(value, row.refs, texts))

    def _collect(
        self,
        ancestor: StoredCheckpoint,
        backwards: Mapping[str, builtins.list[PendingWrite]],
        seeds: dict[str, Any],
    ) -> None:
        values = self._loaded(ancestor)["channel_values"]
        for write in reversed(ancestor.writes):
            if write.channel in backwards and write.channel not in seeds:
                backwards[write.channel].append(self._write(write, ancestor.texts))
        seeds.update({c: values[c] for c in backwards if c in values and c not in seeds})


@asynccontextmanager
async def open_checkpointer(url: str) -> AsyncIterator[Checkpointer]:
    """Open a database, `sqlite:///FILE` or `postgresql://…`, as a checkpointer for any graph."""
    database = await Database.open(url)
    try:
        yield Checkpointer(StoredCheckpoints(database))
    finally:
        await database.close()


class RunCheckpointer(Checkpointer):
    """The checkpointer of one run at work: what it stores is committed with the run's events.

    Before a node begins that has an effect, all that was done before it is stored: `aput` returns
    when it is. Otherwise it makes no difference that something is not stored yet: if the process
    dies, it is done again. Then it is committed with what follows, but soon. That is so before
    nodes that are `repeatable`; after the input, if the run's row is stored, which has it, too; and
    at the end, which the end of the run follows at once.
    """

    def __init__(
        self, stored: StoredCheckpoints, log: RunLog, repeatable: frozenset[str], *, is_new: bool
    ) -> None:
        super().__init__(stored)
        self._log, self._repeatable, self._is_new = log, repeatable, is_new

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; raise TakenOver if another worker has the run."""
        self._is_new = False
        self._log.hold(partial(self._checkpoint, config, checkpoint, metadata))
        if not self._may_wait(config, checkpoint, metadata):
            await self._log.flush()
        return _config(_key(config)._replace(id=checkpoint["id"]))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a task wrote for the next commit."""
        encode = partial(self._writes, config, writes, task_id, task_path)
        self._log.write(encode, _nodes_of(writes, task_path))

    def _encoded_checkpoint(self, checkpoint: Checkpoint) -> tuple[str, bytes, str | None]:
        encoded = super()._encoded_checkpoint(checkpoint)
        if len(encoded[1]) <= LIMIT:
            return encoded
        # The values of channels are no parts themselves: they gather the outputs of many nodes.
        values, refs = self._log.values.part(checkpoint["channel_values"], least=2)
        if refs is None:
            return encoded
        return (*self.serde.dumps_typed({**checkpoint, "channel_values": values}), refs)

    def _encoded_write(self, value: Any) -> tuple[str, bytes, str | None]:
        encoded = super()._encoded_write(value)
        if len(encoded[1]) <= LIMIT:
            return encoded
        parted, refs = self._log.values.part(value)
        return encoded if refs is None else (*self.serde.dumps_typed(parted), refs)

    def _may_wait(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata
    ) -> bool:
        """Return whether a checkpoint can be committed with what follows, without a difference."""
        source, step = metadata.get("source"), metadata.get("step")
        is_first = source == "input" or (source == "loop" and step == 0)
        if is_first and not self._log.is_new:
            return True
        if _key(config).namespace or _TASKS in checkpoint["channel_values"]:
            return False
        woken = (c for c in checkpoint["channel_values"] if c.startswith(WAKING))
        return all(channel.removeprefix(WAKING) in self._repeatable for channel in woken)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint; for a new run, nothing is read before its first one."""
        if self._is_new:
            return None
        await self._log.flush()
        return await super().aget_tuple(config)


def _key(config: RunnableConfig) -> CheckpointKey:
    named = config.get("configurable", {})
    return CheckpointKey(
        str(named["thread_id"]), named.get("checkpoint_ns", ""), named.get("checkpoint_id")
    )


def _config(key: CheckpointKey) -> RunnableConfig:
    names = {"thread_id": key.thread_id, "checkpoint_ns": key.namespace, "checkpoint_id": key.id}
    return {"configurable": names}


def _nodes_of(writes: Sequence[tuple[str, Any]], task_path: str) -> Collection[str]:
    """Return the nodes whose outcomes are in writes: that of a task, or those in a journal."""
    name = task_path.removeprefix(_TASK_OF_NODE)
    return (name,) if name != task_path else nodes_in_journal(channel for channel, _ in writes)


def _fits(about: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in about and about[name] == value for name, value in wanted.items())


def _history(
    channel: str, backwards: Sequence[PendingWrite], seeds: Mapping[str, Any]
) -> DeltaChannelHistory:
    history: DeltaChannelHistory = {"writes": list(reversed(backwards))}
    if channel in seeds:
        history["seed"] = seeds[channel]
    return history


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
