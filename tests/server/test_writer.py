"""What runs did is committed together, whole or not at all, and only by the worker that has them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from fakes.written_store import LogAtWork, WrittenStore, said
from flowc.compiler.running.events import NODE_COMPLETED, Event
from flowc.server.records.runs import RunRecord
from flowc.server.store.archives import restore
from flowc.server.store.checkpoints import CheckpointKey, StoredCheckpoints
from flowc.server.store.runs.batches import (
    Batch,
    HasAudience,
    Pending,
    RunEnd,
    TakenOver,
    WorkerInstructions,
)
from flowc.server.store.runs.claims import Claim, Claims
from flowc.server.store.runs.steering import Steering
from flowc.server.store.runs.stored_runs import StoredRuns


def _completion(node_id: str) -> Event:
    return NODE_COMPLETED.of_node(
        node_id,
        {
            "output": 1,
            "branch": None,
            "usage": {},
            "attempts": 1,
            "duration_ms": 1.0,
            "cached": False,
        },
    )


def _checkpoint(run: RunRecord, id: str = "1") -> Any:
    return lambda: {
        "thread_id": run.id,
        "namespace": "",
        "id": id,
        "parent_id": None,
        "encoding": "msgpack",
        "checkpoint": b"c",
        "about": {"step": 1},
        "refs": None,
    }


def _batch(run: RunRecord, events: int = 1) -> Batch:
    return Batch(run.id, "t", 1, Pending(said(events), [_checkpoint(run)], []))


async def test_runs_that_are_ready_together_share_a_transaction(
    store: WrittenStore, monkeypatch: pytest.MonkeyPatch
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


async def test_a_worker_that_lost_a_run_writes_nothing_and_holds_up_no_other(
    store: WrittenStore,
) -> None:
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


async def test_a_batch_that_cannot_be_written_fails_alone(store: WrittenStore) -> None:
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
    store: WrittenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = await store.begun(), await store.begun()
    commit, lost = store.database._commit, OperationalError("commit", {}, Exception("gone"))

    def committed(driver: Any) -> None:
        commit(driver)
        monkeypatch.setattr(store.database, "_commit", commit)
        raise lost

    log = LogAtWork(store, run).log
    first, second, third = said(3)
    log.append(first)
    monkeypatch.setattr(store.database, "_commit", committed)
    with pytest.raises(OperationalError):
        await log.flush()
    log.append(second)
    await log.flush()
    assert await store.kinds(run) == ["run.created", "run.started", *["node.skipped"] * 2]
    # So it is with a group: each batch of it is tried again in a transaction of its own.
    monkeypatch.setattr(store.database, "_commit", committed)
    log.append(third)
    started = asyncio.create_task(store.begun())
    await asyncio.gather(log.flush(), store.writer.commit(_batch(other)))
    assert await store.kinds(run) == ["run.created", "run.started", *["node.skipped"] * 3]
    assert await store.kinds(other) == ["run.created", "run.started", "node.skipped"]
    assert await store.kinds(await started) == ["run.created", "run.started"]


async def test_an_end_that_was_committed_although_the_connection_was_lost_is_not_written_again(
    store: WrittenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = await store.begun(), await store.begun()
    commit = store.database._commit
    lost, times = OperationalError("commit", {}, Exception("gone")), [0]

    def committed(driver: Any) -> None:
        # The group is committed and lost; the first batch by itself is lost before its commit.
        times[0] += 1
        if times[0] == 1:
            commit(driver)
        if times[0] <= 2:
            raise lost
        commit(driver)

    log = LogAtWork(store, run).log
    log.append(said()[0])
    run.status, run.output = "completed", 1
    end = RunEnd.of(run, run.ended(()))
    monkeypatch.setattr(store.database, "_commit", committed)
    ending = asyncio.create_task(log.flush(end))
    await asyncio.gather(ending, store.writer.commit(_batch(other)), return_exceptions=True)
    assert ending.exception() is lost
    store.published.clear()
    # The writer is there for the next ones, and for this one.
    await log.flush(end)
    assert store.published == [(run.id, True)]
    kinds = await store.kinds(run)
    assert kinds == ["run.created", "run.started", "node.skipped", "run.completed"]
    assert await store.kinds(other) == ["run.created", "run.started", "node.skipped"]
    assert await StoredCheckpoints(store.database).get(CheckpointKey(run.id)) is None


async def test_each_commit_returns_whether_to_pause_and_where_to_stop(store: WrittenStore) -> None:
    run = await store.begun()
    await store.steering.pause(store.tenant, run.id)
    await store.steering.set_breakpoints(store.tenant, run.id, {"b": None, "a": None})
    instructions = await store.writer.commit(_batch(run))
    assert instructions == WorkerInstructions("pause", {"nodes": ["a", "b"], "stepping": False})


async def _ended(store: WrittenStore, status: Any) -> bool:
    """End a run that has a checkpoint; return whether a retry would still have one."""
    run = await store.begun()
    await store.writer.commit(_batch(run, events=0))
    run.status, run.output = status, {"answer": 1}
    store.published.clear()
    await LogAtWork(store, run).log.flush(RunEnd.of(run, run.ended(())))
    assert store.published == [(run.id, True)]
    found = await StoredRuns(store.database, store.tenant).get(run.id)
    assert found.as_json() == run.as_json()
    assert (found.status, found.output) == (status, {"answer": 1})
    await store.database.write(lambda session: restore(session, run.id))
    return await StoredCheckpoints(store.database).get(CheckpointKey(run.id)) is not None


async def test_a_completed_run_keeps_no_checkpoint_and_a_failed_one_does(
    store: WrittenStore,
) -> None:
    assert not await _ended(store, "completed")
    assert await _ended(store, "failed")


async def test_the_end_of_a_run_with_subscribers_is_announced(store: WrittenStore) -> None:
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
    found, end = LogAtWork(store, run), RunEnd.of(run, run.ended(()))
    found.log.append(said()[0])
    with pytest.raises(HasAudience):
        await found.log.flush(end)
    # Only the end was not written.
    await found.log.flush()
    await claims.finish(Claim(run, store.tenant, 1, 1), end)
    assert errands == ["deliver"]
    kinds = await store.kinds(run)
    assert kinds == ["run.created", "run.started", "node.skipped", "run.completed"]


async def test_a_process_that_died_leaves_its_runs_to_the_queue(store: WrittenStore) -> None:
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
    # What may have killed the process is counted, so that it does not kill one after another.
    assert taken.attempt == 2
    with pytest.raises(TakenOver):
        await store.writer.commit(_batch(run))


async def test_a_segment_that_the_queue_has_given_to_a_worker_is_offered_to_no_other(
    store: WrittenStore,
) -> None:
    class Queue:
        def enqueue(self, *_: Any) -> None:
            pass

    queue: Any = Queue()
    run = await store.begun()
    steering = Steering(store.database, queue, store.writer)
    claims = Claims(store.database, queue, store.writer)
    await steering.requeue_of(store.tenant)
    queued = await claims.claim(run.id, 1)
    assert queued is not None
    assert await claims.claim(run.id, 1, "there") is None
    # The worker died, and the queue gives the segment to the next one.
    again = await claims.claim(run.id, 1)
    assert again is not None and again.attempt == queued.attempt + 1


async def test_a_process_that_stops_or_lost_the_database_for_a_moment_did_not_die(
    store: WrittenStore,
) -> None:
    class Queue:
        def enqueue(self, *_: Any) -> None:
            pass

    queue: Any = Queue()
    run = await store.begun()
    steering = Steering(store.database, queue, store.writer)
    claims = Claims(store.database, queue, store.writer)
    await steering.requeue_of(store.tenant)
    first = await claims.claim(run.id, 1)
    again = await claims.claim(run.id, 1, is_again=True)
    assert first is not None and again is not None
    assert (first.deaths, again.deaths) == (1, 1)
    await claims.release(again)
    stopped = await claims.claim(run.id, 1)
    died = await claims.claim(run.id, 1)
    assert stopped is not None and died is not None
    assert (stopped.deaths, died.deaths) == (1, 2)
    with pytest.raises(TakenOver):
        await claims.release(stopped)
