"""Loops, maps and sub-workflows, nested and at either granularity."""

import asyncio
from typing import Any, ClassVar

import pytest

from fakes.flows import Turns, compiled, registry, run
from flowc.compiler.check import check_workflow
from flowc.compiler.node import Context, Node
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.models import Models

pytestmark = pytest.mark.usefixtures("granularity")


def template(id: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "template", "config": {"template": text}, **more}


def compute(id: str, expression: str, **more: Any) -> dict[str, Any]:
    config = {"data": None, "expression": expression}
    return {"id": id, "type": "transform", "config": config, **more}


def map_over(items: Any, *body: Any, edges: Any = (), **config: Any) -> dict[str, Any]:
    inner = {"nodes": list(body), "edges": list(edges)}
    return {"id": "each", "type": "map", "config": {"items": items, "body": inner, **config}}


def loop(*body: Any, edges: Any = (), **config: Any) -> dict[str, Any]:
    inner = {"nodes": list(body), "edges": list(edges)}
    return {"id": "turns", "type": "loop", "config": {"body": inner, **config}}


async def test_a_map_keeps_the_order_of_its_items() -> None:
    node = map_over("{{input.names}}", template("hi", "{{index}} {{item|upper}}"), max_parallel=3)
    ran = await run({"nodes": [node]}, {"names": ["a", "b", "c", "d"]})
    texts = [result["text"] for result in ran.output["results"]]
    assert texts == ["0 A", "1 B", "2 C", "3 D"]
    assert ran.output["errors"] == []


async def test_a_map_over_nothing_gives_nothing() -> None:
    ran = await run({"nodes": [map_over([], template("hi", "x"))]})
    assert ran.output == {"results": [], "errors": []}


class Slow(Node):
    """Count how many are at work at once."""

    type: ClassVar = "slow"

    async def run(self, context: Context) -> int:
        turns = context.service(Turns)
        turns["now"] += 1
        turns["most"] = max(turns["most"], turns["now"])
        await asyncio.sleep(0.01)
        turns["now"] -= 1
        return 0


@pytest.mark.parametrize("limit", [1, 3])
async def test_no_more_items_are_at_work_than_may_be(limit: int) -> None:
    turns = Turns()
    node = map_over(list(range(10)), {"id": "s", "type": "slow"}, max_parallel=limit)
    await run(compiled({"nodes": [node]}, Slow), services={Turns: turns})
    assert turns["most"] == limit


FAILING = {
    "nodes": [
        {
            "id": "bad",
            "type": "conditional",
            "config": {"condition": "item == 2", "true_edge": "stop"},
        },
        {"id": "stop", "type": "fail", "config": {"message": "two", "code": "is-two"}},
        {"id": "good", "type": "transform", "config": {"data": None, "expression": "item * 10"}},
    ],
    "edges": [{"source": "bad", "target": "good", "branch": "false"}],
}


async def test_a_failing_item_fails_the_map_is_left_out_or_collected() -> None:
    def mapped(on_error: str) -> dict[str, Any]:
        config = {"items": [1, 2, 3], "body": FAILING, "on_error": on_error}
        return {"nodes": [{"id": "each", "type": "map", "config": config}]}

    with pytest.raises(NodeFailed, match="two") as caught:
        await run(mapped("fail"))
    assert (caught.value.code, caught.value.node_id) == ("is-two", "stop")
    assert (await run(mapped("skip"))).output["results"] == [10, 30]
    collected = (await run(mapped("collect"))).output
    assert collected["results"] == [10, None, 30]
    assert collected["errors"] == [{"index": 1, "code": "is-two", "message": "two"}]


async def test_a_map_stops_once_a_result_is_what_was_looked_for() -> None:
    node = map_over([1, 2, 3, 4], compute("x", "item * 2"), max_parallel=1, stop_when="result >= 4")
    ran = await run({"nodes": [node]})
    assert ran.output["results"] == [2, 4]
    assert ran.times()["x"] == 2


async def test_a_loop_runs_while_its_condition_holds() -> None:
    body = {"id": "up", "type": "set", "config": {"variables": {"n": "{{variables.n + 1}}"}}}
    after = template("after", "{{variables.n}} {{turns.output.turns}}", depends_on=["turns"])
    workflow = {"variables": {"n": 0}, "nodes": [loop(body, **{"while": "variables.n < 3"}), after]}
    assert (await run(workflow)).output == {"text": "3 3"}


async def test_a_loop_runs_until_its_bodys_node_says_so() -> None:
    draft = compute("draft", "loop.index * 10")
    review = compute("review", "{'ok': draft.output >= 20}", depends_on=["draft"])
    ran = await run({"nodes": [loop(draft, review, until="{{review.output.ok}}")]})
    assert ran.output["turns"] == 3
    assert ran.output["last"] == {"ok": True}


async def test_a_turn_reads_the_result_of_the_last_one_and_values_accumulate() -> None:
    body = compute("x", "(loop.previous or 0) + item if loop.previous is number else item")
    config = {
        "for_each": [1, 2, 3],
        "accumulators": {"sum": {"initial": 0, "expression": "value + result"}},
    }
    ran = await run({"nodes": [loop(body, **config)]})
    assert ran.output == {"last": 6, "results": [1, 3, 6], "turns": 3, "accumulators": {"sum": 10}}


async def test_break_ends_a_loop_over_items() -> None:
    ran = await run(
        {"nodes": [loop(compute("x", "item"), for_each=[5, 6, 7], **{"break": "result == 6"})]}
    )
    assert ran.output["results"] == [5, 6]


async def test_a_loop_that_does_not_end_is_ended() -> None:
    with pytest.raises(NodeFailed, match="within 7 turns") as caught:
        await run({"nodes": [loop(compute("x", "1"), max_iterations=7, **{"while": "true"})]})
    assert caught.value.code == "too-many-turns"


async def test_loops_in_maps_in_loops() -> None:
    innermost = loop(compute("x", "[outer.output, item, loop.index]"), for_each=["p", "q"])
    each = map_over("{{[1, 2]}}", compute("outer", "item"), {**innermost, "depends_on": ["outer"]})
    whole = {
        "id": "whole",
        "type": "loop",
        "config": {"for_each": ["a", "b"], "body": {"nodes": [each]}},
    }
    ran = await run({"nodes": [whole]})
    assert ran.output["turns"] == 2
    inner = ran.output["results"][1]["results"][1]
    assert inner["results"] == [[2, "p", 0], [2, "q", 1]]
    assert ran.times()["x"] == 8
    paths = {event.path for event in ran.events if event.node_id == "x"}
    assert "whole#0/1/each#0/1/turns#0/0/" in paths
    assert len(paths) == 8


async def test_variables_of_items_are_there_afterwards_the_last_items_stay() -> None:
    body = {"id": "s", "type": "set", "config": {"variables": {"last": "{{item}}"}}}
    after = template("after", "{{variables.last}}", depends_on=["each"])
    assert (await run({"nodes": [map_over([1, 2, 3], body), after]})).output == {"text": "3"}


async def test_a_body_reads_the_nodes_before_its_container() -> None:
    first = compute("first", "7")
    each = {**map_over([1], compute("x", "first.output + item")), "depends_on": ["first"]}
    assert (await run({"nodes": [first, each]})).output["results"] == [8]


async def test_what_a_body_and_its_container_read_of_a_model_is_inferred() -> None:
    ask = {"id": "ask", "type": "llm", "config": {"prompt": "{{item}} is fine"}}
    use = template("use", "{{ask.output.mood}}", depends_on=["ask"])
    node = loop(ask, use, for_each=["all"], **{"break": "{{ask.output.done}}"})
    workflow = compiled({"nodes": [node]})
    assert [d.code for d in workflow.diagnostics] == ["inferred-output"]
    ran = await run(workflow, services={Models: Models()})
    assert ran.output["last"] == {"text": "all is fine"}


async def test_a_subworkflow_reads_its_input_alone() -> None:
    inner = {
        "input": {"n": "integer"},
        "variables": {"v": "inner"},
        "nodes": [
            {
                "id": "a",
                "type": "end",
                "config": {"output": {"twice": "{{input.n * 2}}", "v": "{{variables.v}}"}},
            }
        ],
    }
    node = {
        "id": "sub",
        "type": "subworkflow",
        "config": {"workflow": inner, "input": {"n": "{{input.x}}"}},
    }
    workflow = {"variables": {"v": "outer"}, "nodes": [node]}
    assert (await run(workflow, {"x": 4})).output == {"twice": 8, "v": "inner"}
    with pytest.raises(NodeFailed, match="does not fit the sub-workflow"):
        await run(workflow, {"x": "four"})


async def test_merge_passes_on_the_outputs_of_the_branches_that_ran() -> None:
    workflow = {
        "nodes": [
            {
                "id": "r",
                "type": "conditional",
                "config": {"condition": "{{input.b}}", "true_edge": "x", "false_edge": "y"},
            },
            compute("x", "1"),
            compute("y", "2"),
            compute("z", "3", depends_on=["r"]),
            {"id": "m", "type": "merge", "depends_on": ["x", "y", "z"]},
        ]
    }
    assert (await run(workflow, {"b": True})).output == {"x": 1, "z": 3}


def codes(*nodes: Any) -> list[tuple[str, str]]:
    found = check_workflow(from_data({"nodes": list(nodes)}), registry())
    return [(diagnostic.code, diagnostic.at.pointer) for diagnostic in found]


def test_bodies_are_checked_like_workflows_at_their_places() -> None:
    at = "/nodes/0/config/body"
    wrong = map_over([1], template("a", "{{nope.output}}"))
    assert codes(wrong) == [("unknown-reference", f"{at}/nodes/0/config/template")]
    assert codes(map_over([1], {"id": "a", "type": "nope"})) == [
        ("unknown-node-type", f"{at}/nodes/0/type")
    ]
    assert codes(map_over([1])) == [("no-nodes", "")]
    assert codes(map_over([1], template("each", "x"))) == [("duplicate-id", f"{at}/nodes/0/id")]
    assert codes(map_over([1], template("a", "{{loop.index}}"))) == [
        ("unknown-reference", f"{at}/nodes/0/config/template")
    ]
    odd = {"id": "each", "type": "map", "config": {"items": [], "body": {"nods": []}}}
    assert codes(odd) == [("unknown-form", at)]


def test_item_has_no_meaning_outside_of_a_body() -> None:
    assert codes(template("a", "{{item}}")) == [("unknown-reference", "/nodes/0/config/template")]


def test_a_body_may_not_read_what_may_not_be_there() -> None:
    later = template("later", "x", depends_on=["each"])
    assert codes(map_over([1], template("a", "{{later.output.text}}")), later) == [
        ("not-upstream", "/nodes/0/config/body/nodes/0/config/template")
    ]


def test_a_loop_is_of_one_kind() -> None:
    found = codes(loop(template("a", "x"), until="true", for_each=[1]))
    assert [code for code, _ in found] == ["invalid-value"]
    assert [code for code, _ in codes(loop(template("a", "x")))] == ["invalid-value"]


def failing(on_error: Any, **more: Any) -> dict[str, Any]:
    config = {"message": "out of order", "code": "broken"}
    return {"id": "f", "type": "fail", "config": config, "on_error": on_error, **more}


async def test_after_a_failure_the_workflow_can_continue_with_an_output_that_the_author_chose() -> (
    None
):
    after = template("after", "{{f.output.n}} {{error.code}}", depends_on=["f"])
    ran = await run({"nodes": [failing({"output": {"n": 7}}), after]})
    assert ran.output == {"text": "7 broken"}
    assert ran.times("node.failed")["f"] == 1
    plain = await run({"nodes": [failing("continue"), compute("x", "f.output", depends_on=["f"])]})
    assert plain.output is None


async def test_after_a_failure_the_workflow_can_continue_at_a_node_that_reads_the_error() -> None:
    nodes = [
        failing({"goto": "mend"}),
        template("well", "well", depends_on=["f"]),
        template("mend", "{{error.node}}: {{error.message}}"),
        {"id": "done", "type": "merge", "depends_on": ["well", "mend"]},
    ]
    ran = await run({"nodes": nodes})
    assert ran.output == {"mend": {"text": "f: out of order"}}
    assert ran.times("node.skipped")["well"] == 1
    nodes[0] = {**template("f", "fine"), "on_error": {"goto": "mend"}}
    assert (await run({"nodes": nodes})).output == {"well": {"text": "well"}}


async def test_a_branching_node_that_fails_takes_none_of_its_branches() -> None:
    nodes = [
        {
            "id": "r",
            "type": "conditional",
            "config": {"condition": "{{input.x}}", "true_edge": "yes", "false_edge": "no"},
            "on_error": {"goto": "mend"},
        },
        template("yes", "yes"),
        template("no", "no"),
        template("mend", "{{error.code}}"),
    ]
    assert (await run({"nodes": nodes}, {"x": True})).output == {"text": "yes"}
    assert (await run({"nodes": nodes}, {"x": "?"})).output == {"text": "expression-failed"}


async def test_an_error_in_a_body_is_coped_with_there() -> None:
    body = [failing({"goto": "mend"}), template("mend", "{{index}} {{error.code}}")]
    ran = await run({"nodes": [map_over([1, 2], *body)]})
    assert [result["text"] for result in ran.output["results"]] == ["0 broken", "1 broken"]


def test_the_target_for_failures_is_checked() -> None:
    assert codes(failing({"goto": "nowhere"})) == [("unknown-node", "/nodes/0/on_error/goto")]
    reads = template("mend", "{{f.output}}")
    assert codes(failing({"goto": "mend"}), reads) == [
        ("maybe-undefined", "/nodes/1/config/template")
    ]
    assert codes(template("a", "{{error.code}}")) == [
        ("unknown-reference", "/nodes/0/config/template")
    ]


async def test_a_map_whose_condition_cannot_be_computed_says_why() -> None:
    with pytest.raises(NodeFailed, match="'nope'") as caught:
        await run({"nodes": [map_over([1, 2], compute("x", "item"), stop_when="result.nope")]})
    assert caught.value.code == "expression-failed"


async def test_a_run_that_is_cancelled_leaves_no_node_at_work() -> None:
    turns = Turns()
    node = map_over(list(range(20)), {"id": "s", "type": "slow"}, max_parallel=20)
    work = asyncio.create_task(run(compiled({"nodes": [node]}, Patient), services={Turns: turns}))
    while turns["now"] < 20:
        await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert turns["now"] == 0


class Patient(Node):
    """Wait until it is cancelled, and take a moment to stop."""

    type: ClassVar = "slow"

    async def run(self, context: Context) -> None:
        turns = context.service(Turns)
        turns["now"] += 1
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            turns["now"] -= 1


def test_an_expression_has_the_names_that_its_node_gives_and_no_others() -> None:
    assert codes(compute("x", "loop.index")) == [
        ("unknown-reference", "/nodes/0/config/expression")
    ]


async def test_a_loop_over_items_has_as_many_turns_as_there_are_items() -> None:
    node = loop(compute("x", "item"), for_each=list(range(150)))
    ran = await run({"nodes": [node]})
    assert ran.output["turns"] == 150


async def test_paths_beside_each_other_in_a_loop_share_the_variables_of_its_turns() -> None:
    ran = await run("""
nodes:
  - {id: begin, type: start}
  - {id: turn, type: set, config: {variables: {n: "{{variables.n + 1}}"}}}
  - {id: left, type: set, config: {variables: {left: "{{variables.left + [variables.n, variables.right]}}"}}}
  - {id: left_again, type: set, config: {variables: {last: "{{variables.left[0]}}"}}}
  - {id: right, type: set, config: {variables: {right: "{{variables.n * 10}}"}}}
  - {id: more, type: conditional, join: all, config: {condition: "{{variables.n}} < 3", true_edge: turn, false_edge: done}}
  - {id: done, type: template, config: {template: "{{variables.left}} {{variables.last}} {{variables.right}}"}}
edges:
  - {source: begin, target: turn}
  - {source: turn, target: left}
  - {source: left, target: left_again}
  - {source: turn, target: right}
  - {source: left_again, target: more}
  - {source: right, target: more}
variables: {n: 0, left: [], right: 0, last: 0}
""")
    assert ran.output == {"text": "[1,0,2,10,3,20] 1 30"}
