"""Joins that do not wait: what is decided when, and what is cancelled, at each granularity."""

import asyncio
import copy
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver

from fakes import flows
from fakes.edge_notation import Choices, chooser, parse
from fakes.flows import Turns, compiled
from fakes.moments import Deciding, Lasting, lasting
from fakes.random_flows import racing_flows
from fakes.reference_interpreter import Flow, Raced, expected_races
from fakes.virtual_time import in_virtual_time, now
from flowc.compiler.node import Context, NodeError
from flowc.compiler.running.run_context import NodeFailed, RunContext

pytestmark = pytest.mark.usefixtures("granularity")


class Failing(Lasting):
    """Take some seconds, and fail."""

    type = "failing"

    async def run(self, context: Context) -> float:
        await super().run(context)
        raise NodeError("failed", f"{context.node_id} failed")


async def raced(definition: dict[str, Any]) -> Raced | None:
    """Run a definition, and return what its nodes did; None if the run fails."""
    found, ended = Raced(), defaultdict[str, int](int)

    def note(event: Any) -> None:
        kinds = {
            "node.completed": found.completed,
            "node.cancelled": found.cancelled,
            "node.skipped": found.skipped,
        }
        if event.kind == "node.started":
            found.begins[event.node_id] = now()
        elif event.kind in kinds:
            kinds[event.kind].add(event.node_id)
            ended[event.node_id] += 1

    workflow = compiled(definition, Lasting, Deciding, Failing)
    context = RunContext(emit=note, services={Turns: Turns()})
    try:
        await workflow.graph.ainvoke(workflow.initial_state({}), context=context)
    except NodeFailed:
        return None
    assert set(ended.values()) <= {1}
    return found


def racing(flow: Flow, choices: Choices, seconds: dict[str, float], fails: str = "") -> Any:
    definition = lasting(flow, choices, seconds)
    for node in definition["nodes"]:
        if node["id"] in fails.split():
            node["type"] = "failing"
    return definition


# name: edges; what branching nodes take; joins; the seconds of nodes, 1 for others; those that fail;
# when each begins, `x` for those that are cancelled at work.
TABLE: dict[str, tuple[str, dict[str, list[str]], str, dict[str, float], str, str]] = {
    "the first of two": ("s>a s>b a>j b>j j>k", {}, "j=first", {"b": 9}, "", "s 0, a 1, bx 1, j 2, k 3"),
    "the other one": ("s>a s>b a>j b>j j>k", {}, "j=first", {"a": 9}, "", "s 0, ax 1, b 1, j 2, k 3"),
    "two of three": (
        "s>a s>b s>c a>j b>j c>j", {}, "j=2", {"b": 3, "c": 9}, "", "s 0, a 1, b 1, cx 1, j 4"),
    "without a start": ("a>j b>j", {}, "j=first", {"b": 9}, "", "a 0, bx 0, j 1"),
    "longer paths": (
        "s>a a>a2 a2>j s>b b>b2 b2>b3 b3>j", {}, "j=first", {"b2": 5}, "",
        "s 0, a 1, a2 2, b 1, b2x 2, j 3"),
    "a path that also leads elsewhere": (
        "s>a s>b a>j b>j b>n n>m", {}, "j=first", {"b": 9}, "", "s 0, a 1, b 1, j 2, n 10, m 11"),
    "a part of a path that leads elsewhere": (
        "s>a s>b b>c c>j b>n a>j", {}, "j=first", {"b": 9}, "", "s 0, a 1, b 1, j 2, n 10"),
    "a race in a path of a race": (
        "s>a s>b a>p a>q p>i q>i i>j b>j", {}, "i=first j=first", {"q": 5, "b": 9}, "",
        "s 0, a 1, bx 1, p 2, qx 2, i 3, j 4"),
    "a race in a path that loses": (
        "s>a s>b a>p a>q p>i q>i i>j b>j", {}, "i=first j=first", {"p": 9, "q": 5, "b": 3}, "",
        "s 0, a 1, b 1, px 2, qx 2, j 4"),
    "a race that is decided before another one needs it": (
        "s>a a>i b>i a>j i>j", {}, "i=first j=first", {"b": 9}, "", "s 0, bx 0, a 1, j 2"),
    "one path of two races": (
        "s>a s>b s>c a>i b>i b>j c>j", {}, "i=first j=first", {"b": 9, "c": 3}, "",
        "s 0, a 1, bx 1, c 1, i 2, j 4"),
    "a dead path does not win": (
        "s>r r>a r>b s>c a>j b>j c>j", {"r": ["a"]}, "j=first", {"a": 3, "c": 9}, "",
        "s 0, r 1, a 2, cx 1, j 5"),
    "all paths dead": ("r>a r>b a>j b>j j>k", {"r": [""]}, "j=first", {}, "", "r 0"),
    "too few can be live": (
        "s>r s>q s>c r>a q>b a>j b>j c>j", {"r": [""], "q": [""]}, "j=2", {"c": 9}, "",
        "s 0, r 1, q 1, cx 1"),
    "at least all of them": ("s>a s>b a>j b>j", {}, "j=2", {"b": 3}, "", "s 0, a 1, b 1, j 4"),
    "a join in a path": (
        "s>a s>b s>c b>m c>m m>j a>j", {}, "m j=first", {"a": 3, "b": 1, "c": 9}, "",
        "s 0, a 1, b 1, cx 1, j 4"),
    "two races in a row": (
        "s>a s>b a>i b>i i>c i>d c>j d>j", {}, "i=first j=first", {"b": 9, "d": 9}, "",
        "s 0, a 1, bx 1, i 2, c 3, dx 3, j 4"),
    "a failure is not live": (
        "s>a s>b a>j b>j j>k", {}, "j=first", {"b": 5}, "a", "s 0, a 1, b 1, j 6, k 7"),
    "a failure ends its path": (
        "s>a s>b a>a2 s>c c>a2 a2>j b>j", {}, "j=first", {"b": 5, "c": 3}, "a",
        "s 0, a 1, b 1, cx 1, j 6"),
    "one failure of a quorum": (
        "s>a s>b s>c a>j b>j c>j", {}, "j=2", {"b": 3, "c": 5}, "a", "s 0, a 1, b 1, c 1, j 6"),
    "a failure after the race": (
        "s>a s>b a>j b>j", {}, "j=first", {"b": 5}, "b", "s 0, a 1, bx 1, j 2"),
    "a failure in a race in a path": (
        "s>a s>b a>p a>q p>i q>i i>j b>j", {}, "i=first j=first", {"b": 9}, "p q",
        "s 0, a 1, b 1, p 2, q 2, j 10"),
}  # fmt: skip

FAILING = {
    "all fail": ("s>a s>b a>j b>j j>k", {}, "j=first", {"b": 5}, "a b"),
    "too many fail": ("s>a s>b s>c a>j b>j c>j", {}, "j=2", {"c": 9}, "a b"),
    "what is needed elsewhere fails": ("s>a s>b a>j b>j b>n", {}, "j=first", {}, "b"),
    "the join itself fails": ("s>a s>b a>j b>j", {}, "j=first", {}, "j"),
    "what comes before all paths fails": ("s>a s>b a>j b>j", {}, "j=first", {}, "s"),
}


def seconds_of(flow: Flow, given: dict[str, float]) -> dict[str, float]:
    return {name: given.get(name, 1.0) for name in flow.nodes}


@pytest.mark.parametrize("name", TABLE)
def test_nodes_begin_and_are_cancelled_as_the_table_says(name: str) -> None:
    edges, takes, joins, given, fails, expected = TABLE[name]
    flow, choices = parse((edges, takes, joins))
    found = in_virtual_time(raced(racing(flow, choices, seconds_of(flow, given), fails)))
    assert found is not None
    shown = [
        f"{node}{'x' * (node in found.cancelled)} {found.begins[node]:g}"
        for node in flow.nodes
        if node in found.begins
    ]
    assert sorted(shown) == sorted(expected.split(", "))
    assert set(flow.nodes) == {*found.begins, *found.skipped}


@pytest.mark.parametrize("name", TABLE)
def test_the_reference_interpreter_says_the_same(name: str) -> None:
    edges, takes, joins, given, fails, _ = TABLE[name]
    flow, choices = parse((edges, takes, joins))
    seconds = seconds_of(flow, given)
    found = in_virtual_time(raced(racing(flow, choices, seconds, fails)))
    assert found == expected_races(flow, chooser(flow, choices), seconds, fails.split())


@pytest.mark.parametrize("name", FAILING)
def test_a_race_that_can_no_longer_be_won_fails_the_run(name: str) -> None:
    edges, takes, joins, given, fails = FAILING[name]
    flow, choices = parse((edges, takes, joins))
    seconds = seconds_of(flow, given)
    assert expected_races(flow, chooser(flow, choices), seconds, fails.split()) is None
    assert in_virtual_time(raced(racing(flow, choices, seconds, fails))) is None


@given(racing_flows(), st.data())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_random_graphs_race_by_the_rule(
    case: tuple[Flow, Choices, dict[str, float]], data: st.DataObject
) -> None:
    flow, choices, seconds = case
    likely = [name for name in flow.nodes if name not in choices]
    fails = [name for name in likely if data.draw(st.integers(0, 9)) == 0]
    expected = expected_races(flow, chooser(flow, choices), seconds, fails)
    found = in_virtual_time(raced(racing(flow, choices, seconds, " ".join(fails))))
    if flows.GRANULARITY == "node" and expected and found:
        # Steps are barriers outside of races, so nodes begin later, but in the same order.
        found.begins = expected.begins
    assert found == expected


class Trying(Lasting):
    """Take some seconds; wait for nothing, and count that the node ran."""

    type = "trying"

    async def run(self, context: Context) -> float:
        context.service(Turns)[context.node_id] += 1
        return await super().run(context)


def racer(id: str, seconds: float, *after: str, **more: Any) -> dict[str, Any]:
    config = {"seconds": seconds}
    return {"id": id, "type": "trying", "depends_on": list(after), "config": config, **more}


class Interruptible:
    """A run that can be cut off at a moment, as by a crash, and resumed from its last checkpoint."""

    def __init__(self, nodes: list[Any], **more: Any) -> None:
        self.workflow = compiled({"nodes": nodes, **more}, Trying, Failing)
        self.saver, self.turns = InMemorySaver(), Turns()
        self.events: list[tuple[str, str]] = []
        self._has_begun = False

    async def advance(self, until: float | None = None) -> Any:
        """Continue the run; stop it at a moment of virtual time."""
        graph: Any = copy.copy(self.workflow.graph)
        graph.checkpointer = self.saver
        context = RunContext(
            emit=lambda event: self.events.append((event.kind, event.node_id or "")),
            services={Turns: self.turns},
            saver=self.saver,
            is_resumed=self._has_begun,
        )
        given = None if self._has_begun else self.workflow.initial_state({})
        self._has_begun = True
        config: Any = {"configurable": {"thread_id": "r"}}
        work = graph.ainvoke(given, config, context=context, durability="sync")
        task = asyncio.ensure_future(work)
        await asyncio.wait([task], timeout=until)
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return None
        return (await task)["outputs"]

    def ids(self, kind: str) -> list[str]:
        return [id for found, id in self.events if found == kind]


RACE = [
    racer("s", 1), racer("fast", 1, "s"), racer("slow", 9, "s"), racer("next", 1, "slow"),
    racer("pick", 3, "fast", "next", join="first"), racer("end", 3, "pick"),
]  # fmt: skip


@pytest.mark.parametrize("moment", [2.5, 4.5, 6.5])
def test_after_a_crash_the_same_node_has_won_and_losers_do_not_run_again(moment: float) -> None:
    run = Interruptible(RACE)

    async def crash_and_resume() -> Any:
        await run.advance(until=moment)
        return await run.advance()

    outputs = in_virtual_time(crash_and_resume())
    assert set(outputs) == {"s", "fast", "pick", "end"}
    assert run.turns["slow"] == run.turns["fast"] == 1 and run.turns["next"] == 0
    assert run.ids("node.cancelled") == ["slow"]


def test_one_that_was_quicker_after_a_crash_does_not_win_then() -> None:
    # Both had ended when the process died: the first of them has won.
    nodes = [
        racer("s", 1), racer("fast", 1, "s"), racer("late", 2, "s"), racer("other", 9, "late"),
        racer("pick", 5, "fast", "late", join="first"),
    ]  # fmt: skip
    run = Interruptible(nodes)

    async def crash_and_resume() -> Any:
        await run.advance(until=4.5)
        return await run.advance()

    in_virtual_time(crash_and_resume())
    assert run.turns == {"s": 1, "fast": 1, "late": 1, "other": 2, "pick": 2}


def test_a_failure_that_was_held_is_not_tried_again_after_a_crash_but_in_a_retry() -> None:
    fails = {"id": "a", "type": "failing", "config": {"seconds": 1}, "depends_on": ["s"]}
    nodes = [racer("s", 1), fails, racer("b", 5, "s"), racer("pick", 1, "a", "b", join="first")]
    run = Interruptible(nodes)

    async def crash_and_resume() -> Any:
        await run.advance(until=4)
        return await run.advance()

    assert set(in_virtual_time(crash_and_resume())) == {"s", "b", "pick"}
    assert run.ids("node.failed") == ["a"]

    both_fail = [
        racer("s", 1),
        fails,
        {**fails, "id": "b", "config": {"seconds": 2}},
        racer("pick", 1, "a", "b", join="first"),
    ]
    again = Interruptible(both_fail)

    async def fail_and_retry() -> None:
        for _ in range(2):
            with pytest.raises(NodeFailed, match="a failed"):
                await again.advance()

    in_virtual_time(fail_and_retry())
    assert again.ids("node.failed") == ["a", "b", "a", "b"]


LOOP = [
    {"id": "begin", "type": "start"},
    racer("fork", 1, "begin"), racer("fast", 1, "fork"), racer("slow", 9, "fork"),
    racer("pick", 1, "fast", "slow", join="first"),
    {"id": "again", "type": "pick", "depends_on": ["pick"],
     "config": {"script": ["x", "x", "y"], "names": ["x", "y"]}},
    racer("end", 1),
]  # fmt: skip
LOOP_EDGES = [
    {"source": "again", "target": "fork", "branch": "x"},
    {"source": "again", "target": "end", "branch": "y"},
]


@pytest.mark.parametrize("moment", [None, 1.5, 2.5, 4.5, 7.5])
def test_each_turn_of_a_loop_races_again(moment: float | None) -> None:
    run = Interruptible(LOOP, edges=LOOP_EDGES)

    async def crash_and_resume() -> Any:
        if moment is not None:
            await run.advance(until=moment)
        return await run.advance()

    assert "slow" not in in_virtual_time(crash_and_resume())
    completed = Counter(run.ids("node.completed"))
    assert completed["pick"] == completed["fast"] == 3
    assert run.ids("node.cancelled") == ["slow"] * 3


def test_a_loop_on_a_path_that_loses_turns_no_more() -> None:
    nodes = [
        {"id": "begin", "type": "start"},
        racer("fast", 5, "begin"), racer("work", 1, "begin"),
        {"id": "check", "type": "pick", "depends_on": ["work"],
         "config": {"script": ["x"], "names": ["x", "y"]}},
        racer("pick", 1, "fast", join="first"),
    ]  # fmt: skip
    edges = [
        {"source": "check", "target": "work", "branch": "x"},
        {"source": "check", "target": "pick", "branch": "y"},
    ]
    run = Interruptible(nodes, edges=edges)
    assert set(in_virtual_time(run.advance())) >= {"fast", "pick"}
    assert run.turns["work"] <= 6


@pytest.mark.parametrize("kind", ["map", "loop", "subworkflow"])
def test_what_is_in_a_body_is_cancelled_with_it(kind: str) -> None:
    body = {"nodes": [racer("inner", 9)]}
    configs = {
        "map": {"items": [1, 2], "body": body},
        "loop": {"for_each": [1], "body": body},
        "subworkflow": {"workflow": body},
    }
    nodes = [
        racer("s", 1), racer("fast", 1, "s"),
        {"id": "slow", "type": kind, "depends_on": ["s"], "config": configs[kind]},
        racer("pick", 1, "fast", "slow", join="first"),
    ]  # fmt: skip
    run = Interruptible(nodes)
    assert "slow" not in in_virtual_time(run.advance())
    assert Counter(run.ids("node.cancelled")) == {"slow": 1, "inner": 2 if kind == "map" else 1}


def test_a_race_in_a_body_is_decided_for_each_item() -> None:
    race = [
        racer("s", 1),
        racer("a", 1, "s"),
        racer("b", 9, "s"),
        racer("p", 1, "a", "b", join="first"),
    ]
    each = {"id": "each", "type": "map", "config": {"items": [1, 2, 3], "body": {"nodes": race}}}
    run = Interruptible([each])
    assert len(in_virtual_time(run.advance())["each"]["results"]) == 3
    assert run.ids("node.cancelled") == ["b"] * 3


@pytest.mark.parametrize(("join", "expected"), [("first", 1.0), ({"at_least": 2}, ["a", "b"])])
def test_merge_passes_on_the_winner_of_a_race_or_those_of_a_quorum(
    join: Any, expected: Any
) -> None:
    paths = [racer("s", 0), racer("a", 1, "s"), racer("b", 2, "s"), racer("c", 9, "s")]
    pick = {"id": "pick", "type": "merge", "join": join, "depends_on": ["a", "b", "c"]}
    found = in_virtual_time(Interruptible([*paths, pick]).advance())["pick"]
    assert (sorted(found) if isinstance(found, dict) else found) == expected
