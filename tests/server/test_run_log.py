"""What a run at work did is committed soon, in its order, and before a node with an effect."""

import asyncio
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy.exc import OperationalError

from fakes.written_store import LogAtWork, WrittenStore, said
from flowc.compiler.node import Context, Node
from flowc.compiler.node.registry import Registry
from flowc.compiler.running.events import NODE_COMPLETED, Event
from flowc.server.engine.checkpointer import RunCheckpointer
from flowc.server.process.process import open_process
from flowc.server.records.run_events import RunEvent
from flowc.server.settings import Settings
from flowc.server.store.checkpoints import CheckpointKey, StoredCheckpoints
from flowc.server.store.runs.batches import (
    RunEnd,
    TakenOver,
)
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


async def test_what_is_not_flushed_is_committed_soon(store: WrittenStore) -> None:
    run = await store.begun()
    found = LogAtWork(store, run)
    found.log.append(said()[0])
    while not found.received:
        await asyncio.sleep(0.01)
    assert (await store.kinds(run))[-1] == "node.skipped"


async def test_what_could_not_be_committed_comes_before_what_follows(
    store: WrittenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await store.begun()
    found = LogAtWork(store, run)
    transact = store.database.transact

    def fail(work: Any) -> Any:
        raise OperationalError("insert", {}, Exception("disk full"))

    first, second = said(2)
    monkeypatch.setattr(store.database, "transact", fail)
    found.log.append(first)
    with pytest.raises(OperationalError):
        await found.log.flush()
    found.log.append(second)
    # No one waits for this one: it is tried again.
    await asyncio.sleep(0.1)
    monkeypatch.setattr(store.database, "transact", transact)
    while len(await store.kinds(run)) < 4:
        await asyncio.sleep(0.01)
    events = await StoredRuns(store.database, store.tenant).events(run.id)
    assert [event.node_id for event in events[2:]] == ["n0", "n1"]


async def test_the_completion_of_a_node_is_committed_with_what_the_node_wrote(
    store: WrittenStore,
) -> None:
    run = await store.begun()
    log = LogAtWork(store, run).log
    [before], completed = said(), RunEvent.of(_completion("a"))
    log.append(before)
    log.append(completed)
    with store.writer._changed:
        # The time of the first event is over before the node's writes are handed in.
        first = log.take()
        assert first is not None and first.batch.pending.events == [before]
        # However often the writer comes, and whatever another task has written.
        log.write(list, ["b"])
        second = log.take()
        assert second is not None
        assert (second.batch.pending.events, len(second.batch.pending.writes)) == ([], 1)
        assert log.take() is None
        log.write(list, ["a"])
        third = log.take()
        assert third is not None
        assert (third.batch.pending.events, len(third.batch.pending.writes)) == ([completed], 1)


async def test_a_completion_before_one_without_writes_is_not_held_back(
    store: WrittenStore,
) -> None:
    run = await store.begun()
    log = LogAtWork(store, run).log
    completions = {name: RunEvent.of(_completion(name)) for name in "abc"}
    with store.writer._changed:
        for event in completions.values():
            log.append(event)
        log.write(list, ["c"])
        log.write(list, ["a"])
        first = log.take()
        assert first is not None
        assert first.batch.pending.events == [completions["a"]]
        assert [write.events for write in first.batch.pending.writes] == [[completions["a"]]]
        log.write(list, ["b"])
        second = log.take()
        assert second is not None
        assert second.batch.pending.events == [completions["b"], completions["c"]]
        assert len(second.batch.pending.writes) == 2


async def test_outcomes_that_were_written_at_once_are_committed_together(
    store: WrittenStore,
) -> None:
    run = await store.begun()
    log = LogAtWork(store, run).log
    completions = [RunEvent.of(_completion(name)) for name in "abc"]
    with store.writer._changed:
        for event in completions:
            log.append(event)
        # As a journal does that had to wait: without `b`, which is between the two.
        log.write(list, ["a", "c"])
        assert log.take() is None
        log.write(list, ["b"])
        taken = log.take()
    assert taken is not None
    assert (taken.batch.pending.events, len(taken.batch.pending.writes)) == (completions, 2)


async def test_each_completion_of_a_node_waits_for_writes_of_its_own(store: WrittenStore) -> None:
    run = await store.begun()
    log = LogAtWork(store, run).log
    completions = [RunEvent.of(_completion("a")) for _ in range(2)]
    with store.writer._changed:
        for event in completions:
            log.append(event)
        log.write(list, ["a"])
        taken = log.take()
    assert taken is not None and taken.batch.pending.events == completions[:1]


async def test_only_a_graph_that_has_stopped_leaves_no_completion_for_later(
    store: WrittenStore,
) -> None:
    run = await store.begun()
    log = LogAtWork(store, run).log
    log.append(RunEvent.of(_completion("a")))
    await log.look()
    assert "node.completed" not in await store.kinds(run)
    await log.flush()
    assert (await store.kinds(run))[-1] == "node.completed"


async def test_no_node_begins_while_what_was_done_is_not_committed_for_long(
    store: WrittenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await store.begun()
    log = LogAtWork(store, run).log
    commit, goes_on = store.database._commit, threading.Event()

    def committed(driver: Any) -> None:
        goes_on.wait()
        commit(driver)

    monkeypatch.setattr(store.database, "_commit", committed)
    assert log.hold_up() is None
    log.append(said()[0])
    assert log.hold_up() is None
    await asyncio.sleep(0.05)
    # By now the writer has begun: what is being committed counts, too.
    held = log.hold_up()
    assert held is not None
    waiting = asyncio.ensure_future(held)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    goes_on.set()
    await asyncio.wait_for(waiting, 10)
    assert (await store.kinds(run))[-1] == "node.skipped"
    assert log.hold_up() is None


async def test_no_node_begins_while_the_commits_of_other_runs_are_far_behind(
    store: WrittenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, other = [LogAtWork(store, await store.begun()).log for _ in range(2)]
    commit, goes_on = store.database._commit, threading.Event()

    def committed(driver: Any) -> None:
        goes_on.wait()
        commit(driver)

    monkeypatch.setattr(store.database, "_commit", committed)
    for _ in range(40):
        busy.append(said()[0])
    assert other.hold_up() is None
    await asyncio.sleep(0.05)
    # Half of them are being committed, half are pending.
    for _ in range(40):
        busy.append(said()[0])
    waiting = [asyncio.ensure_future(held) for _ in range(100) if (held := other.hold_up())]
    assert len(waiting) == 100
    # Those who go away leave their turns to others.
    for gone in waiting[:80]:
        gone.cancel()
    await asyncio.sleep(0.05)
    assert not any(each.done() for each in waiting[80:])
    goes_on.set()
    await asyncio.wait_for(asyncio.gather(*waiting[80:]), 10)
    assert other.hold_up() is None


async def test_a_node_that_is_held_up_begins_when_a_failing_database_works_again(
    store: WrittenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await store.begun()
    log = LogAtWork(store, run).log
    transact = store.database.transact

    def fail(work: Any) -> Any:
        raise OperationalError("insert", {}, Exception("disk full"))

    monkeypatch.setattr(store.database, "transact", fail)
    log.append(said()[0])
    await asyncio.sleep(0.05)
    held = log.hold_up()
    assert held is not None
    waiting = asyncio.ensure_future(held)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    monkeypatch.setattr(store.database, "transact", transact)
    await asyncio.wait_for(waiting, 10)
    assert (await store.kinds(run))[-1] == "node.skipped"


async def test_a_look_at_the_instructions_does_not_take_the_end_of_a_run_away(
    store: WrittenStore,
) -> None:
    run = await store.begun()
    log = LogAtWork(store, run).log
    run.status, run.output = "completed", 1
    end = RunEnd.of(run, run.ended(()))
    # Both before the writer takes what there is.
    with store.writer._changed:
        ending = asyncio.create_task(log.flush(end))
        looking = asyncio.create_task(log.flush())
        await asyncio.sleep(0)
    await asyncio.gather(ending, looking)
    assert (await store.kinds(run))[-1] == "run.completed"


async def test_a_run_that_is_lost_between_checkpoints_is_stopped(store: WrittenStore) -> None:
    run = await store.begun()
    found = LogAtWork(store, run)
    await store.steering.end(store.tenant, run.id, "cancelled", {"code": "c", "message": "m"})
    found.log.append(said()[0])
    await asyncio.wait_for(found.lost.wait(), 10)
    with pytest.raises(TakenOver):
        await found.log.flush()


async def test_a_closed_writer_has_committed_what_was_there(store: WrittenStore) -> None:
    run = await store.begun()
    found = LogAtWork(store, run)
    found.log.append(said()[0])
    store.writer.close()
    assert (await store.kinds(run))[-1] == "node.skipped"


async def test_a_writer_closes_while_the_database_fails(
    store: WrittenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(work: Any) -> Any:
        raise OperationalError("insert", {}, Exception("disk full"))

    run = await store.begun()
    monkeypatch.setattr(store.database, "transact", fail)
    LogAtWork(store, run).log.append(said()[0])
    store.writer.close()
    assert len(await store.kinds(run)) == 2


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
    store: WrittenStore, next_nodes: list[str], source: Any, step: int, is_stored: bool
) -> None:
    run = await store.begun()
    stored = StoredCheckpoints(store.database)
    saver = RunCheckpointer(stored, LogAtWork(store, run).log, frozenset({"text"}), is_new=True)
    values = {"outputs": {}, **{f"branch:to:{name}": None for name in next_nodes}}
    checkpoint: Any = {
        "id": "c",
        "channel_values": values,
        "channel_versions": {},
        "versions_seen": {},
    }
    config: Any = {"configurable": {"thread_id": run.id, "checkpoint_ns": ""}}
    await saver.aput(config, checkpoint, {"source": source, "step": step}, {})
    key = CheckpointKey(run.id)
    assert (await stored.get(key) is not None) == is_stored
    await saver.aput_writes({"configurable": {**config["configurable"], "checkpoint_id": "c"}},
                            [("outputs", {})], "task")  # fmt: skip
    # With or without a checkpoint, what was done is stored soon.
    while (found := await stored.get(key)) is None or not found.writes:
        await asyncio.sleep(0.01)


class Counted(Node):
    """Count how often it ran, after a moment."""

    type: ClassVar = "counted"
    done: ClassVar[int] = 0

    async def run(self, context: Context) -> None:
        await asyncio.sleep(0.03)
        Counted.done += 1


@pytest.mark.parametrize("granularity", ["node", "fused"])
async def test_a_kill_repeats_little_also_if_the_disk_is_slow(
    granularity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counted, "done", 0)
    body = {"nodes": [{"id": "n", "type": "counted"}]}
    each = {"items": list(range(9)), "max_parallel": 1, "body": body}
    nodes = [{"id": "each", "type": "map", "config": each}]
    async with AsyncExitStack() as stack:
        registry = Registry([*Registry.installed(), Counted])
        settings = Settings(data_dir=tmp_path, drain_seconds=0)
        process = await open_process(settings, registry, stack, works=True)
        database = process.default.runs.steering.database
        definition = {"settings": {"granularity": granularity}, "nodes": nodes}
        compiled = await process.default.workflows.compile(definition)
        commit, goes_on = database._commit, threading.Event()
        run = await process.default.runs.submit(compiled, {}, is_awaited=True)

        def committed(driver: Any) -> None:
            goes_on.wait()
            commit(driver)

        monkeypatch.setattr(database, "_commit", committed)
        await asyncio.sleep(0.5)
        done = Counted.done
        # First: a failing test must not leave the writer waiting.
        goes_on.set()
        # The one whose end could not be committed in time, and one that had begun before that.
        assert done <= 2
        assert (await process.default.runs.at_rest(run.id)).status == "completed"
        assert Counted.done == 9


async def test_a_writer_closes_although_the_writes_of_a_completion_are_still_to_come(
    store: WrittenStore,
) -> None:
    run = await store.begun()
    LogAtWork(store, run).log.append(RunEvent.of(_completion("a")))
    store.writer.close()
    # Without its writes, the node runs again.
    assert "node.completed" not in await store.kinds(run)
