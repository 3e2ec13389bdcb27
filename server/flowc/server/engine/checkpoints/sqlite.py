"""Checkpoints in a SQLite file."""

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from flowc.server.engine.checkpoints.small import (
    BeforeWrite,
    Beginning,
    Saver,
    SmallSaver,
    serializer,
)


@asynccontextmanager
async def open_saver(file: Path) -> AsyncIterator["SmallSqliteSaver"]:
    """Open the SQLite file of the checkpoints; no code is executed when one is read."""
    async with SmallSqliteSaver.from_conn_string(str(file)) as saver:
        assert isinstance(saver, SmallSqliteSaver)  # it makes one of its own class
        saver.serde = serializer()
        await saver.setup()
        yield saver


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


class SmallSqliteSaver(SmallSaver, AsyncSqliteSaver):
    """A SQLite checkpointer with small checkpoints."""
