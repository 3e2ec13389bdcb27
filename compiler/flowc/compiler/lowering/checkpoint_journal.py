"""Where is a region's journal kept? Beside the checkpoint that its superstep began with.

Each entry is a pending write of that checkpoint, under a channel that LangGraph does not know
and so leaves alone. Entries are written in batches: while one is under way, the next one fills.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.runtime import Runtime

from flowc.compiler.node import Outcome
from flowc.compiler.running.region import Journal, NoJournal
from flowc.compiler.running.run_context import RunContext

_CHANNEL = "journal:"
_TASK_PATH = "~~journal"


@asynccontextmanager
async def journal_of(runtime: Runtime[RunContext]) -> AsyncIterator[Journal]:
    """Open the journal of the superstep that is running; all of it is durable on leaving."""
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
    namespace = "|".join(info.checkpoint_ns.split("|")[:-1])
    return {
        "configurable": {
            "thread_id": info.thread_id or run.run_id,
            "checkpoint_ns": namespace,
            "checkpoint_id": info.checkpoint_id,
        }
    }


class CheckpointJournal:
    """What nodes of a region did, as pending writes of a checkpoint."""

    def __init__(self, saver: BaseCheckpointSaver[Any], config: Any) -> None:
        self._saver, self._config = saver, config
        self._known: dict[str, Outcome] = {}
        self._waiting: list[tuple[str, Any]] = []
        self._writing: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Read what earlier attempts left."""
        found = await self._saver.aget_tuple(self._config)
        for _, channel, value in (found.pending_writes or []) if found else []:
            if channel.startswith(_CHANNEL):
                self._known[channel.removeprefix(_CHANNEL)] = Outcome(**value)

    def recorded(self, key: str) -> Outcome | None:
        """Return what a node did in an earlier attempt."""
        return self._known.get(key)

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep what a node did: it is written with the next batch."""
        entry: dict[str, Any] = {"output": outcome.output}
        for name in ("branch", "variables", "usage", "error"):
            if value := getattr(outcome, name):
                entry[name] = value
        self._waiting.append((f"{_CHANNEL}{key}", entry))
        if self._writing is None or (self._writing.done() and not self._has_failed()):
            self._writing = asyncio.create_task(self._write())

    async def flush(self) -> None:
        """Wait until all is written; raise what kept a batch from being written."""
        if self._writing is not None:
            await self._writing

    def _has_failed(self) -> bool:
        task = self._writing
        return task is not None and task.done() and task.exception() is not None

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await self._saver.aput_writes(self._config, batch, str(uuid.uuid4()), _TASK_PATH)
