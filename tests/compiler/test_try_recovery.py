"""What a `try` has done is not done again: after an answer, a failure, and kill -9."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fakes.flows import Turns
from fakes.segments import Run
from flowc.compiler.node import Context, Node, NodeError
from flowc.compiler.node.interrupts import Answer
from flowc.compiler.running.run_context import NodeFailed

pytestmark = pytest.mark.usefixtures("granularity")

YES = Answer({"choice": "approve"})


class Once(Node):
    """Fail the first time it runs, and never again."""

    type: ClassVar = "once"

    async def run(self, context: Context) -> int:
        turns = context.service(Turns)
        turns[context.node_id] += 1
        if turns[context.node_id] == 1:
            raise NodeError("not-now", "not now")
        return turns[context.node_id]


def human(id: str, *after: str) -> dict[str, Any]:
    return {"id": id, "type": "human", "depends_on": list(after), "config": {"title": id}}


def note(id: str, *after: str) -> dict[str, Any]:
    return {"id": id, "type": "note", "depends_on": list(after)}


ASKING = {
    "nodes": [
        {
            "id": "safe",
            "type": "try",
            "config": {
                "body": {
                    "nodes": [
                        note("a"),
                        human("ask", "a"),
                        {"id": "shaky", "type": "once", "depends_on": ["ask"]},
                    ]
                },
                "catch": {"nodes": [note("b"), human("check", "b"), note("c", "check")]},
                "finally": {"nodes": [note("d"), human("sign", "d"), note("e", "sign")]},
            },
        },
        note("end", "safe"),
    ]
}


async def test_people_are_asked_in_every_part_and_nothing_runs_twice() -> None:
    run = Run(ASKING, None, Once)
    for name in ("ask", "check", "sign"):
        await run.resume()
        (asked,) = run.asked.values()
        assert asked["data"]["title"] == name
        await run.resume({asked["id"]: YES})
    assert run.output == 1
    # `shaky` would succeed the second time: its failure is remembered, because it was caught.
    assert run.turns == {**dict.fromkeys("abcde", 1), "shaky": 1, "end": 1}
    assert run.outputs["safe"]["error"]["code"] == "not-now"


class Twice(Once):
    """Fail the first two times."""

    type: ClassVar = "twice"

    async def run(self, context: Context) -> int:
        turns = context.service(Turns)
        turns[context.node_id] += 1
        if turns[context.node_id] <= 2:
            raise NodeError("not-now", "not now")
        return turns[context.node_id]


async def test_each_attempt_of_a_body_asks_again_and_is_made_once() -> None:
    inner = [human("ask"), {"id": "shaky", "type": "twice", "depends_on": ["ask"]}]
    retry = {"max_attempts": 3, "initial_delay": 0.001}
    config = {"body": {"nodes": inner}}
    nodes = [{"id": "safe", "type": "try", "config": config, "retry": retry}]
    run, answers = Run({"nodes": nodes}, None, Twice), dict[str, Answer]()
    for attempt in range(3):
        await run.resume(answers)
        (id,) = run.asked
        assert id not in answers
        answers[id] = YES
        assert run.turns["shaky"] == attempt
    await run.resume(answers)
    assert run.outputs["safe"]["result"] == run.turns["shaky"] == 3
    assert run.events_by_node("node.retrying") == {"_body": 2}


async def test_a_run_that_is_retried_tries_its_body_where_it_failed_and_cleans_up_again() -> None:
    inner = [note("a"), {"id": "shaky", "type": "once", "depends_on": ["a"]}]
    config = {"body": {"nodes": inner}, "finally": {"nodes": [note("end")]}}
    run = Run({"nodes": [{"id": "safe", "type": "try", "config": config}]}, None, Once)
    with pytest.raises(NodeFailed, match="not now"):
        await run.resume()
    assert run.turns == {"a": 1, "shaky": 1, "end": 1}
    await run.resume()
    assert run.turns == {"a": 1, "shaky": 2, "end": 2}
    assert run.outputs["safe"] == {"result": 2, "error": None, "repairs": 0}


CHILD = """
import asyncio, copy, sys
from pathlib import Path
from typing import ClassVar
from flowc.compiler.compile import compile_workflow
from flowc.compiler.node import Context, Node, NodeError
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import RunContext
from flowc.server.engine.checkpointer import open_checkpointer

folder, granularity, is_resumed = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "again"
done = (folder / "done").open("a")

class Work(Node):
    "Say that it ran; fail, or hang in the first process."
    type: ClassVar = "work"
    fails: bool = False
    hangs: bool = False
    async def run(self, context: Context) -> str:
        done.write(f"{context.node_id}\\n")
        done.flush()
        if self.fails and not is_resumed:
            raise NodeError("not-now", "not now")
        if self.hangs and not is_resumed:
            await asyncio.sleep(60)
        return context.node_id

def work(id, *after, **config):
    return {"id": id, "type": "work", "config": config, "depends_on": list(after)}

body = {"nodes": [work("a"), work("b", "a", fails=True)]}
# What happened is written soon after, so the one that hangs is not the first.
nap = {"id": "nap", "type": "wait", "config": {"for": 0.3}, "depends_on": ["c"]}
catch = {"nodes": [work("c"), nap, work("d", "nap", hangs=True)]}
config = {"body": body, "catch": catch, "finally": {"nodes": [work("e")]}}
definition = {"nodes": [{"id": "safe", "type": "try", "config": config}]}
workflow = compile_workflow(from_data(definition), Registry([*Registry.installed(), Work]),
                            granularity)

async def main():
    async with open_checkpointer(f"sqlite:///{folder}/c.db") as saver:
        graph = copy.copy(workflow.graph)
        graph.checkpointer = saver
        context = RunContext(saver=saver, is_resumed=is_resumed)
        given = None if is_resumed else workflow.initial_state({})
        thread = {"configurable": {"thread_id": "t"}}
        state = await graph.ainvoke(given, thread, context=context, durability="sync")
        output = state["outputs"]["safe"]
        assert (output["result"], output["error"]["node"]) == ("d", "b"), output

asyncio.run(main())
"""


def test_after_kill_9_in_the_catch_the_body_is_not_tried_again(
    granularity: str, tmp_path: Path
) -> None:
    def start(how: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", CHILD, str(tmp_path), granularity, how]
        return subprocess.Popen(command, stderr=subprocess.PIPE)

    def done() -> list[str]:
        file = tmp_path / "done"
        return file.read_text().split() if file.exists() else []

    first = start("first")
    while "d" not in done():
        assert first.poll() is None, first.communicate()[1].decode()
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    again = start("again")
    assert again.wait(60) == 0, again.communicate()[1].decode()
    again.communicate()
    assert done() == ["a", "b", "c", "d", "d", "e"]
