"""Stores a region's journal next to the checkpoint with which its superstep began.

LangGraph stores a checkpoint between supersteps, and a region is a single superstep: without a
journal, a crash in it would repeat all of its nodes. Each entry is a pending write of that
checkpoint, under a channel that LangGraph does not know and therefore ignores. Entries are deleted
with the thread, so the journal needs no clean-up of its own.

Example: the `fused` workflow `fetch --> summarise --> send`, which is one superstep.

1. LangGraph stores checkpoint C0 (the input) and starts the region; `journal_of` returns a journal
   at C0. It is empty and, as the run is not resumed, it is not even read.
2. `fetch` finishes: `record("fetch#0", …)` starts the write of batch 1, and returns at once.
3. `summarise` finishes while batch 1 is being written: its entry waits. When batch 1 is durable,
   batch 2 begins with all entries that wait by then; under load, batches grow by themselves.
4. The process dies during batch 2. The pending writes of C0 are now:

       journal:fetch#0   {"output": …}

5. The run is resumed from C0. `load` reads the pending writes, `recorded("fetch#0")` returns the
   outcome of `fetch`, and `summarise` runs again, because its outcome was not durable yet.
6. `send` finishes, the region returns, and leaving `journal_of` waits for the last batch. LangGraph
   stores checkpoint C1 with the outputs; the entries at C0 are not read again.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.runtime import Runtime

from flowc.compiler.node import Outcome
from flowc.compiler.running.journal import Journal, NoJournal
from flowc.compiler.running.run_context import RunContext

_CHANNEL = "journal:"
_OUTCOME = re.compile(rf"{_CHANNEL}([^/#]+)#\d+")
# No task of LangGraph has this path.
_TASK_PATH = "~~journal"


def nodes_in_journal(channels: Iterable[str]) -> list[str]:
    """Return the nodes whose outcomes are entries with these channels, without those in bodies.

    >>> nodes_in_journal(["journal:fetch#0", "journal:map#0/item/0#0", "journal:agent#0/call!"])
    ['fetch']
    """
    return [found[1] for channel in channels if (found := _OUTCOME.fullmatch(channel))]


@asynccontextmanager
async def journal_of(runtime: Runtime[RunContext]) -> AsyncIterator[Journal]:
    """Open the journal of the current superstep; on leaving, all entries are durable."""
    run, info = runtime.context, runtime.execution_info
    if run.saver is None or info is None:
        yield NoJournal()
        return
    journal = CheckpointJournal(run.saver, _config(run, info))
    if run.is_resumed:
        await journal.load()
    try:
        yield journal
    finally:
        await journal.flush()


def _config(run: RunContext, info: Any) -> Any:
    # The namespace of the task is that of its checkpoint, followed by the task itself.
    namespace = "|".join(info.checkpoint_ns.split("|")[:-1])
    return {
        "configurable": {
            "thread_id": info.thread_id or run.run_id,
            "checkpoint_ns": namespace,
            "checkpoint_id": info.checkpoint_id,
        }
    }


class CheckpointJournal:
    """The outcomes of a region's nodes, as pending writes of a checkpoint."""

    def __init__(self, saver: BaseCheckpointSaver[Any], config: Any) -> None:
        self._saver, self._config = saver, config
        self._known: dict[str, Outcome] = {}
        self._waiting: list[tuple[str, Any]] = []
        self._writing: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Read the entries of earlier attempts."""
        found = await self._saver.aget_tuple(self._config)
        for _, channel, value in (found.pending_writes or []) if found else []:
            if channel.startswith(_CHANNEL):
                self._known[channel.removeprefix(_CHANNEL)] = Outcome(**value)

    def recorded(self, key: str) -> Outcome | None:
        """Return the outcome under this key from an earlier attempt, or None."""
        return self._known.get(key)

    def record(self, key: str, outcome: Outcome) -> None:
        """Store an outcome; it is written with the next batch."""
        entry: dict[str, Any] = {"output": outcome.output}
        for name in ("branch", "variables", "usage", "error"):
            if value := getattr(outcome, name):
                entry[name] = value
        self._waiting.append((f"{_CHANNEL}{key}", entry))
        # After a failed batch no other is started: flush raises that failure, and the region ends.
        if self._writing is None or (self._writing.done() and not self._has_failed()):
            self._writing = asyncio.create_task(self._write())

    async def flush(self) -> None:
        """Wait until everything is written; raise the failure of a batch, if one failed."""
        if self._writing is not None:
            await self._writing

    def _has_failed(self) -> bool:
        task = self._writing
        return task is not None and task.done() and task.exception() is not None

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            # Entries are stored by task id and position, so each batch needs its own id.
            await self._saver.aput_writes(self._config, batch, str(uuid.uuid4()), _TASK_PATH)
