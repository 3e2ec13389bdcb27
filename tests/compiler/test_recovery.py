"""What was done is not done again: after a failure, and after kill -9 in the middle of a map."""

import asyncio
import copy
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl

from fakes.flows import Turns, compiled, registry
from flowc.compiler.compile import compile_workflow
from flowc.compiler.node import Context, Node, NodeError
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import NodeFailed, RunContext
from flowc.server.engine.checkpointer import open_checkpointer

pytestmark = pytest.mark.usefixtures("granularity")


class Mood(dict[str, bool]):
    """Which nodes are in the mood to work."""


class Fickle(Node):
    """Count that the node ran; fail unless it is in the mood."""

    type: ClassVar = "fickle"

    async def run(self, context: Context) -> int:
        context.service(Turns)[context.node_id] += 1
        await asyncio.sleep(0.005)
        if not context.service(Mood).get(context.node_id, True):
            raise NodeError("not-now", "not now")
        return context.service(Turns)[context.node_id]


def node(id: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "fickle", "depends_on": list(after), **more}


LOOP_BY_EDGES = {
    "nodes": [
        {"id": "begin", "type": "start"},
        node("a", "begin"),
        {
            "id": "again",
            "type": "pick",
            "depends_on": ["a"],
            "config": {"script": ["x", "x", "y"], "names": ["x", "y"]},
        },
        node("b"),
    ],
    "edges": [
        {"source": "again", "target": "a", "branch": "x"},
        {"source": "again", "target": "b", "branch": "y"},
    ],
}

SHAPES: dict[str, tuple[Any, str]] = {
    "chain": ({"nodes": [node("a"), node("b", "a"), node("c", "b")]}, "b"),
    "siblings": ({"nodes": [node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c")]}, "c"),
    "paths of unequal length": (
        {"nodes": [node("a"), node("b", "a"), node("c", "b"), node("d", "a"), node("e", "c", "d")]},
        "c",
    ),
    "in a map": (
        {
            "nodes": [
                node("a"),
                {
                    "id": "each",
                    "type": "map",
                    "depends_on": ["a"],
                    "config": {"items": [1], "body": {"nodes": [node("b"), node("c", "b")]}},
                },
                node("d", "each"),
            ]
        },
        "c",
    ),
    "in a loop": (
        {
            "nodes": [
                {
                    "id": "turns",
                    "type": "loop",
                    "config": {"for_each": [1], "body": {"nodes": [node("b"), node("c", "b")]}},
                },
                node("d", "turns"),
            ]
        },
        "c",
    ),
}

SHAPES["in a try"] = (
    {
        "nodes": [
            {
                "id": "safe",
                "type": "try",
                "config": {
                    "body": {"nodes": [node("b"), node("c", "b")]},
                    "catch": {"nodes": [node("sorry")]},
                    "catch_on": ["timeout"],
                },
            },
            node("d", "safe"),
        ]
    },
    "c",
)


SHAPES["after a loop by edges"] = (LOOP_BY_EDGES, "b")
SHAPES["fork in a loop by edges"] = (
    {
        "nodes": [
            {"id": "begin", "type": "start"},
            node("a", "begin"),
            node("c", "a"),
            node("d", "c"),
            node("e", "a"),
            {**LOOP_BY_EDGES["nodes"][2], "depends_on": ["d", "e"]},
            node("f"),
        ],
        "edges": [
            {"source": "again", "target": "a", "branch": "x"},
            {"source": "again", "target": "f", "branch": "y"},
        ],
    },
    "d",
)
SHAPES["behind branches"] = (
    {
        "nodes": [
            {"id": "begin", "type": "start"},
            {
                "id": "way",
                "type": "pick",
                "depends_on": ["begin"],
                "config": {"script": ["x"], "names": ["x", "y"]},
            },
            node("a"),
            node("b"),
            node("b2", "b"),
            node("join", "a", "b2"),
            node("c", "join"),
        ],
        "edges": [
            {"source": "way", "target": "a", "branch": "x"},
            {"source": "way", "target": "b", "branch": "y"},
        ],
    },
    "join",
)


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_run_continues_where_it_failed(shape: str, tmp_path: Path) -> None:
    definition, fails = SHAPES[shape]
    workflow = compiled(definition, Fickle)
    turns, mood = Turns(), Mood({fails: False})
    thread: Any = {"configurable": {"thread_id": "t"}}
    async with open_checkpointer(f"sqlite:///{tmp_path}/c.db") as saver:
        graph = copy.copy(workflow.graph)
        graph.checkpointer = saver

        def context(is_resumed: bool) -> RunContext:
            services = {Turns: turns, Mood: mood}
            return RunContext(services=services, saver=saver, is_resumed=is_resumed)

        with pytest.raises(NodeFailed, match="not now"):
            await graph.ainvoke(
                workflow.initial_state({}), thread, context=context(False), durability="sync"
            )
        mood[fails] = True
        await graph.ainvoke(None, thread, context=context(True), durability="sync")
        state = (await graph.aget_state(thread)).values
    undisturbed = Turns()
    calm = RunContext(services={Turns: undisturbed, Mood: Mood()})
    expected = await workflow.graph.ainvoke(workflow.initial_state({}), context=calm)
    assert turns == undisturbed + Counter([fails])
    assert state["outputs"].keys() == expected["outputs"].keys()


class Pausing(Node):
    """Ask for a pause the first time, and take longer than the nodes beside it."""

    type: ClassVar = "pausing"

    async def run(self, context: Context) -> int:
        context.service(Turns)[context.node_id] += 1
        if context.service(Turns)[context.node_id] == 1:
            context.service(RunControl).request_drain("pause")
        await asyncio.sleep(0.01)
        return 1


async def test_a_paused_run_stops_before_the_next_nodes_and_continues_there() -> None:
    pausing = {"id": "b", "type": "pausing", "depends_on": ["a"]}
    nodes = [node("a"), pausing, node("c", "b"), node("d", "a"), node("e", "c", "d")]
    workflow, turns, saver = compiled({"nodes": nodes}, Fickle, Pausing), Turns(), InMemorySaver()
    graph = copy.copy(workflow.graph)
    graph.checkpointer = saver
    thread: Any = {"configurable": {"thread_id": "t"}}

    async def run(is_resumed: bool) -> Any:
        control = RunControl()
        services = {Turns: turns, Mood: Mood(), RunControl: control}
        context = RunContext(services=services, saver=saver, is_resumed=is_resumed)
        given: Any = None if is_resumed else workflow.initial_state({})
        return await graph.ainvoke(
            given, thread, context=context, control=control, durability="sync"
        )

    with pytest.raises(GraphDrained):
        await run(False)
    assert turns == {"a": 1, "b": 1, "d": 1}
    state = await run(True)
    assert turns == dict.fromkeys("abcde", 1)
    assert set(state["outputs"]) == set("abcde")


async def _failed_and_resumed(shape: str, granularity: Any, saver: Any) -> tuple[Any, Any]:
    """Return the state of a run that failed and was resumed, and its events."""
    definition, fails = SHAPES[shape]
    document = from_data(definition)
    workflow = compile_workflow(document, registry(Fickle), granularity)
    turns, mood = Turns(), Mood({fails: False})
    thread: Any = {"configurable": {"thread_id": f"{shape} {granularity}"}}
    heard: list[tuple[str, str]] = []
    graph = copy.copy(workflow.graph)
    graph.checkpointer = saver
    for is_resumed in (False, True):
        context = RunContext(
            emit=lambda event: heard.append((event.kind, event.node_id or "")),
            services={Turns: turns, Mood: mood},
            saver=saver,
            is_resumed=is_resumed,
        )
        given = None if is_resumed else workflow.initial_state({})
        try:
            await graph.ainvoke(given, thread, context=context, durability="sync")
        except NodeFailed:
            mood[fails] = True
    state = (await graph.aget_state(thread)).values
    return {key: state.get(key, {}) for key in ("input", "outputs", "variables")}, Counter(heard)


@pytest.mark.parametrize("shape", SHAPES)
async def test_after_a_failure_and_a_resume_state_and_events_are_the_same(
    shape: str, granularity: str, tmp_path: Path
) -> None:
    if granularity == "node":
        async with open_checkpointer(f"sqlite:///{tmp_path}/c.db") as saver:
            by_node = await _failed_and_resumed(shape, "node", saver)
            assert by_node == await _failed_and_resumed(shape, "auto", saver)
            assert by_node == await _failed_and_resumed(shape, "fused", saver)


async def test_they_are_the_same_on_postgresql(postgres: str, granularity: str) -> None:
    async with open_checkpointer(postgres) as saver:
        for shape in SHAPES:
            by_sqlite = await _failed_and_resumed(shape, granularity, InMemorySaver())
            by_postgres = await _failed_and_resumed(shape, granularity, saver)
            assert by_postgres == by_sqlite, shape


CHILD = """
import asyncio, copy, sys
from pathlib import Path
from typing import ClassVar
from flowc.compiler.compile import compile_workflow
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import RunContext
from flowc.compiler.compile import compile_workflow
from flowc.compiler.reading.documents import from_data
from flowc.compiler.node import Context, Node
from flowc.compiler.node.registry import Registry
from flowc.server.engine.checkpointer import open_checkpointer

folder, granularity, is_resumed = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "again"
done = (folder / "done").open("a")

class Work(Node):
    "Say which item is done."
    type: ClassVar = "work"
    item: int
    async def run(self, context: Context) -> int:
        await asyncio.sleep(0.01)
        done.write(f"{self.item}\\n")
        done.flush()
        return self.item * 2

body = {"nodes": [{"id": "w", "type": "work", "config": {"item": "{{item}}"}}]}
config = {"items": list(range(1000)), "body": body, "max_parallel": 5}
registry = Registry([*Registry.installed(), Work])
definition = {"nodes": [{"id": "each", "type": "map", "config": config}]}
workflow = compile_workflow(from_data(definition), registry, granularity)

async def main():
    async with open_checkpointer(f"sqlite:///{folder}/c.db") as saver:
        graph = copy.copy(workflow.graph)
        graph.checkpointer = saver
        context = RunContext(saver=saver, is_resumed=is_resumed)
        given = None if is_resumed else workflow.initial_state({})
        thread = {"configurable": {"thread_id": "t"}}
        state = await graph.ainvoke(given, thread, context=context, durability="sync")
        assert state["outputs"]["each"]["results"] == [n * 2 for n in range(1000)]

asyncio.run(main())
"""


def test_after_kill_9_in_a_map_of_a_thousand_finished_items_are_not_run_again(
    granularity: str, tmp_path: Path
) -> None:
    def start(how: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", CHILD, str(tmp_path), granularity, how]
        return subprocess.Popen(command, stderr=subprocess.PIPE)

    def done() -> list[str]:
        file = tmp_path / "done"
        return file.read_text().split() if file.exists() else []

    first = start("first")
    while len(done()) < 400:
        assert first.poll() is None, first.communicate()[1].decode()
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    before = len(done())
    again = start("again")
    assert again.wait(60) == 0, again.communicate()[1].decode()
    again.communicate()
    assert before < 1000
    assert set(done()) == {str(n) for n in range(1000)}
    # Items whose entry was not yet written when the process died are done once more: at most
    # those of the batch that was being written and of the one that was filling.
    repeated = len(done()) - 1000
    assert repeated <= 4 * 5, repeated


class FullDisk(InMemorySaver):
    """Keeps everything but journals."""

    async def aput_writes(
        self, config: Any, writes: Any, task_id: str, task_path: str = ""
    ) -> None:
        if task_path == "~~journal":
            raise OSError("no space left")
        await super().aput_writes(config, writes, task_id, task_path)


async def test_a_journal_that_cannot_be_written_ends_the_run() -> None:
    workflow = compiled(SHAPES["in a map"][0], Fickle)
    saver = FullDisk()
    graph = copy.copy(workflow.graph)
    graph.checkpointer = saver
    thread: Any = {"configurable": {"thread_id": "t"}}
    context = RunContext(services={Turns: Turns(), Mood: Mood()}, saver=saver)
    with pytest.raises(OSError, match="no space left"):
        await graph.ainvoke(workflow.initial_state({}), thread, context=context, durability="sync")
