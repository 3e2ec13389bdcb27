"""The checkpoints of a failed run take little space, and are all there again when it is retried."""

import json
import zlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from fakes.processes import new_database
from flowc.compiler.running.events import RUN_FAILED
from flowc.server.engine.queue.dbos_queue import Queue
from flowc.server.records.ids import new_run_id
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.store.archives import DICTIONARY
from flowc.server.store.checkpoints import StoredCheckpoints
from flowc.server.store.database import Database
from flowc.server.store.runs.batches import Batch, Pending, RunEnd, TaskWrites
from flowc.server.store.runs.steering import RunStart, Steering
from flowc.server.store.runs.writer import Writer

TENANT = "archives"
FAILED = {"status": "failed", "output": None, "error": None, "usage": {}, "finished_at": None}


class Runs:
    """A database in which runs fail and are retried."""

    def __init__(self, database: Database, queue: Queue, writer: Writer) -> None:
        self.database, self._writer = database, writer
        self.steering = Steering(database, queue, writer)

    async def begun(self, value: bytes) -> str:
        """Return a run at work that has three checkpoints, with writes of a value after each."""
        run = RunRecord(id=new_run_id(), workflow_id=None, version=None, hash="h", input={})
        await self.steering.create(TENANT, run, RunStart(worker="w", is_awaited=True))
        pending = Pending()
        for n in range(3):
            pending.checkpoints.append(partial(_checkpoint, run.id, n))
            pending.writes.append(TaskWrites(partial(_all_writes, run.id, n, value)))
        await self._writer.commit(Batch(run.id, TENANT, 1, pending))
        return run.id

    async def fail(self, run_id: str) -> None:
        await self._writer.commit(Batch(run_id, TENANT, 1, end=_failure()))

    async def checkpoints(self, run_id: str) -> list[tuple[Any, list[Any]]]:
        found = await StoredCheckpoints(self.database).list(run_id, None, None, None)
        return [(tuple(each.checkpoint), [tuple(w) for w in each.writes]) for each in found]

    async def archives(self, run_id: str) -> int:
        query = text("select count(*) from graph_archives where thread_id = :run")
        found = await self.database.read(lambda session: session.scalar(query, {"run": run_id}))
        return int(found or 0)

    async def archive(self, run_id: str) -> bytes:
        query = text("select data from graph_archives where thread_id = :run")
        return bytes(await self.database.read(lambda s: s.scalar(query, {"run": run_id})))

    async def compress_as_before(self, run_id: str) -> None:
        """Compress an archive without a dictionary and references."""
        tables = json.loads(_unpacked(await self.archive(run_id)))
        rows = json.dumps([[row[:-1] for row in table] for table in tables])
        data = zlib.compress(rows.encode(), 3)
        query = text("update graph_archives set data = :data where thread_id = :run")
        about = {"run": run_id, "data": data}
        await self.database.write(lambda session: session.execute(query, about))


def _unpacked(data: bytes) -> bytes:
    return zlib.decompressobj(zdict=DICTIONARY).decompress(data)


def _failure() -> RunEnd:
    return RunEnd(RunEvent.of(RUN_FAILED.of_run({"error": {}, "unreached": []})), FAILED)


def _checkpoint(run_id: str, number: int) -> dict[str, Any]:
    return {
        "thread_id": run_id,
        "namespace": "",
        "id": f"c{number}",
        "parent_id": f"c{number - 1}" if number else None,
        "encoding": "msgpack",
        "checkpoint": bytes(range(256)),
        "about": {"step": number, "text": "Grüße"},
        "refs": None,
    }


def _all_writes(run_id: str, number: int, value: bytes) -> list[dict[str, Any]]:
    return [_write(run_id, number, value)]


def _write(run_id: str, number: int, value: bytes) -> dict[str, Any]:
    return {
        "thread_id": run_id,
        "namespace": "",
        "checkpoint_id": f"c{number}",
        "task_id": "t",
        "number": -1 if number == 2 else 0,
        "task_path": "",
        "channel": "outputs",
        "encoding": "msgpack",
        "value": value,
        "refs": None,
    }


@pytest.fixture(params=["sqlite", "postgres"])
async def runs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Runs]:
    url = f"sqlite:///{tmp_path}/d.db"
    if request.param == "postgres":
        url = new_database(request.getfixturevalue("postgres"))["FLOWC_DATABASE_URL"]
    database, queue = await Database.open(url), Queue(url)
    await queue.set_up()
    writer = Writer(database)
    yield Runs(database, queue, writer)
    writer.close()
    queue.close()
    await database.close()


async def test_a_retried_run_has_the_checkpoints_that_it_failed_with(runs: Runs) -> None:
    run_id, other = await runs.begun(b"\x00\xff value"), await runs.begun(b"of another run")
    before, of_other = await runs.checkpoints(run_id), await runs.checkpoints(other)
    assert len(before) == 3
    await runs.fail(run_id)
    assert await runs.checkpoints(run_id) == []
    assert await runs.archives(run_id) == 1
    await runs.steering.retry(TENANT, run_id)
    assert await runs.checkpoints(run_id) == before
    assert await runs.archives(run_id) == 0
    assert await runs.checkpoints(other) == of_other


async def test_a_run_that_fails_again_can_be_retried_again(runs: Runs) -> None:
    run_id = await runs.begun(b"value")
    before = await runs.checkpoints(run_id)
    for _ in range(2):
        await runs.fail(run_id)
        await runs.steering.retry(TENANT, run_id)
    assert await runs.checkpoints(run_id) == before


async def test_an_archive_of_a_former_version_is_read(runs: Runs) -> None:
    run_id = await runs.begun(b"value \xff")
    before = await runs.checkpoints(run_id)
    await runs.fail(run_id)
    await runs.compress_as_before(run_id)
    await runs.steering.retry(TENANT, run_id)
    assert await runs.checkpoints(run_id) == before


async def test_large_checkpoints_are_left_as_they_are(runs: Runs) -> None:
    run_id = await runs.begun(b"x" * 50_000)
    before = await runs.checkpoints(run_id)
    await runs.fail(run_id)
    assert await runs.checkpoints(run_id) == before
    assert await runs.archives(run_id) == 0
    await runs.steering.retry(TENANT, run_id)
    assert await runs.checkpoints(run_id) == before
