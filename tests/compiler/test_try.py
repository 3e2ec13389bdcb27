"""The node type `try`: what is caught, repaired and cleaned up, at either granularity."""

from typing import Any, ClassVar

import pytest
from pydantic import Field

from fakes.flows import Turns, compiled, run
from flowc.compiler.node import Context, Node, NodeError
from flowc.compiler.running.run_context import NodeFailed

pytestmark = pytest.mark.usefixtures("granularity")


def template(id: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "template", "config": {"template": text}, **more}


def fail(id: str = "pay", code: str = "card-refused", **more: Any) -> dict[str, Any]:
    config = {"message": "The card was refused.", "code": code}
    return {"id": id, "type": "fail", "config": config, **more}


def body(*nodes: Any, edges: Any = ()) -> dict[str, Any]:
    return {"nodes": list(nodes), "edges": list(edges)}


def tried(*nodes: Any, retry: Any = None, timeout: Any = None, **config: Any) -> dict[str, Any]:
    options = {"retry": retry, "timeout": timeout}
    given = {name: value for name, value in options.items() if value is not None}
    return {"id": "safe", "type": "try", "config": {"body": body(*nodes), **config}, **given}


def note(name: str, value: Any) -> dict[str, Any]:
    return {"id": f"set_{name}", "type": "set", "config": {"variables": {name: value}}}


async def test_a_body_that_succeeds_gives_its_output() -> None:
    node = tried(template("hi", "Hello"), catch=body(template("sorry", "Sorry")))
    ran = await run({"nodes": [node]})
    assert ran.output == {"result": {"text": "Hello"}, "error": None, "repairs": 0}
    assert "sorry" not in ran.times()


async def test_a_failure_is_caught_with_what_is_known_of_it() -> None:
    text = "{{error.node}} {{error.code}} {{error.message}} {{error.attempts}}"
    ran = await run({"nodes": [tried(fail(), catch=body(template("sorry", text)))]})
    assert ran.output["result"] == {"text": "pay card-refused The card was refused. 1"}
    assert ran.output["error"] == {
        "node": "pay",
        "code": "card-refused",
        "message": "The card was refused.",
        "attempts": 1,
        "status": None,
        "body": None,
    }


async def test_nodes_after_it_read_result_and_error() -> None:
    after = template("after", "{{safe.output.error.code}}", depends_on=["safe"])
    ran = await run({"nodes": [tried(fail(), catch=body(template("sorry", "Sorry"))), after]})
    assert ran.output == {"text": "card-refused"}


async def test_what_no_catch_handles_fails_the_node_as_its_own_node_did() -> None:
    with pytest.raises(NodeFailed) as caught:
        await run({"nodes": [tried(fail(), **{"finally": body(template("end", "x"))})]})
    assert (caught.value.code, caught.value.node_id) == ("card-refused", "pay")
    assert caught.value.at == ("nodes", 0, "config", "body", "nodes", 0)


@pytest.mark.parametrize(
    ("on", "is_caught"),
    [(["card-refused"], True), (["any"], True), (["timeout", "no-money"], False), ([404], False)],
)
async def test_a_catch_handles_the_failures_that_it_names(on: list[Any], is_caught: bool) -> None:
    node = tried(fail(), catch=body(template("sorry", "Sorry")), catch_on=on)
    if is_caught:
        assert (await run({"nodes": [node]})).output["error"]["code"] == "card-refused"
    else:
        with pytest.raises(NodeFailed, match="refused"):
            await run({"nodes": [node]})


async def test_a_catch_handles_a_failure_only_if_its_condition_holds() -> None:
    handled = body(template("sorry", "Sorry"))
    node = tried(fail(), catch=handled, catch_when="{{error.message}} is not defined")
    with pytest.raises(NodeFailed, match="refused"):
        await run({"nodes": [node]})
    node = tried(fail(), catch=handled, catch_when="'refused' in error.message")
    assert (await run({"nodes": [node]})).output["result"] == {"text": "Sorry"}


async def test_a_catch_can_raise_the_failure_again() -> None:
    again = {"message": "Again: {{error.message}}", "code": "{{error.code}}"}
    node = tried(fail(), catch=body({"id": "again", "type": "fail", "config": again}))
    with pytest.raises(NodeFailed, match=r"Again: The card was refused\.") as caught:
        await run({"nodes": [node]})
    assert (caught.value.code, caught.value.node_id) == ("card-refused", "again")


@pytest.mark.parametrize("fails", [False, True])
async def test_finally_runs_in_any_case_and_reads_the_failure(fails: bool) -> None:
    last = body(note("end", "{{error.code|default('well')}}"))
    first = fail() if fails else template("hi", "Hello")
    node = tried(first, catch=body(template("sorry", "x")), **{"finally": last})
    after = template("after", "{{variables.end}}", depends_on=["safe"])
    ran = await run({"variables": {"end": ""}, "nodes": [node, after]})
    assert ran.output == {"text": "card-refused" if fails else "well"}


async def test_a_failing_finally_fails_the_node_but_hides_no_failure() -> None:
    last = {"finally": body(fail("end", "end-failed"))}
    with pytest.raises(NodeFailed) as caught:
        await run({"nodes": [tried(template("hi", "x"), **last)]})
    assert caught.value.code == "end-failed"
    with pytest.raises(NodeFailed) as caught:
        await run({"nodes": [tried(fail(), **last)]})
    assert caught.value.code == "card-refused"


async def test_catch_and_finally_read_the_variables_that_the_body_has_set() -> None:
    locked = [note("lock", "L7"), fail(depends_on=["set_lock"])]
    free = {"finally": body(note("freed", "{{variables.lock}}"))}
    node = tried(*locked, catch=body(template("sorry", "{{variables.lock}}")), **free)
    after = template("after", "{{variables.freed}} {{variables.lock}}", depends_on=["safe"])
    workflow = {"variables": {"lock": "", "freed": ""}, "nodes": [node, after]}
    ran = await run(workflow)
    assert ran.output == {"text": "L7 L7"}


REPAIRED = {
    "variables": {"city": "Pariss"},
    "nodes": [
        tried(
            {
                "id": "known",
                "type": "conditional",
                "config": {
                    "condition": "{{variables.city}} == 'Paris'",
                    "true_edge": "go",
                    "false_edge": "pay",
                },
            },
            template("go", "To {{variables.city}}, after {{error.code|default('nothing')}}"),
            fail(),
            catch=body(note("city", "Paris")),
            retry_if="error.code == 'card-refused'",
        )
    ],
}


async def test_a_catch_repairs_what_the_body_reads_and_has_it_run_again() -> None:
    ran = await run(REPAIRED)
    assert ran.output["result"] == {"text": "To Paris, after card-refused"}
    assert ran.output["repairs"] == 1
    assert ran.output["error"]["code"] == "card-refused"


async def test_a_body_that_cannot_be_repaired_fails_with_its_own_failure() -> None:
    node = tried(
        fail(), catch=body(template("sorry", "yes")), retry_if="result.text", max_repairs=2
    )
    node["config"]["retry_if"] = "result.text == 'yes'"
    with pytest.raises(NodeFailed, match="refused"):
        await run({"nodes": [node]})
    turns = Turns()
    node["config"]["body"]["nodes"].insert(0, {"id": "count", "type": "note"})
    node["config"]["body"]["nodes"][1]["depends_on"] = ["count"]
    with pytest.raises(NodeFailed, match="refused"):
        await run(compiled({"nodes": [node]}), services={Turns: turns})
    assert turns["count"] == 3


class Shaky(Node):
    """Fail a number of times, then succeed."""

    type: ClassVar = "shaky"
    failures: int = 1
    code: str = "not-now"
    details: dict[str, Any] = Field(default_factory=dict)

    async def run(self, context: Context) -> int:
        turns = context.service(Turns)
        turns[context.node_id] += 1
        if turns[context.node_id] <= self.failures:
            raise NodeError(self.code, "not now", kind="timeout", details=self.details)
        return turns[context.node_id]


async def shaky(node: Any, **more: Any) -> tuple[Any, Turns]:
    turns = Turns()
    ran = await run(compiled({"nodes": [node], **more}, Shaky), services={Turns: turns})
    return ran.output, turns


AT_ONCE = {"max_attempts": 4, "initial_delay": 0.001, "jitter": False}


async def test_retry_repeats_the_whole_body_before_the_catch() -> None:
    inner = [
        {"id": "count", "type": "note"},
        {"id": "shaky", "type": "shaky", "config": {"failures": 2}, "depends_on": ["count"]},
    ]
    node = tried(*inner, catch=body(template("sorry", "Sorry")), retry=AT_ONCE)
    output, turns = await shaky(node)
    assert output == {"result": 3, "error": None, "repairs": 0}
    assert turns["count"] == 3


async def test_retry_of_the_body_can_be_for_some_failures_only() -> None:
    inner = {"id": "shaky", "type": "shaky", "config": {"failures": 1}}
    node = tried(inner, retry={**AT_ONCE, "on": ["other"]}, catch=body(template("sorry", "x")))
    output, turns = await shaky(node)
    assert (output["error"]["code"], turns["shaky"]) == ("not-now", 1)
    for on in (["not-now"], ["timeout"]):
        node["retry"]["on"] = on
        output, turns = await shaky(node)
        assert (output["result"], turns["shaky"]) == (2, 2)


async def test_the_timeout_of_a_try_is_that_of_its_body_and_can_be_caught() -> None:
    slow = {"id": "nap", "type": "wait", "config": {"for": "1h"}}
    node = tried(slow, timeout=0.01, catch=body(template("sorry", "{{error.code}}")))
    ran = await run({"nodes": [node]})
    assert ran.output["result"] == {"text": "timeout"}


async def test_defaults_of_the_workflow_retry_the_nodes_and_not_the_try() -> None:
    inner = {"id": "shaky", "type": "shaky", "config": {"failures": 9}}
    node = tried({"id": "count", "type": "note"}, inner, catch=body(template("sorry", "x")))
    settings = {"retry": {**AT_ONCE, "max_attempts": 2}}
    output, turns = await shaky(node, settings=settings)
    assert (turns["count"], turns["shaky"]) == (1, 2)
    assert output["error"]["attempts"] == 2


async def test_details_of_a_failure_can_be_read_and_chosen() -> None:
    config = {"failures": 1, "code": "http-status", "details": {"status": 503, "body": "later"}}
    inner = {"id": "shaky", "type": "shaky", "config": config}
    text = "{{error.status}} {{error.body}}"
    node = tried(inner, catch=body(template("sorry", text)), catch_on=["5xx"])
    output, _ = await shaky(node)
    assert output["result"] == {"text": "503 later"}


async def test_a_try_in_a_map_handles_the_failures_of_its_item() -> None:
    refuse = {
        "id": "odd",
        "type": "conditional",
        "config": {"condition": "item % 2 == 1", "true_edge": "pay", "false_edge": "fine"},
    }
    node = tried(refuse, fail(), template("fine", "{{item}}"), catch=body(template("no", "-")))
    config = {"items": [1, 2, 3], "body": body(node)}
    ran = await run({"nodes": [{"id": "each", "type": "map", "config": config}]})
    assert [each["result"]["text"] for each in ran.output["results"]] == ["-", "2", "-"]


async def test_tries_nest_and_the_nearest_error_is_read() -> None:
    inner = tried(fail("b", "inner"), catch=body(template("see", "{{error.code}}")))
    inner["id"] = "within"
    node = tried(fail("a", "outer"), catch=body(inner, template("out", "x", depends_on=["within"])))
    node["config"]["catch"]["nodes"][1]["config"]["template"] = (
        "{{within.output.result.text}} in {{error.code}}"
    )
    ran = await run({"nodes": [node]})
    assert ran.output["result"] == {"text": "inner in outer"}


async def test_a_try_in_the_steps_form_and_with_steps_inside() -> None:
    steps = {"steps": {"pay": {"type": "fail", "input": {"message": "no"}}}}
    sorry = {"steps": {"sorry": {"type": "template", "input": {"template": "{{error.message}}"}}}}
    workflow = {"steps": {"safe": {"type": "try", "input": {"body": steps, "catch": sorry}}}}
    assert (await run(workflow)).output["result"] == {"text": "no"}


async def test_a_node_may_be_called_as_a_part_is() -> None:
    before = {**template("body", "outside"), "type": "template"}
    inner = template("x", "{{body.output.text}}")
    node = {**tried(inner, catch=body(template("catch", "c"))), "depends_on": ["body"]}
    ran = await run({"nodes": [before, node]})
    assert ran.output["result"] == {"text": "outside"}
