"""The checkpointer does what LangGraph asks of one, on both databases."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver

from flowc.server.engine.checkpointer import Checkpointer, open_checkpointer


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres"))
    return f"sqlite:///{tmp_path}/c.db"


async def test_it_passes_the_public_conformance_suite(url: str) -> None:
    @checkpointer_test(name="flowc")
    async def ours() -> AsyncIterator[BaseCheckpointSaver[Any]]:
        async with open_checkpointer(url) as saver:
            yield saver

    report = await validate(ours)
    found = {name: (each.passed, each.failures) for name, each in report.results.items()}
    assert found == {name: (True, []) for name in found}
    assert len(found) == 8


async def _filled(
    saver: BaseCheckpointSaver[Any], steps: int, snapshots: dict[int, Any], thread: str
) -> Any:
    """Store a chain of checkpoints, each with a write to `outputs`; return the last one's place."""
    config: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    for step in range(steps):
        checkpoint = empty_checkpoint()
        checkpoint["id"] = f"1ef4f797-8335-6428-8001-{step:012d}"
        checkpoint["channel_values"] = {"x": step}
        if step in snapshots:
            checkpoint["channel_values"]["outputs"] = snapshots[step]
        since = step - max((each for each in snapshots if each <= step), default=-1)
        about: Any = {"source": "loop", "step": step}
        about["counters_since_delta_snapshot"] = {"outputs": (since, since)} if since else {}
        versions: Any = dict.fromkeys(checkpoint["channel_values"], f"{step + 1:032}")
        checkpoint["channel_versions"] = versions
        config = await saver.aput(config, checkpoint, about, versions)
        # In another order than that in which LangGraph applies them.
        for task in ("b", "a"):
            await saver.aput_writes(config, [("outputs", f"{task}{step}"), ("y", 1)], task, task)
    return config


@asynccontextmanager
async def _both(url: str) -> AsyncIterator[tuple[Checkpointer, InMemorySaver]]:
    async with open_checkpointer(url) as ours:
        yield ours, InMemorySaver()


@pytest.mark.parametrize("snapshots", [{}, {0: "all"}, {3: "all", 600: "more"}])
async def test_long_histories_are_what_langgraph_s_own_saver_returns(
    url: str, snapshots: dict[int, Any]
) -> None:
    thread = uuid.uuid4().hex
    async with _both(url) as (ours, theirs):
        asked: Any = {"channels": ["outputs", "x", "nothing"]}
        mine = await ours.aget_delta_channel_history(
            config=await _filled(ours, 450, snapshots, thread), **asked
        )
        expected = await theirs.aget_delta_channel_history(
            config=await _filled(theirs, 450, snapshots, thread), **asked
        )
    assert mine == expected


async def test_pruning_keeps_what_the_newest_checkpoint_is_made_from(url: str) -> None:
    thread = uuid.uuid4().hex
    async with open_checkpointer(url) as saver:
        config = await _filled(saver, 10, {6: "all"}, thread)
        before = await saver.aget_delta_channel_history(config=config, channels=["outputs"])
        await saver.aprune([thread])
        mine: Any = {"configurable": {"thread_id": thread}}
        left = [each.checkpoint["id"][-2:] async for each in saver.alist(mine)]
        assert left == ["09", "08", "07", "06"]
        after = await saver.aget_delta_channel_history(config=config, channels=["outputs"])
        assert after == before
