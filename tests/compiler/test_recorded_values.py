"""The time and random values: a node that runs again sees the same ones, and a replay, too."""

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fakes.flows import Turns, compiled
from fakes.segments import Run
from flowc.compiler.expressions import RECORDED, RecordedValues, compile_template
from flowc.compiler.expressions.budget import QUICK, evaluated
from flowc.compiler.node import Context, ItemExpression, Node, NodeError
from flowc.compiler.node.interrupts import Answer
from flowc.compiler.running.events import Event
from flowc.compiler.running.recorded import Recording
from flowc.compiler.running.run_context import NodeFailed, RunContext
from flowc.server.engine.checkpointer import open_checkpointer

pytestmark = pytest.mark.usefixtures("granularity")

STAMP = "{{now()}} {{uuid()}} {{random()}} {{['a', 'b', 'c', 'd']|random}}"


class Broken(Turns):
    """Which nodes fail, and how often."""


class Stamped(Node):
    """Keep its stamp, and fail as often as it must."""

    type: ClassVar = "stamped"
    stamp: str

    async def run(self, context: Context) -> str:
        context.service(dict).setdefault(context.node_id, []).append(self.stamp)
        context.service(Broken)[context.node_id] -= 1
        if context.service(Broken)[context.node_id] >= 0:
            raise NodeError("not-now", "not now")
        return self.stamp


def stamped(id: str, *after: str) -> dict[str, Any]:
    return {"id": id, "type": "stamped", "depends_on": list(after), "config": {"stamp": STAMP}}


SHAPES: dict[str, Any] = {
    "chain": [stamped("a"), stamped("b", "a")],
    "siblings": [stamped("z"), stamped("a", "z"), stamped("b", "z"), stamped("c", "a", "b")],
    "map": [
        {
            "id": "each",
            "type": "map",
            "config": {"items": [1, 2], "body": {"nodes": [stamped("b")]}},
        }
    ],
}


class Clock:
    """A clock that goes an hour further each time it is read."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(hours=1)
        return self.at


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_node_that_runs_again_after_a_failure_sees_the_same_values(
    shape: str, tmp_path: Path
) -> None:
    workflow = compiled({"nodes": SHAPES[shape]}, Stamped)
    seen: dict[str, list[str]] = {}
    broken, clock = Broken({"b": 1}), Clock()
    thread: Any = {"configurable": {"thread_id": "t"}}
    async with open_checkpointer(f"sqlite:///{tmp_path}/c.db") as saver:
        graph = copy.copy(workflow.graph)
        graph.checkpointer = saver
        for is_resumed in (False, True):
            services = {dict: seen, Broken: broken}
            context = RunContext(services=services, saver=saver, is_resumed=is_resumed, now=clock)
            given: Any = None if is_resumed else workflow.initial_state({})
            try:
                await graph.ainvoke(given, thread, context=context, durability="sync")
            except NodeFailed:
                assert not is_resumed
    stamps = [stamp for found in seen.values() for stamp in found]
    assert len(stamps) == len(set(stamps)) + 1
    assert len(seen["b"]) == len(set(seen["b"])) + 1


class Computing(Node):
    """Compute its stamp itself, twice, and fail as often as it must."""

    type: ClassVar = "computing"
    stamp: ItemExpression

    async def run(self, context: Context) -> list[str]:
        stamps = [self.stamp(), self.stamp()]
        context.service(dict).setdefault(context.node_id, []).append(stamps)
        context.service(Broken)[context.node_id] -= 1
        if context.service(Broken)[context.node_id] >= 0:
            raise NodeError("not-now", "not now", kind="connection")
        return stamps


async def test_each_attempt_of_a_node_sees_the_same_values() -> None:
    node = {
        **stamped("a"),
        "type": "computing",
        "retry": {"max_attempts": 3, "initial_delay": 0.001},
    }
    workflow = compiled({"nodes": [node]}, Computing)
    seen: dict[str, list[list[str]]] = {}
    services = {dict: seen, Broken: Broken({"a": 2})}
    await workflow.graph.ainvoke(workflow.initial_state({}), context=RunContext(services=services))
    assert len(seen["a"]) == 3
    assert seen["a"][0] == seen["a"][1] == seen["a"][2]
    assert seen["a"][0][0] != seen["a"][0][1]


async def test_a_node_that_waited_sees_the_same_values() -> None:
    ask = {"id": "ask", "type": "human", "config": {"title": STAMP}}
    note = {"id": "b", "type": "note", "depends_on": ["ask"]}
    run = Run({"nodes": [ask, note]})
    await run.resume()
    first = run.asked[run.id_of("ask")]["data"]["title"]
    await run.resume()
    assert run.asked[run.id_of("ask")]["data"]["title"] == first
    await run.resume({run.id_of("ask"): Answer({"choice": "approve"})})
    [done] = [e for e in run.events if e.kind == "node.completed" and e.node_id == "ask"]
    assert done.data["input"]["title"] == first


async def test_a_replay_sees_the_values_of_the_run() -> None:
    workflow = compiled({"nodes": SHAPES["map"]}, Stamped)

    async def run(run_id: str, recording: Recording | None) -> tuple[list[str], list[Event]]:
        seen: dict[str, list[str]] = {}
        events: list[Event] = []
        services = {dict: seen, Broken: Broken()}
        context = RunContext(
            run_id, services=services, emit=events.append, recording=recording, now=clock
        )
        await workflow.graph.ainvoke(workflow.initial_state({}), context=context)
        return sorted(seen["b"]), events

    clock = Clock()
    first, events = await run("one", None)
    read = [event for event in events if "reads" in event.data]
    assert {event.node_id for event in read} == {"b"}
    places = {(event.path, event.node_id or ""): [event.data["reads"]] for event in read}
    assert (await run("two", Recording({}, {}, reads=places)))[0] == first
    assert (await run("three", None))[0] != first


async def test_work_that_is_begun_again_in_a_thread_sees_the_same_values() -> None:
    source = compile_template(
        "{{uuid()}} {% for x in range(" + str(QUICK.steps) + ") %}{% endfor %}{{uuid()}}"
    )

    async def value() -> Any:
        recorded = RecordedValues(datetime(2026, 1, 1, tzinfo=UTC), "seed")
        return await evaluated(lambda: source.evaluate({RECORDED: recorded}))

    recorded = RecordedValues(datetime(2026, 1, 1, tzinfo=UTC), "seed")
    assert await value() == f"{recorded.uuid()} {recorded.uuid()}"


def test_random_values_are_even_and_uuids_are_valid() -> None:
    import uuid

    recorded = RecordedValues(datetime(2026, 1, 1, tzinfo=UTC), "seed")
    numbers = [recorded.number() for _ in range(4000)]
    assert 0 <= min(numbers) < 0.01
    assert 0.99 < max(numbers) < 1
    assert 0.47 < sum(numbers) / 4000 < 0.53
    assert uuid.UUID(recorded.uuid()).version == 4
