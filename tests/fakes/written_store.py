"""A database with a writer and a run at work, as the engine has them."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.running.events import NODE_SKIPPED
from flowc.server.engine.run_log import RunLog
from flowc.server.records.ids import new_run_id
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.store.database import Database
from flowc.server.store.runs.batches import WorkerInstructions
from flowc.server.store.runs.claims import Claim
from flowc.server.store.runs.steering import RunStart, Steering
from flowc.server.store.runs.stored_runs import StoredRuns
from flowc.server.store.runs.writer import Writer


@dataclass
class WrittenStore:
    """A database with a writer, and what was published of it."""

    database: Database
    writer: Writer
    # Of this test alone: tests share the PostgreSQL database.
    tenant: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    published: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def steering(self) -> Steering:
        nothing: Any = None
        return Steering(self.database, nothing, self.writer)

    async def begun(self) -> RunRecord:
        run = RunRecord(id=new_run_id(), workflow_id=None, version=None, hash="h", input={})
        start = RunStart(worker=self.tenant, is_awaited=True)
        assert await self.steering.create(self.tenant, run, start)
        return run

    async def kinds(self, run: RunRecord) -> list[str]:
        events = await StoredRuns(self.database, self.tenant).events(run.id)
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        return [str(event.kind) for event in events]


@asynccontextmanager
async def written_store(url: str) -> AsyncIterator[WrittenStore]:
    """Open a database with a writer."""
    database = await Database.open(url)
    found = WrittenStore(database, Writer(database))
    database.publish_to(lambda run_id, urgent: found.published.append((run_id, urgent)))
    yield found
    found.writer.close()
    await database.close()


def said(count: int = 1) -> list[RunEvent]:
    """Return events that say little."""
    return [RunEvent.of(NODE_SKIPPED.of_node(f"n{i}", {})) for i in range(count)]


class LogAtWork:
    """A log over a store, with the instructions that it passed on."""

    def __init__(self, store: WrittenStore, run: RunRecord) -> None:
        self.received: list[WorkerInstructions] = []
        self.lost = asyncio.Event()
        claim = Claim(run, store.tenant, 1, 1)
        self.log = RunLog(store.writer, claim, self.received.append, self.lost.set)
