"""A run that waits ends, and continues from there when it has its answer."""

from typing import Any

import pytest

from fakes.flows import compiled
from fakes.segments import Run
from flowc.compiler.node.interrupts import Answer
from flowc.compiler.running.run_context import NodeFailed, RunContext

pytestmark = pytest.mark.usefixtures("granularity")

Answers = dict[str, Answer]


def note(id: str, *after: str) -> dict[str, Any]:
    return {"id": id, "type": "note", "depends_on": list(after)}


def human(id: str, *after: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "type": "human", "depends_on": list(after), "config": config}


YES, NO = Answer({"choice": "approve"}), Answer("reject")


async def test_nodes_that_finished_before_the_question_do_not_run_again() -> None:
    run = Run(
        {"nodes": [note("a"), human("ask", "a", title="Ship {{a.output}}?"), note("b", "ask")]}
    )
    await run.resume()
    (asked,) = run.asked.values()
    assert (asked["kind"], asked["data"]["title"]) == ("human", "Ship 1?")
    assert asked["data"]["schema"]["required"] == ["choice"]
    await run.resume()
    assert list(run.asked) == [asked["id"]]
    await run.resume({asked["id"]: YES})
    assert run.output == 1
    assert run.turns == {"a": 1, "b": 1}
    assert run.events_by_node("node.started") == {"a": 1, "ask": 1, "b": 1}
    assert run.events_by_node("node.waiting") == {"ask": 1}
    assert run.events_by_node("node.completed") == {"a": 1, "ask": 1, "b": 1}


async def test_a_choice_is_a_branch() -> None:
    nodes = [human("ask"), note("ship"), note("bin")]
    edges = [
        {"source": "ask", "target": "ship", "branch": "approve"},
        {"source": "ask", "target": "bin", "branch": "reject"},
    ]
    run = Run({"nodes": nodes, "edges": edges})
    await run.resume()
    await run.resume({run.id_of("ask"): NO})
    assert (run.turns, run.events_by_node("node.skipped")) == ({"bin": 1}, {"ship": 1})


@pytest.mark.parametrize("first", ["one", "two"])
async def test_two_people_answer_in_either_order(first: str) -> None:
    nodes = [note("a"), human("one", "a"), human("two", "a"), note("side", "a")]
    join = {**note("end", "one", "two", "side"), "join": "all"}
    run = Run({"nodes": [*nodes, join]})
    await run.resume()
    one, two = run.id_of("one"), run.id_of("two")
    assert one != two
    answers: Answers = {one if first == "one" else two: YES}
    await run.resume(answers)
    assert run.output is None and len(run.asked) == 1
    answers |= {one: YES, two: YES}
    await run.resume(answers)
    assert run.turns == {"a": 1, "side": 1, "end": 1}
    assert run.events_by_node("node.waiting") == {"one": 1, "two": 1}
    assert set(run.events_by_node("node.started").values()) == {1}


async def test_every_item_of_a_map_asks_and_the_others_continue() -> None:
    body = {"nodes": [note("w"), human("ask", "w", title="{{item}}?"), note("x", "ask")]}
    each = {"id": "each", "type": "map", "config": {"items": ["p", "q", "r"], "body": body}}
    run = Run({"nodes": [each, note("end", "each")]})
    await run.resume()
    titles = {a["data"]["title"]: id for id, a in run.asked.items()}
    assert sorted(titles) == ["p?", "q?", "r?"]
    await run.resume({titles["q?"]: YES})
    assert run.turns == {"w": 3, "x": 1}
    await run.resume(dict.fromkeys(titles.values(), YES))
    assert run.turns == {"w": 3, "x": 3, "end": 1}
    assert run.events_by_node("node.started") == {"each": 1, "w": 3, "ask": 3, "x": 3, "end": 1}


async def test_each_turn_of_a_loop_asks_again() -> None:
    body = {"nodes": [human("ask"), note("x", "ask")]}
    loop = {"id": "again", "type": "loop", "config": {"for_each": [1, 2], "body": body}}
    run, answers = Run({"nodes": [loop]}), Answers()
    await run.resume()
    for _ in range(2):
        answers |= dict.fromkeys(run.asked, YES)
        await run.resume(answers)
    assert run.asked == {} and len(answers) == 2
    assert run.turns == {"x": 2}


async def test_a_node_that_edges_run_again_asks_again() -> None:
    nodes = [{"id": "begin", "type": "start"}, human("ask", choices=["again", "done"]), note("end")]
    edges = [
        {"source": "begin", "target": "ask"},
        {"source": "ask", "target": "ask", "branch": "again"},
        {"source": "ask", "target": "end", "branch": "done"},
    ]
    run, answers = Run({"nodes": nodes, "edges": edges}), Answers()
    await run.resume()
    for choice in ("again", "again", "done"):
        assert len(run.asked) == 1 and not set(run.asked) & set(answers)
        answers |= dict.fromkeys(run.asked, Answer(choice))
        await run.resume(answers)
    assert (run.output, len(answers)) == (1, 3)


async def test_a_workflow_within_a_workflow_asks() -> None:
    inner = {"nodes": [note("w"), human("ask", "w")]}
    sub = {"id": "sub", "type": "subworkflow", "config": {"workflow": inner}}
    run = Run({"nodes": [sub, note("end", "sub")]})
    await run.resume()
    await run.resume(dict.fromkeys(run.asked, YES))
    assert run.turns == {"w": 1, "end": 1}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"timeout": "1h", "default": "reject"}, {"choice": "reject", "timed_out": True}),
        ({"timeout": "1h"}, "timeout"),
    ],
)
async def test_when_its_time_is_over_there_is_a_default_or_a_failure(
    config: Any, expected: Any
) -> None:
    run = Run({"nodes": [human("ask", **config)]})
    await run.resume()
    (asked,) = run.asked.values()
    assert asked["seconds"] == 3600
    late = {asked["id"]: Answer(is_late=True)}
    if isinstance(expected, str):
        with pytest.raises(NodeFailed) as caught:
            await run.resume(late)
        assert caught.value.code == expected
    else:
        await run.resume(late)
        assert run.output == expected


async def test_time_and_signals_are_waited_for_without_anything_in_memory() -> None:
    nodes = [
        {"id": "pause", "type": "wait", "config": {"for": "2h"}},
        {
            "id": "paid",
            "type": "wait",
            "depends_on": ["pause"],
            "config": {"signal": "paid", "key": "{{pause.output.waited}}"},
        },
    ]
    run = Run({"nodes": nodes})
    await run.resume()
    (timer,) = run.asked.values()
    assert (timer["kind"], timer["seconds"]) == ("timer", 7200)
    answers = {timer["id"]: Answer()}
    await run.resume(answers)
    (signal,) = run.asked.values()
    assert (signal["kind"], signal["data"]) == ("signal", {"signal": "paid", "key": "7200.0"})
    await run.resume({**answers, signal["id"]: Answer({"sum": 5})})
    assert run.output == {"signal": "paid", "data": {"sum": 5}, "timed_out": False}


async def test_a_failure_beside_a_question_ends_the_run() -> None:
    fails = {"id": "bad", "type": "fail", "config": {"message": "No."}}
    run = Run({"nodes": [human("ask"), fails]})
    with pytest.raises(NodeFailed, match=r"No\."):
        await run.resume()


async def test_langgraphs_own_way_to_answer_works_too() -> None:
    run = Run({"nodes": [note("a"), human("ask", "a"), note("b", "ask")]})
    await run.resume()
    await run.resume(resume="approve")
    assert run.output == 1
    assert run.turns == {"a": 1, "b": 1}


async def test_a_node_that_asks_fails_where_no_one_can_answer() -> None:
    workflow = compiled({"nodes": [human("ask")]})
    with pytest.raises(NodeFailed) as caught:
        await workflow.graph.ainvoke(workflow.initial_state({}), context=RunContext())
    assert caught.value.code == "nobody-to-ask"


async def test_an_answer_that_does_not_fit_fails_the_node() -> None:
    run = Run({"nodes": [human("ask", form={"sum": "number"})]})
    await run.resume()
    with pytest.raises(NodeFailed) as caught:
        await run.resume(dict.fromkeys(run.asked, Answer({"sum": "much"})))
    assert caught.value.code == "answer-does-not-fit"
