"""Variables that outlive a run: declared, set, and compared before they are set."""

from pathlib import Path
from typing import Any

import pytest

from fakes.flows import compiled, registry
from flowc.compiler.check import check_workflow
from flowc.compiler.guards import Guards
from flowc.compiler.node import LastingVariables
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.lasting import begun_variables
from flowc.compiler.running.run_context import NodeFailed, RunContext
from flowc.nodes.services.lasting import LocalVariables, MemoryVariables

pytestmark = pytest.mark.usefixtures("granularity")

COUNT = {"scope": "workflow", "type": "integer", "default": 0}
ADD = {"id": "add", "type": "set", "config": {"variables": {"count": "{{variables.count + 1}}"}}}


async def ran(
    definition: Any, lasting: LastingVariables | None, stored: Any = (), **given: Any
) -> dict[str, Any]:
    """Run a workflow, and return its state."""
    workflow = compiled(definition, stored=stored)
    context = RunContext(guards=Guards(), lasting=lasting)
    variables = await begun_variables(workflow.plan, context)
    state = workflow.initial_state(given, variables)
    found: dict[str, Any] = await workflow.graph.ainvoke(state, context=context)
    return found


def codes(definition: Any) -> list[str]:
    return [
        each.code
        for each in check_workflow(from_data(definition), registry())
        if each.severity == "error"
    ]


@pytest.mark.parametrize("scope", ["thread", "workflow", "user"])
async def test_a_run_begins_with_what_the_one_before_has_set(scope: str) -> None:
    lasting = MemoryVariables()
    definition = {"variables": {"count": {**COUNT, "scope": scope}}, "nodes": [ADD]}
    counts = [(await ran(definition, lasting))["variables"]["count"] for _ in range(3)]
    assert counts == [1, 2, 3]


async def test_a_variable_of_the_run_begins_with_its_default_each_time() -> None:
    lasting = MemoryVariables()
    for declared in (0, {**COUNT, "scope": "run"}):
        definition = {"variables": {"count": declared}, "nodes": [ADD]}
        counts = [(await ran(definition, lasting))["variables"]["count"] for _ in range(2)]
        assert counts == [1, 1]


async def test_the_scope_may_be_that_of_the_node_alone() -> None:
    config = {
        "scope": "user",
        "variables": {"names": "{{variables.names|default([]) + [input.name]}}"},
    }
    definition, lasting = (
        {"nodes": [{"id": "keep", "type": "set", "config": config}]},
        MemoryVariables(),
    )
    await ran(definition, lasting, name="Ada")
    assert (await ran(definition, lasting, name="Bea"))["outputs"]["keep"] == {
        "names": ["Ada", "Bea"]
    }


async def test_scopes_are_apart() -> None:
    lasting, own = MemoryVariables(), {"n": {"scope": "thread", "default": "none"}}
    put = {"id": "put", "type": "set", "config": {"variables": {"n": "{{input.n}}"}}}
    await ran({"variables": own, "nodes": [put]}, lasting, n=1)
    show = {"id": "show", "type": "template", "config": {"template": "{{variables.n}}"}}
    seen = await ran({"variables": {"n": {**own["n"], "scope": "user"}}, "nodes": [show]}, lasting)
    assert seen["outputs"]["show"] == {"text": "none"}


async def test_a_loop_and_a_map_set_variables_that_last() -> None:
    lasting = MemoryVariables()
    body = {"nodes": [ADD]}
    loop = {"id": "turns", "type": "loop", "config": {"for_each": [1, 2, 3], "body": body}}
    definition = {"variables": {"count": COUNT}, "nodes": [loop]}
    assert (await ran(definition, lasting))["variables"]["count"] == 3
    assert (await ran(definition, lasting))["variables"]["count"] == 6


async def test_a_stored_workflow_has_variables_of_its_own() -> None:
    lasting = MemoryVariables()
    counter = {"variables": {"count": COUNT}, "nodes": [ADD]}
    node = {"id": "inner", "type": "subworkflow", "config": {"workflow": "counter"}}
    stored = [("counter", "1", counter)]
    for expected in (1, 2):
        state = await ran({"nodes": [node]}, lasting, stored)
        assert state["outputs"]["inner"] == {"count": expected}
    assert await lasting.read("workflow", ["count"]) == {}


EXPECTING = {
    "variables": {"count": COUNT},
    "nodes": [
        {"id": "begin", "type": "start"},
        {"id": "add", "type": "set", "config": {
            "variables": {"count": "{{variables.count + 1}}"}, "expect": {"count": "{{variables.count}}"}}},
        {"id": "done", "type": "template", "config": {"template": "{{variables.count}}"}},
    ],
    "edges": [
        {"source": "begin", "target": "add"},
        {"source": "add", "target": "add", "branch": "changed", "max_turns": 5},
        {"source": "add", "target": "done", "branch": "set"},
    ],
}  # fmt: skip


class Interfering(MemoryVariables):
    """Let other runs change the variable before each of the first writes."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    async def write(self, *given: Any, **more: Any) -> Any:
        if self.left:
            self.left -= 1
            other = (await self.read("workflow", ["count"])).get("count", 0) + 10
            await super().write("workflow", {"count": other}, {}, defaults={}, id="other")
        return await super().write(*given, **more)


@pytest.mark.parametrize(("times", "count"), [(0, 1), (1, 11), (4, 41)])
async def test_compare_and_set_loses_no_write_of_another_run(times: int, count: int) -> None:
    lasting = Interfering(times)
    state = await ran(EXPECTING, lasting)
    assert state["outputs"]["done"] == {"text": str(count)}
    assert await lasting.read("workflow", ["count"]) == {"count": count}


async def test_what_changes_too_often_ends_with_the_bound_of_the_loop() -> None:
    with pytest.raises(NodeFailed) as failed:
        await ran(EXPECTING, Interfering(9))
    assert failed.value.code == "too-many-turns"


async def test_a_computed_value_of_another_type_fails_and_is_not_stored() -> None:
    lasting = MemoryVariables()
    node = {"id": "put", "type": "set", "config": {"variables": {"count": "{{input.n}}"}}}
    with pytest.raises(NodeFailed, match="does not fit the variable: count") as failed:
        await ran({"variables": {"count": COUNT}, "nodes": [node]}, lasting, n="many")
    assert failed.value.code == "variable-does-not-fit"
    assert await lasting.read("workflow", ["count"]) == {}


async def test_a_stored_value_that_fits_no_more_counts_as_not_stored() -> None:
    lasting = MemoryVariables()
    await lasting.write("workflow", {"count": "one"}, {}, defaults={}, id="1")
    assert (await ran({"variables": {"count": COUNT}, "nodes": [ADD]}, lasting))["variables"] == {
        "count": 1
    }


async def test_a_host_without_a_store_says_so() -> None:
    with pytest.raises(NodeFailed, match="stores no variables of a workflow"):
        await ran({"variables": {"count": COUNT}, "nodes": [ADD]}, None)


async def test_on_this_machine_they_are_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "data" / "variables.db"
    definition = {"variables": {"count": COUNT}, "nodes": [ADD]}
    for workflow, expected in (("a", 1), ("a", 2), ("b", 1)):
        state = await ran(definition, LocalVariables(file, workflow))
        assert state["variables"] == {"count": expected}
    written = await LocalVariables(file, "a").write(
        "workflow", {"count": 9}, {"count": 7}, defaults={}, id="x"
    )
    assert (written.is_stored, written.current) == (False, {"count": 2})


@pytest.mark.parametrize(
    ("variables", "config", "code"),
    [
        ({"n": {"scope": "thred"}}, {"variables": {"n": 1}}, "invalid-value"),
        ({"n": {"scope": "user", "type": "integer", "default": "x"}}, {"variables": {"n": 1}}, "variable-does-not-fit"),
        ({"n": {"scope": "user", "type": "integer"}}, {"variables": {"n": "one"}}, "variable-does-not-fit"),
        ({"n": {"scope": "user", "type": "intger"}}, {"variables": {"n": 1}}, "invalid-value"),
        ({"n": {"scope": "user"}}, {"scope": "thread", "variables": {"n": 1}}, "scope-differs"),
        ({"n": 1}, {"scope": "thread", "variables": {"n": 1}}, "scope-differs"),
        ({}, {"scope": "conversation", "variables": {"n": 1}}, "invalid-value"),
        ({"n": 1}, {"variables": {"n": 1}, "expect": {"n": 1}}, "needless-expect"),
        ({"n": {"scope": "user"}, "m": {"scope": "thread"}}, {"variables": {"n": 1}, "expect": {"n": 1, "m": 2}}, "needless-expect"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_before_the_run(variables: Any, config: Any, code: str) -> None:
    definition = {"variables": variables, "nodes": [{"id": "s", "type": "set", "config": config}]}
    found = [d for d in check_workflow(from_data(definition), registry()) if d.severity == "error"]
    assert [each.code for each in found] == [code]
    assert found[0].hint


def test_an_object_with_other_keys_is_an_initial_value() -> None:
    plan = compiled(
        {"variables": {"a": {"scope": "x", "n": 1}}, "nodes": [{"id": "s", "type": "start"}]}
    ).plan
    assert plan.lasting == {}
    assert codes({"variables": {"a": {"n": 1}}, "nodes": [{"id": "s", "type": "start"}]}) == []


@pytest.mark.parametrize(
    ("word", "meant"), [("conversation", "thread"), ("global", "workflow"), ("execution", "run")]
)
def test_other_tools_words_for_scopes_are_recognised(word: str, meant: str) -> None:
    own = {"id": "s", "type": "set", "config": {"scope": word, "variables": {"n": 1}}}
    for definition in (
        {"nodes": [own]},
        {"variables": {"n": {"scope": word}}, "nodes": [{"id": "s", "type": "start"}]},
    ):
        [problem] = check_workflow(from_data(definition), registry())
        assert problem.hint == f"Write {meant}."
