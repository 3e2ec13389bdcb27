"""What guards a node's work: retries by kind, circuits, the cache, limits, and `disabled`."""

import asyncio
import time
from functools import partial
from typing import Any, ClassVar

import pytest

from fakes.flows import Ran, Turns, compiled, run
from flowc.compiler.guards import Circuits, Guards, Limits
from flowc.compiler.node import Context, Node, NodeError
from flowc.compiler.running.run_context import NodeFailed

pytestmark = pytest.mark.usefixtures("granularity")


class Work(Node):
    """Count turns and how many are at work at once; fail in the ways of a script."""

    type: ClassVar = "work"
    script: tuple[str | None, ...] = ()
    at: str | None = None
    value: Any = None
    takes: float = 0

    async def run(self, context: Context) -> Any:
        if self.at is None:
            return await self.work(context)
        return await context.through(self.at, partial(self.work, context))

    async def work(self, context: Context) -> Any:
        turns = context.service(Turns)
        turn = turns[context.node_id]
        turns[context.node_id] += 1
        turns["now"] += 1
        turns["most"] = max(turns["most"], turns["now"])
        try:
            await asyncio.sleep(self.takes)
        finally:
            turns["now"] -= 1
        how = self.script[turn] if turn < len(self.script) else None
        if how is not None:
            raise NodeError(how, f"It was {how}.", kind=None if how == "bad-input" else how)  # type: ignore[arg-type]
        return {"turn": turn, "value": self.value}


def work(id: str = "a", **more: Any) -> dict[str, Any]:
    options = {"retry", "cache", "concurrency", "disabled", "depends_on", "timeout", "on_error"}
    rest = {key: more.pop(key) for key in options & more.keys()}
    return {"id": id, "type": "work", "config": more, **rest}


async def ran(workflow: Any, given: Any = None, **more: Any) -> tuple[Ran, Turns]:
    turns = Turns()
    if not isinstance(workflow, dict) or "nodes" not in workflow:
        workflow = {"nodes": workflow}
    done = await run(compiled(workflow, Work), given, {Turns: turns}, **more)
    return done, turns


FAST = {"initial_delay": 0.001, "jitter": False}


@pytest.mark.parametrize("kind", ["timeout", "connection", "rate-limit", "server-error"])
async def test_failures_that_may_pass_are_retried_and_others_are_not(kind: str) -> None:
    retry = {"max_attempts": 3, **FAST}
    done, turns = await ran([work(script=[kind, kind], retry=retry)])
    assert turns["a"] == 3
    assert done.times("node.retrying")["a"] == 2
    with pytest.raises(NodeFailed, match="bad-input"):
        await ran([work(script=["bad-input"], retry=retry)])


async def test_the_author_says_which_kinds_are_retried() -> None:
    only = {"max_attempts": 3, "on": ["timeout"], **FAST}
    with pytest.raises(NodeFailed, match="connection"):
        await ran([work(script=["timeout", "connection"], retry=only)])
    every = {"max_attempts": 3, "on": ["any"], **FAST}
    _, turns = await ran([work(script=["bad-input", "timeout"], retry=every)])
    assert turns["a"] == 3


async def test_pauses_grow_up_to_the_longest_one() -> None:
    retry = {
        "max_attempts": 5,
        "initial_delay": 0.01,
        "backoff": 3,
        "max_delay": 0.05,
        "jitter": False,
    }
    done, _ = await ran([work(script=["timeout"] * 4, retry=retry)])
    delays = [event.data["delay"] for event in done.events if event.kind == "node.retrying"]
    assert delays == [0.01, 0.03, 0.05, 0.05]


async def test_the_retry_of_the_workflow_holds_in_bodies_too() -> None:
    body = {"nodes": [work("inner", script=["timeout"])]}
    each = {"id": "each", "type": "map", "config": {"items": [1], "body": body}}
    retry = {"max_attempts": 2, **FAST}
    _, turns = await ran({"nodes": [each], "settings": {"retry": retry}})
    assert turns["inner"] == 2


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_target_that_fails_is_left_alone_and_probed_by_one_call_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr("flowc.compiler.guards.circuits.monotonic", clock)
    guards = Guards(circuits=Circuits(threshold=3, pause=30))

    async def attempt(**more: Any) -> str:
        try:
            await ran([work(at="example.com", **more)], guards=guards)
        except NodeFailed as failure:
            return failure.code
        return "done"

    assert [await attempt(script=["timeout"]) for _ in range(4)] == ["timeout"] * 3 + [
        "circuit-open"
    ]
    assert await attempt() == "circuit-open"
    clock.now += 31
    # Half open: of many calls one is let through, and when it fails all wait again.
    found = await asyncio.gather(*(attempt(script=["server-error"], takes=0.02) for _ in range(5)))
    assert sorted(found) == ["circuit-open"] * 4 + ["server-error"]
    assert await attempt() == "circuit-open"
    clock.now += 31
    assert await attempt() == "done"
    found = await asyncio.gather(*(attempt(takes=0.01) for _ in range(5)))
    assert found == ["done"] * 5


async def test_failures_that_do_not_mean_the_service_is_down_leave_its_circuit_closed() -> None:
    guards = Guards(circuits=Circuits(threshold=2, pause=60))
    for script in (["timeout"], ["bad-input"], ["timeout"], ["rate-limit"], ["rate-limit"]):
        with pytest.raises(NodeFailed, match=script[0]):
            await ran([work(at="x", script=script)], guards=guards)
    with pytest.raises(NodeFailed, match="timeout"):
        await ran([work(at="x", script=["timeout"])], guards=guards)
    with pytest.raises(NodeFailed, match="failed repeatedly"):
        await ran([work(at="x")], guards=guards)
    await ran([work(at="y")], guards=guards)
    # What one tenant's workflows met does not keep another's from calling.
    await ran([work(at="x")], guards=guards, tenant="another")


async def test_a_circuit_whose_probe_was_cancelled_can_be_probed_again() -> None:
    circuits = Circuits(threshold=1, pause=0.01)

    async def call(problem: BaseException | None) -> str:
        if problem is not None:
            raise problem
        return "done"

    with pytest.raises(NodeError):
        await circuits.through("x", "x", partial(call, NodeError("timeout", "", kind="timeout")))
    await asyncio.sleep(0.02)
    with pytest.raises(asyncio.CancelledError):
        await circuits.through("x", "x", partial(call, asyncio.CancelledError()))
    assert await circuits.through("x", "x", partial(call, None)) == "done"


async def test_the_same_work_is_done_once_while_its_output_is_cached() -> None:
    guards = Guards()
    workflow = {"nodes": [work(value="{{input.name}}", cache={"ttl": "1h"})]}

    async def turns_for(name: str, **more: Any) -> int:
        done, turns = await ran(
            workflow, {"name": name, "other": time.time()}, guards=guards, **more
        )
        assert done.output["value"] == name
        return turns["a"]

    assert [await turns_for("x"), await turns_for("x"), await turns_for("y")] == [1, 0, 1]
    assert await turns_for("x", tenant="another") == 1
    changed = {**workflow, "settings": {"timeout": 5}}
    done, turns = await ran(changed, {"name": "x"}, guards=guards)
    assert turns["a"] == 1
    done, turns = await ran(workflow, {"name": "x"}, guards=guards)
    [event] = [event for event in done.events if event.kind == "node.completed"]
    assert (event.data["cached"], event.data["attempts"]) == (True, 0)


async def test_cached_outputs_expire_and_failures_are_not_cached() -> None:
    guards = Guards()
    short = [work(cache={"ttl": "50ms"})]
    _, turns = await ran(short, guards=guards)
    await asyncio.sleep(0.06)
    _, turns = await ran(short, guards=guards)
    assert turns["a"] == 1
    failing = [work(script=["bad-input"], cache={"ttl": "1h"})]
    for _ in range(2):
        with pytest.raises(NodeFailed):
            await ran(failing, guards=guards)


async def test_branches_variables_and_formulas_are_cached_with_the_output() -> None:
    workflow = {
        "variables": {"n": 0},
        "nodes": [
            {
                "id": "set",
                "type": "set",
                "cache": {"ttl": 60},
                "config": {"variables": {"n": "{{input.n}}"}},
            },
            {
                "id": "choose",
                "type": "conditional",
                "cache": {"ttl": 60},
                "config": {
                    "condition": "{{input.n}} > 1",
                    "true_edge": "big",
                    "false_edge": "small",
                },
            },
            {"id": "big", "type": "template", "config": {"template": "big {{variables.n}}"}},
            {"id": "small", "type": "template", "config": {"template": "small {{variables.n}}"}},
        ],
        "edges": [{"source": "set", "target": "choose"}],
    }
    guards = Guards()
    for n in (1, 2, 1, 2):
        done, _ = await ran(workflow, {"n": n}, guards=guards)
        assert done.output["text"] == ("big 2" if n > 1 else "small 1")


async def test_a_run_has_no_more_nodes_at_work_than_its_workflow_allows() -> None:
    nodes = [work(f"n{index}", takes=0.01) for index in range(8)]
    _, turns = await ran({"nodes": nodes})
    assert turns["most"] > 2
    _, turns = await ran({"nodes": nodes, "settings": {"max_parallel": 2}})
    assert turns["most"] == 2
    _, turns = await ran({"nodes": nodes, "settings": {"max_parallel_by_type": {"work": 3}}})
    assert turns["most"] == 3


async def test_the_limit_of_a_run_applies_in_bodies_and_no_node_waits_for_itself() -> None:
    body = {"nodes": [work("inner", takes=0.005, concurrency={"key": "same"})]}
    each = {
        "id": "each",
        "type": "map",
        "config": {"items": list(range(6)), "body": body},
        "concurrency": {"key": "same"},
    }
    settings = {"max_parallel": 1}
    async with asyncio.timeout(5):
        _, turns = await ran({"nodes": [each], "settings": settings})
    assert (turns["inner"], turns["most"]) == (6, 1)


async def test_an_operator_limits_a_type_across_runs_and_an_author_a_key() -> None:
    turns = Turns()

    async def both(guards: Guards, *nodes: Any) -> int:
        turns.clear()
        runs = (
            run(compiled({"nodes": [node]}, Work), {}, {Turns: turns}, guards=guards)
            for node in nodes
        )
        await asyncio.gather(*runs)
        return turns["most"]

    plain = [work(takes=0.01) for _ in range(4)]
    assert await both(Guards(limits=Limits({"work": 1})), *plain) == 1
    assert await both(Guards(), *plain) == 4
    keyed = [work(takes=0.01, concurrency={"key": "{{run.workflow}}"}) for _ in range(4)]
    assert await both(Guards(), *keyed) == 1
    apart = [work(takes=0.01, concurrency={"key": f"k{n % 2}"}) for n in range(4)]
    assert await both(Guards(), *apart) == 2


async def test_a_node_that_is_cancelled_while_waiting_or_working_frees_its_place() -> None:
    limits = Limits()
    guards = Guards(limits=limits)
    node = work(takes=10, concurrency={"key": "k"})
    tasks = [asyncio.create_task(ran([node], guards=guards)) for _ in range(3)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1):
        await ran([work(concurrency={"key": "k"})], guards=guards)


async def test_a_disabled_node_is_as_if_it_were_not_there() -> None:
    def chain(**more: Any) -> dict[str, Any]:
        nodes = [work("a"), work("b", disabled=True, **more), work("c")]
        edges = [{"source": "a", "target": "b"}, {"source": "b", "target": "c"}]
        return {"nodes": nodes, "edges": edges}

    done, turns = await ran(chain())
    assert (turns["a"], turns["b"], turns["c"]) == (1, 0, 1)
    assert done.output["turn"] == 0


async def test_past_a_disabled_node_branches_lead_on() -> None:
    nodes = [
        {
            "id": "choose",
            "type": "conditional",
            "config": {"condition": "{{input.n}} > 1", "true_edge": "off", "false_edge": "low"},
        },
        {**work("off"), "disabled": True},
        work("high", value="high"),
        work("low", value="low"),
    ]
    edges = [{"source": "off", "target": "high"}]
    for n, value in ((2, "high"), (1, "low")):
        done, _ = await ran({"nodes": nodes, "edges": edges}, {"n": n})
        assert done.output["value"] == value


async def test_a_disabled_node_at_the_beginning_lets_what_follows_begin() -> None:
    nodes = [work("a", disabled=True), work("b")]
    _, turns = await ran({"nodes": nodes, "edges": [{"source": "a", "target": "b"}]})
    assert (turns["a"], turns["b"]) == (0, 1)
