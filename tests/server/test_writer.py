"""What runs did is committed together, whole or not at all, and only by the worker that has them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from flowc.compiler.running.events import NODE_COMPLETED, NODE_SKIPPED
from flowc.server.engine.checkpointer import RunCheckpointer
from flowc.server.engine.run_log import RunLog
from flowc.server.records.ids import new_run_id
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.store.checkpoints import CheckpointKey, StoredCheckpoints
from flowc.server.store.database import Database
from flowc.server.store.runs.claims import Claim, Claims
from flowc.server.store.runs.steering import RunStart, Steering
from flowc.server.store.runs.stored_runs import StoredRuns
from flowc.server.store.runs.writer import (
    Batch,
    Pending,
    TakenOver,
    WorkerInstructions,
    Writer,
)


@dataclass
class Store:
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


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/d.db" if is_sqlite else request.getfixturevalue("postgres")
    database = await Database.open(url)
    found = Store(database, Writer(database))
    database.publish_to(lambda run_id, urgent: found.published.append((run_id, urgent)))
    yield found
    await database.close()


def _said(count: int = 1) -> list[RunEvent]:
    return [RunEvent.of(NODE_SKIPPED.of_node(f"n{i}", {})) for i in range(count)]


def _checkpoint(run: RunRecord, id: str = "1") -> Any:
    return lambda: {
        "thread_id": run.id,
        "namespace": "",
        "id": id,
        "parent_id": None,
        "encoding": "msgpack",
        "checkpoint": b"c",
        "about": {"step": 1},
    }


def _batch(run: RunRecord, events: int = 1) -> Batch:
    return Batch(run.id, "t", 1, Pending(_said(events), [_checkpoint(run)], []))


async def test_runs_that_are_ready_together_share_a_transaction(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [await store.begun() for _ in range(5)]
    groups: list[int] = []
    write = store.writer.statements.write

    def counted(driver: Any, batches: Sequence[Batch], **more: Any) -> Any:
        groups.append(len(batches))
        return write(driver, batches, **more)

    monkeypatch.setattr(store.writer.statements, "write", counted)
    store.published.clear()
    await asyncio.gather(
        *(store.writer.commit(_batch(run, events=i)) for i, run in enumerate(runs))
    )
    # All were handed in before the first transaction began.
    assert groups == [5]
    for count, run in enumerate(runs):
        assert await store.kinds(run) == ["run.created", "run.started", *["node.skipped"] * count]
    assert store.published == [(run.id, False) for run in runs[1:]]


async def test_a_worker_that_lost_a_run_writes_nothing_and_holds_up_no_other(store: Store) -> None:
    lost, mine = await store.begun(), await store.begun()
    await store.steering.end(store.tenant, lost.id, "failed", {"code": "c", "message": "m"})
    results = await asyncio.gather(
        *(store.writer.commit(_batch(run)) for run in (lost, mine)), return_exceptions=True
    )
    assert isinstance(results[0], TakenOver)
    assert results[1] == WorkerInstructions(None, None)
    assert await store.kinds(lost) == ["run.created", "run.started", "run.failed"]
    stored = StoredCheckpoints(store.database)
    assert await stored.get(CheckpointKey(lost.id)) is None
    assert await stored.get(CheckpointKey(mine.id)) is not None


async def test_a_batch_that_cannot_be_written_fails_alone(store: Store) -> None:
    good, bad = await store.begun(), await store.begun()
    broken = _batch(bad)
    broken.pending.checkpoints = [lambda: {**_checkpoint(bad)(), "encoding": None}]
    results = await asyncio.gather(
        *(store.writer.commit(batch) for batch in (broken, _batch(good))), return_exceptions=True
    )
    assert isinstance(results[0], Exception) and not isinstance(results[0], TakenOver)
    assert results[1] == WorkerInstructions(None, None)
    assert await store.kinds(bad) == ["run.created", "run.started"]
    assert (await store.kinds(good))[-1] == "node.skipped"


async def test_what_was_committed_although_the_connection_was_lost_is_not_written_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = await store.begun(), await store.begun()
    commit, lost = store.database._commit, OperationalError("commit", {}, Exception("gone"))

    def committed(driver: Any) -> None:
        commit(driver)
        monkeypatch.setattr(store.database, "_commit", commit)
        raise lost

    async def commit_of(pending: Pending) -> WorkerInstructions:
        return await store.writer.commit(Batch(run.id, store.tenant, 1, pending))

    log = RunLog(commit_of, lambda told: None, lambda: None)
    first, second, third = _said(3)
    log.append(first)
    monkeypatch.setattr(store.database, "_commit", committed)
    with pytest.raises(OperationalError):
        await log.flush()
    log.append(second)
    store.published.clear()
    await log.flush()
    assert await store.kinds(run) == ["run.created", "run.started", *["node.skipped"] * 2]
    assert store.published == [(run.id, False)]
    # So it is with a group: each batch of it is tried again in a transaction of its own.
    monkeypatch.setattr(store.database, "_commit", committed)
    log.append(third)
    started = asyncio.create_task(store.begun())
    await asyncio.gather(log.flush(), store.writer.commit(_batch(other)))
    assert await store.kinds(run) == ["run.created", "run.started", *["node.skipped"] * 3]
    assert await store.kinds(other) == ["run.created", "run.started", "node.skipped"]
    assert await store.kinds(await started) == ["run.created", "run.started"]


async def test_a_worker_gets_the_instruction_to_pause_and_its_breakpoints(store: Store) -> None:
    run = await store.begun()
    await store.steering.pause(store.tenant, run.id)
    await store.steering.set_breakpoints(store.tenant, run.id, ["b", "a"])
    told = await store.writer.commit(_batch(run))
    assert told == WorkerInstructions("pause", {"nodes": ["a", "b"], "stepping": False})


async def _ended(store: Store, status: Any) -> bool:
    """End a run that has a checkpoint; return whether it still has one."""
    run = await store.begun()
    await store.writer.commit(_batch(run, events=0))
    nothing: Any = None
    claims = Claims(store.database, nothing, store.writer)
    run.status, run.output = status, {"answer": 1}
    store.published.clear()
    await claims.finish(Claim(run, store.tenant, 1, 1), Pending(), run.ended(()))
    assert store.published == [(run.id, True)]
    found = await StoredRuns(store.database, store.tenant).get(run.id)
    assert found.as_json() == run.as_json()
    assert (found.status, found.output) == (status, {"answer": 1})
    return await StoredCheckpoints(store.database).get(CheckpointKey(run.id)) is not None


async def test_a_completed_run_keeps_no_checkpoint_and_a_failed_one_does(store: Store) -> None:
    assert not await _ended(store, "completed")
    assert await _ended(store, "failed")


async def test_the_end_of_a_run_with_subscribers_is_announced(store: Store) -> None:
    insert = (
        "insert into subscriptions (tenant, id, url, kinds, secret, created_at)"
        """ values (:tenant, 's', 'http://x', '["run.completed"]', 'k', '2026-01-01 00:00:00')"""
    )
    await store.database.write(
        lambda session: session.execute(text(insert), {"tenant": store.tenant})
    )
    run = await store.begun()
    errands: list[str] = []

    class Queue:
        def errand(self, session: Any, errand: str, subject: str, run_id: str) -> None:
            errands.append(errand)

    queue: Any = Queue()
    claims = Claims(store.database, queue, store.writer)
    run.status = "completed"
    await claims.finish(Claim(run, store.tenant, 1, 1), Pending(), run.ended(()))
    assert errands == ["deliver"]
    assert await store.kinds(run) == ["run.created", "run.started", "run.completed"]


async def test_a_process_that_died_leaves_its_runs_to_the_queue(store: Store) -> None:
    queued: list[tuple[str, int]] = []

    class Queue:
        def enqueue(self, session: Any, run_id: str, segment: int, *_: Any) -> None:
            queued.append((run_id, segment))

    queue: Any = Queue()
    run = await store.begun()
    steering = Steering(store.database, queue, store.writer)
    claims = Claims(store.database, queue, store.writer)
    assert store.tenant in await steering.workers()
    # While its process is alive, no other takes it, also not from the queue.
    assert await claims.claim(run.id, 0) is None
    assert await steering.requeue_of(store.tenant) == 1
    assert queued == [(run.id, 1)]
    assert store.tenant not in await steering.workers()
    taken = await claims.claim(run.id, 1, "there")
    assert taken is not None and taken.epoch == 3
    with pytest.raises(TakenOver):
        await store.writer.commit(_batch(run))


async def test_a_segment_that_the_queue_handed_over_is_not_taken_by_who_was_offered_it(
    store: Store,
) -> None:
    queue: Any = SimpleNamespace(enqueue=lambda *_: None)
    run = await store.begun()
    claims = Claims(store.database, queue, store.writer)
    await Steering(store.database, queue, store.writer).requeue_of(store.tenant)
    first = await claims.claim(run.id, 1)
    assert first is not None and first.attempt == 1
    assert await claims.claim(run.id, 1, "there") is None
    # Of a worker that died, the queue hands it over again.
    second = await claims.claim(run.id, 1)
    assert second is not None and second.attempt == 2


class Commits:
    """Stands for the writer of a run: notes what it commits, and fails if it has a problem."""

    def __init__(self) -> None:
        self.done: list[Pending] = []
        self.problem: Exception | None = None

    async def commit(self, pending: Pending) -> WorkerInstructions:
        await asyncio.sleep(0)
        if self.problem is not None:
            raise self.problem
        self.done.append(pending)
        return WorkerInstructions(None, None)


async def test_what_could_not_be_committed_comes_before_what_follows() -> None:
    commits = Commits()
    lost: list[bool] = []
    log = RunLog(commits.commit, lambda told: None, lambda: lost.append(True))
    first, second, third = _said(3)
    log.append(first)
    commits.problem = OperationalError("insert", {}, Exception("disk full"))
    with pytest.raises(OperationalError):
        await log.flush()
    log.append(second)
    commits.problem = None
    await log.flush()
    log.append(third)
    assert [p.events for p in commits.done] == [[first, second]]
    # The rest belongs to the end of the run, and no timer writes it any more.
    assert (await log.close()).events == [third]
    await asyncio.sleep(0.05)
    assert len(commits.done) == 1
    assert not lost


async def test_the_completion_of_a_node_is_committed_with_what_the_node_wrote() -> None:
    commits = Commits()
    log = RunLog(commits.commit, lambda told: None, lambda: None)
    [before], completed = _said(), RunEvent.of(NODE_COMPLETED.of_node("a", {"output": 1}))
    log.append(before)
    log.append(completed)
    # The timer of the first event is over before the node's writes are handed in.
    await log.flush(is_whole=False)
    assert [p.events for p in commits.done] == [[before]]
    log.write(list)
    while len(commits.done) < 2:
        await asyncio.sleep(0.01)
    assert (commits.done[1].events, len(commits.done[1].writes)) == ([completed], 1)


async def test_a_completion_does_not_wait_longer_for_writes_that_do_not_come() -> None:
    commits = Commits()
    log = RunLog(commits.commit, lambda told: None, lambda: None)
    completed = RunEvent.of(NODE_COMPLETED.of_node("a", {"output": 1}))
    log.append(completed)
    await log.flush(is_whole=False)
    assert not commits.done
    await log.flush(is_whole=False)
    assert [p.events for p in commits.done] == [[completed]]


async def test_a_run_that_is_lost_between_checkpoints_is_stopped() -> None:
    commits = Commits()
    commits.problem = TakenOver("r")
    lost = asyncio.Event()
    log = RunLog(commits.commit, lambda told: None, lost.set)
    log.append(_said()[0])
    await asyncio.wait_for(lost.wait(), 10)


def _saver(commits: Commits, repeatable: frozenset[str]) -> RunCheckpointer:
    log = RunLog(commits.commit, lambda told: None, lambda: None)
    nothing: Any = None
    return RunCheckpointer(nothing, log, repeatable, is_new=True)


@pytest.mark.parametrize(
    ("next_nodes", "source", "step", "is_stored"),
    [
        (["send"], "loop", 3, True),
        (["text", "send"], "loop", 3, True),
        (["text"], "loop", 3, False),
        ([], "loop", 3, False),
        (["send"], "loop", 0, False),
        (["send"], "input", -1, False),
    ],
)
async def test_all_is_stored_before_a_node_with_an_effect(
    next_nodes: list[str], source: Any, step: int, is_stored: bool
) -> None:
    commits = Commits()
    saver = _saver(commits, frozenset({"text"}))
    values = {"outputs": {}, **{f"branch:to:{name}": None for name in next_nodes}}
    checkpoint: Any = {
        "id": "c",
        "channel_values": values,
        "channel_versions": {},
        "versions_seen": {},
    }
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    await saver.aput_writes(config, [("outputs", {})], "task")
    await saver.aput(config, checkpoint, {"source": source, "step": step}, {})
    assert bool(commits.done) == is_stored
    # With or without a checkpoint, what was done is stored soon.
    while not commits.done:
        await asyncio.sleep(0.01)
    [stored] = commits.done
    assert (len(stored.checkpoints), len(stored.writes)) == (1, 1)
