"""The self-test detects libraries that no longer behave as flowc needs."""

import subprocess
import sys
from typing import Any

import httpcore
import pytest
from langgraph._internal._runnable import RunnableSeq

from flowc.server.engine import checkpointer
from flowc.server.process import self_test
from flowc.server.process.self_test import SelfTestFailed


async def test_the_libraries_pass_the_self_test() -> None:
    await self_test.self_test()


async def test_renamed_channels_are_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "WAKING", "wake:")
    with pytest.raises(SelfTestFailed, match="no channel wake:first"):
        await self_test.self_test()
    assert checkpointer.WAKING == "branch:to:"


async def test_nodes_that_are_not_called_directly_are_detected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def looked_up_elsewhere(node: Any) -> Any:
        return RunnableSeq(node.bound, *node.flat_writers)

    # A property that does not hold what is set: LangGraph looks elsewhere.
    elsewhere = property(looked_up_elsewhere, lambda node, value: None)
    monkeypatch.setattr("langgraph.pregel._read.PregelNode.node", elsewhere)
    with pytest.raises(SelfTestFailed, match="looks nodes up elsewhere"):
        await self_test.self_test()


async def test_a_journal_that_is_not_returned_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forget(*args: Any) -> None:
        return None

    monkeypatch.setattr("flowc.compiler.lowering.checkpoint_journal.CheckpointJournal.load", forget)
    with pytest.raises(SelfTestFailed, match="does not return"):
        await self_test.self_test()


@pytest.mark.parametrize(
    ("name", "replacement"),
    [
        ("inner_nodes.CONFIG_KEY_STREAM", "elsewhere"),
        ("graph.show_inside", lambda node, make: None),
    ],
)
async def test_regions_that_are_not_shown_are_detected(
    name: str, replacement: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"flowc.compiler.lowering.{name}", replacement)
    with pytest.raises(SelfTestFailed, match="does not show the nodes of a region"):
        await self_test.self_test()


async def test_a_guard_that_does_not_hold_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    async def dial(*args: Any, **kwargs: Any) -> Any:
        raise httpcore.ConnectError("nobody listens")

    path = "flowc.nodes.services.egress.transport.GuardedBackend.connect_tcp"
    monkeypatch.setattr(path, dial)
    with pytest.raises(SelfTestFailed, match="without the egress guard"):
        await self_test.self_test()


def test_unguarded_connection_pools_of_models_are_detected() -> None:
    # In a process of its own: litellm is brought in once, and everyone's pools are made by then.
    script = (
        "import httpcore\n"
        "from flowc.nodes.services.models import guarded_pools, litellm_door\n"
        "guarded_pools.guard_new_pools = lambda: None\n"
        "litellm_door.litellm()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "without the guard" in done.stderr
