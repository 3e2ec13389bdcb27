"""Old runs are deleted with all that is theirs, and their space is given back."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from fakes.processes import new_database
from flowc.compiler.running.events import NODE_SKIPPED, RUN_FAILED
from flowc.server.engine.queue.dbos_queue import Queue
from flowc.server.engine.queue.retention import Retention
from flowc.server.records.ids import new_run_id
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.store.database import Database
from flowc.server.store.old_data import OldData
from flowc.server.store.runs.batches import Batch, Pending, RunEnd
from flowc.server.store.runs.steering import RunStart, Steering
from flowc.server.store.runs.stored_runs import NoSuchRun, StoredRuns
from flowc.server.store.runs.writer import Writer
from flowc.server.store.tables import DefinitionRow, RunRow
from flowc.server.store.workflows import NewVersion, NoSuchWorkflow, StoredWorkflows

TENANT = "retention"
OLD = timedelta(days=40)
# So long that it is stored apart.
TEXT = "0123456789abcdef" * 300


@dataclass
class Kept:
    """A database with runs, and the retention that deletes those older than 30 days."""

    database: Database
    queue: Queue
    writer: Writer
    file: Path

    @property
    def steering(self) -> Steering:
        return Steering(self.database, self.queue, self.writer)

    @property
    def runs(self) -> StoredRuns:
        return StoredRuns(self.database, TENANT)

    @property
    def workflows(self) -> StoredWorkflows:
        return StoredWorkflows(self.database, TENANT)

    async def prune(self) -> int:
        return await Retention(self.steering, self.queue, 30).prune()

    async def run(self, hash: str = "h", *, age: timedelta = OLD, is_over: bool = True) -> str:
        """Store a run as old as `age`, which has ended or is still at work."""
        run = RunRecord(id=new_run_id(), workflow_id=None, version=None, hash=hash, input={})
        run.created_at = now() - age
        await self.steering.create(TENANT, run, RunStart(worker="w", is_awaited=True))
        said = [
            RunEvent.of(NODE_SKIPPED.of_node("n", {})),
            RunEvent.of(NODE_SKIPPED.of_node("m", {})),
        ]
        pending = Pending(said, [_checkpoint(run.id)])
        values = {
            "status": "failed",
            "output": {"text": TEXT},
            "error": None,
            "usage": {},
            "finished_at": now() - age,
        }
        failed = RunEvent.of(RUN_FAILED.of_run({"error": {}, "unreached": []}))
        end = RunEnd(failed, values) if is_over else None
        batch = Batch(run.id, TENANT, 1, pending, end=end)
        await self.writer.commit(batch)
        return run.id

    async def count(self, table: str, run_id: str) -> int:
        query = text(f"select count(*) from {table} where thread_id = :run")
        found = await self.database.read(lambda session: session.scalar(query, {"run": run_id}))
        return int(found or 0)

    async def rows(self, table: str) -> int:
        """Return the number of all rows of a table."""
        query = text(f"select count(*) from {table}")
        return int(await self.database.read(lambda session: session.scalar(query)) or 0)

    async def enqueue(self, run_id: str, segment: int) -> None:
        await self.database.write(
            lambda session: self.queue.enqueue(session, run_id, segment, 10, delay=3600.0)
        )

    async def queued(self, run_id: str) -> int:
        table = "workflow_status" if self.file.exists() else "dbos.workflow_status"
        query = text(f"select count(*) from {table} where workflow_uuid like :id")
        found = await self.database.read(lambda s: s.scalar(query, {"id": f"{run_id}:%"}))
        return int(found or 0)

    async def grow_old(self, hash: str, age: timedelta) -> None:
        aged = update(DefinitionRow).where(DefinitionRow.hash == hash)
        await self.database.write(
            lambda session: session.execute(aged.values(created_at=now() - age))
        )


def _checkpoint(run_id: str) -> Any:
    return lambda: {
        "thread_id": run_id,
        "namespace": "",
        "id": "1",
        "parent_id": None,
        "encoding": "msgpack",
        "checkpoint": b"\x80",
        "about": {},
        "refs": None,
    }


@pytest.fixture(params=["sqlite", "postgres"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    file = tmp_path / "d.db"
    is_sqlite = request.param == "sqlite"
    # A database of its own: retention deletes from all tenants.
    url = f"sqlite:///{file}" if is_sqlite else _new(request.getfixturevalue("postgres"))
    database, queue = await Database.open(url), Queue(url)
    await queue.set_up()
    writer = Writer(database)
    yield Kept(database, queue, writer, file)
    writer.close()
    queue.close()
    await database.close()


def _new(postgres: str) -> str:
    return new_database(postgres)["FLOWC_DATABASE_URL"]


async def test_old_runs_are_deleted_with_all_that_is_theirs(kept: Kept) -> None:
    old = [await kept.run() for _ in range(120)]
    unfinished = await kept.run(is_over=False)
    recent = await kept.run(age=timedelta(days=1))
    assert await kept.count("graph_archives", old[0]) == 1
    assert await kept.rows("run_values") == 121
    assert await kept.prune() == 120
    for run_id in old:
        with pytest.raises(NoSuchRun):
            await kept.runs.get(run_id)
    assert await kept.count("graph_archives", old[0]) == 0
    # One that has ended has its end, too.
    for run_id, events in ((unfinished, 4), (recent, 5)):
        assert (await kept.runs.get(run_id)).id == run_id
        assert len(await kept.runs.events(run_id)) == events
    assert await kept.rows("events") == 4 + 5
    assert await kept.rows("run_values") == 1
    assert (await kept.runs.get(recent)).output == {"text": TEXT}
    assert await kept.count("graph_checkpoints", unfinished) == 1
    assert await kept.count("graph_archives", recent) == 1
    assert await kept.prune() == 0


async def test_the_queue_s_entries_of_old_runs_are_deleted(kept: Kept) -> None:
    old, recent = await kept.run(), await kept.run(age=timedelta(days=1))
    for run_id in (old, recent):
        for segment in (1, 2):
            await kept.enqueue(run_id, segment)
    assert await kept.queued(old) == await kept.queued(recent) == 2
    await kept.prune()
    assert (await kept.queued(old), await kept.queued(recent)) == (0, 2)


async def test_a_run_that_is_retried_meanwhile_is_not_deleted(kept: Kept) -> None:
    run_id = await kept.run()
    old = OldData(kept.database)
    [found] = [run for run in await old.ended_before(TENANT, now()) if run.id == run_id]
    await kept.steering.retry(TENANT, run_id)
    assert await old.forget_runs([found.id]) == 0
    assert (await kept.runs.get(run_id)).status == "pending"
    assert await kept.count("graph_checkpoints", run_id) == 1


async def test_a_batch_has_no_more_runs_than_have_some_thousand_events(kept: Kept) -> None:
    ids = [await kept.run() for _ in range(5)]
    many = update(RunRow).where(RunRow.id.in_(ids)).values(events=900)
    await kept.database.write(lambda session: session.execute(many))
    old = OldData(kept.database)
    batch = await old.ended_before(TENANT, now() - timedelta(days=30))
    assert len(batch) == 3
    assert await kept.prune() == 5


async def test_definitions_that_nothing_is_pinned_to_are_deleted(kept: Kept) -> None:
    for hash in ("unused", "ended", "of-a-run", "stored-again"):
        await kept.workflows.store_definition(hash, {"nodes": []})
        await kept.grow_old(hash, OLD)
    await kept.workflows.store_definition("new", {"nodes": []})
    await kept.run("ended")
    await kept.run("of-a-run", is_over=False)
    await kept.workflows.store_definition("stored-again", {"nodes": []})
    version = await kept.workflows.create("w", NewVersion("W", "of-a-version", {"nodes": []}))
    await kept.grow_old("of-a-version", OLD)
    await kept.prune()
    for hash in ("unused", "ended"):
        with pytest.raises(NoSuchWorkflow):
            await kept.workflows.document(None, None, hash)
    for hash in ("of-a-run", "stored-again", "new", version.hash):
        assert await kept.workflows.document(None, None, hash) == {"nodes": []}


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
async def test_the_file_is_smaller_when_old_runs_are_deleted(kept: Kept) -> None:
    empty = _size(kept.file)
    for _ in range(150):
        await kept.run()
    recent = await kept.run(age=timedelta(days=1))
    grown = _size(kept.file) - empty
    assert grown > 150 * len(TEXT)
    await kept.prune()
    assert _size(kept.file) - empty < grown / 10
    assert (await kept.runs.get(recent)).output == {"text": TEXT}


async def test_a_file_of_an_older_version_can_shrink_after_its_upgrade(tmp_path: Path) -> None:
    file = tmp_path / "d.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("create table notes (text)")
        connection.execute("insert into notes values ('before')")
    database = await Database.open(f"sqlite:///{file}")
    await database.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("pragma auto_vacuum").fetchone() == (2,)
        assert connection.execute("select text from notes").fetchall() == [("before",)]


def _size(file: Path) -> int:
    """Return the bytes of a database's file, with all that is in its log."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma wal_checkpoint(full)")
    return file.stat().st_size
