"""The steps form: what a step with several dependencies reads, and the short forms of options."""

import json
from typing import Any

import pytest

from fakes.flows import Turns, compiled, registry, run
from flowc.compiler import Context, Node, NodeError, NodeFailed
from flowc.compiler.check import check_workflow
from flowc.compiler.reading.documents import from_data
from flowc.nodes.services.models import Models

pytestmark = pytest.mark.usefixtures("granularity")


def given(data: dict[str, Any], *after: str) -> dict[str, Any]:
    return {"type": "input", "input": {"data": data}, "depends_on": list(after)}


def computed(value: str) -> dict[str, Any]:
    return {"type": "process", "input": {"expression": value}}


MERGED: list[tuple[dict[str, Any], Any]] = [
    ({"a": given({"x": 1}), "b": given({"y": 2})}, {"x": 1, "y": 2}),
    ({"b": given({"x": 1}), "a": given({"x": 2})}, {"x": 1}),  # the order of `depends_on` counts
    ({"a": computed("[1, 2]"), "b": computed("[3]")}, [1, 2, 3]),
    ({"a": given({"x": 1}), "b": computed("'text'")}, {"x": 1, "b": "text"}),
    ({"a": computed("1"), "b": computed("2")}, {"a": 1, "b": 2}),
    ({"a": given({"x": 1}), "b": computed("[1]")}, {"x": 1, "b": [1]}),
    ({"a": given({"x": {"p": 1}}), "b": given({"x": {"q": 2}})}, {"x": {"q": 2}}),
]


@pytest.mark.parametrize(("sources", "expected"), MERGED)
async def test_a_process_step_with_two_dependencies_reads_the_merged_object(
    sources: dict[str, Any], expected: Any
) -> None:
    steps = {**sources, "both": {"type": "process", "depends_on": ["a", "b"]}}
    assert (await run({"steps": steps})).output == expected


async def test_an_ai_step_with_two_dependencies_reads_the_merged_object() -> None:
    ask = {"type": "ai", "input": {"prompt": "Sum: "}, "depends_on": ["a", "b", "c"]}
    steps = {"a": given({"x": 1}), "b": given({"y": [2]}), "c": computed("3"), "ask": ask}
    ran = await run({"steps": steps}, services={Models: Models()})
    assert json.loads(ran.output["text"].removeprefix("Sum: ")) == {"x": 1, "y": [2], "c": 3}


async def test_only_the_steps_that_ran_are_merged() -> None:
    size = {"condition": "{{input.n}} > 1", "true_edge": "a", "false_edge": "b"}
    steps = {
        "n": {"type": "input"},
        "size": {"type": "conditional", "input": size, "depends_on": ["n"]},
        "a": {"type": "process", "input": {"data": {"x": 1}}, "depends_on": ["size"]},
        "b": {"type": "process", "input": {"data": {"x": 2}}, "depends_on": ["size"]},
        "c": {"type": "process", "depends_on": ["a", "b"]},
    }
    del steps["a"]["depends_on"], steps["b"]["depends_on"]
    workflow = compiled({"steps": steps})
    assert (await run(workflow, {"n": 5})).output == {"x": 1}
    assert (await run(workflow, {"n": 0})).output == {"x": 2}
    # One of the two runs: nothing is lost.
    assert workflow.diagnostics == ()


async def test_the_nodes_form_keys_the_outputs_by_node_unless_it_says_otherwise() -> None:
    def workflow(**options: str) -> dict[str, Any]:
        join = {"id": "j", "type": "process", "depends_on": ["a", "b"], **options}
        ends = [
            {"id": "a", "type": "start", "config": {"data": {"x": 1}}},
            {"id": "b", "type": "start", "config": {"data": {"y": 2}}},
        ]
        return {"nodes": [*ends, join]}

    assert (await run(workflow())).output == {"a": {"x": 1}, "b": {"y": 2}}
    assert (await run(workflow(merge="fields"))).output == {"x": 1, "y": 2}
    assert (await run(workflow(merge="keyed"))).output == {"a": {"x": 1}, "b": {"y": 2}}


COLLIDING: list[tuple[dict[str, Any], str | None]] = [
    ({"a": given({"x": 1}), "b": given({"x": 2})}, "'x'"),
    ({"a": given({"x": 1}), "b": given({"y": 2})}, None),
    ({"s": given({"x": 1}), "a": {"type": "process", "depends_on": ["s"]}, "b": given({"x": 2})}, "'x'"),
    ({"a": {"type": "template", "input": {"template": "a"}}, "b": {"type": "template", "input": {"template": "b"}}}, "'text'"),
    (
        {
            "s": given({"x": 1}),
            "a": {"type": "process", "input": {"rules": [{"type": "rename", "field": "x", "to": "z"}]}, "depends_on": ["s"]},
            "b": given({"x": 2}),
        },
        None,
    ),
    (
        {
            "a": {"type": "process", "input": {"data": {}, "rules": [{"type": "set", "field": "k.n", "value": 1}]}},
            "b": {"type": "process", "input": {"data": {}, "expressions": {"k": "1"}}},
        },
        "'k'",
    ),
    (
        {
            "s": given({"x": 1, "y": 1}),
            "a": {"type": "process", "input": {"rules": [{"type": "select", "fields": ["y"]}]}, "depends_on": ["s"]},
            "b": {"type": "process", "input": {"rules": [{"type": "remove", "fields": ["y"]}]}, "depends_on": ["s"]},
        },
        None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("sources", "field"), COLLIDING)
def test_fields_that_collide_are_a_warning(sources: dict[str, Any], field: str | None) -> None:
    def warnings(**options: str) -> list[Any]:
        join = {"type": "process", "depends_on": ["a", "b"], **options}
        found = check_workflow(from_data({"steps": {**sources, "j": join}}), registry())
        return [each for each in found if each.code == "fields-collide"]

    found = warnings()
    assert len(found) == (field is not None)
    if field is not None:
        assert f"both output {field}" in found[0].message
        assert found[0].severity == "warning"
        assert found[0].hint is not None and "merge: keyed" in found[0].hint
        assert found[0].at.pointer == "/steps/j"
    assert warnings(merge="keyed") == []


class Flaky(Node):
    """Fail until the third attempt."""

    type = "flaky"

    async def run(self, context: Context) -> int:
        turns = context.service(Turns)
        turns[context.node_id] += 1
        if turns[context.node_id] < 3:
            raise NodeError("not-yet", "Not yet.")
        return turns[context.node_id]


@pytest.mark.parametrize("form", ["steps", "nodes"])
async def test_max_retries_retries_any_failure(form: str) -> None:
    def workflow(**options: Any) -> Any:
        step = {"type": "flaky", "retry_delay": 0.001, **options}
        return {"steps": {"a": step}} if form == "steps" else {"nodes": [{"id": "a", **step}]}

    assert (await run(compiled(workflow(max_retries=2), Flaky))).output == 3
    with pytest.raises(NodeFailed, match="Not yet"):
        await run(compiled(workflow(max_retries=1), Flaky))


def test_the_short_forms_are_the_options_they_stand_for() -> None:
    options = {"max_retries": 3, "retry_delay": "2s", "timeout_seconds": 90}
    node = compiled({"steps": {"a": {"type": "note", **options}}}).plan.nodes["a"]
    retry = node.retry
    assert (retry.max_attempts, retry.initial_delay, retry.max_delay) == (4, 2, 2)
    assert (retry.backoff, retry.jitter, retry.on) == (1, False, ("any",))
    assert node.timeout == 90
    longer = compiled({"steps": {"a": {"type": "note", "max_retries": 0}}})
    assert longer.plan.nodes["a"].retry.max_attempts == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_retries": 2, "retry": {"max_attempts": 2}}, "can have `retry` or `max_retries`, not both"),
        ({"retry_delay": 2}, "`retry_delay` needs `max_retries`"),
        ({"timeout": 2, "timeout_seconds": 2}, "can have `timeout` or `timeout_seconds`, not both"),
        ({"max_retries": -1}, "'max_retries'"),
        ({"timeout_seconds": 0}, "'timeout_seconds'"),
        ({"merge": "deep"}, "'merge'"),
    ],
)  # fmt: skip
def test_short_forms_that_do_not_fit_are_refused(options: Any, message: str) -> None:
    step = {"type": "note", **options}
    for definition in ({"steps": {"a": step}}, {"nodes": [{"id": "a", **step}]}):
        found = check_workflow(from_data(definition), registry())
        assert [each.code for each in found] == ["invalid-value"]
        assert message in found[0].message
        assert found[0].hint
