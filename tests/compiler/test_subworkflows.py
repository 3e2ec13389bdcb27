"""Stored workflows used by other workflows: found, checked, pinned, and held to their schemas."""

from typing import Any

import pytest

from fakes.flows import registry, run, with_library
from flowc.compiler.check import check_workflow
from flowc.compiler.diagnostics import Diagnostic
from flowc.compiler.reading.documents import from_data
from flowc.compiler.reading.library import Library
from flowc.compiler.running.run_context import NodeFailed

pytestmark = pytest.mark.usefixtures("granularity")


def node(id: str, workflow: Any, given: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "type": "subworkflow",
        "config": {"workflow": workflow, "input": given or {}, **more},
    }


def compute(id: str, expression: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "type": "transform",
        "config": {"data": None, "expression": expression},
        **more,
    }


DOUBLE = {
    "input": {"n": "integer"},
    "output": {"type": "integer"},
    "nodes": [compute("twice", "input.n * 2")],
}


def check(workflow: Any, *stored: tuple[str, str, Any], id: str | None = None) -> list[Diagnostic]:
    library = Library(with_library(*stored))
    return check_workflow(from_data(workflow), registry(), library, id)


def codes(workflow: Any, *stored: tuple[str, str, Any], id: str | None = None) -> list[str]:
    return [found.code for found in check(workflow, *stored, id=id)]


async def test_a_stored_workflow_runs_in_its_newest_version_or_in_the_one_named() -> None:
    ten = {**DOUBLE, "nodes": [compute("tenfold", "input.n * 10")]}
    stored = [("grow", "1", DOUBLE), ("grow", "2", ten)]
    workflow = {
        "nodes": [
            node("newest", "grow", {"n": "{{input.n}}"}),
            node("first", "grow", {"n": "{{input.n}}"}, version=1),
        ]
    }
    ran = await run(workflow, {"n": 3}, stored=stored)
    assert ran.output == {"newest": 30, "first": 6}


async def test_a_stored_workflow_runs_in_a_map_and_runs_others_itself() -> None:
    quad = {
        "nodes": [
            node("one", "grow", {"n": "{{input.n}}"}),
            node(
                "two",
                "grow",
                {"n": "{{one.output}}"},
            ),
        ],
        "edges": [{"source": "one", "target": "two"}],
    }
    each = {
        "id": "each",
        "type": "map",
        "config": {"items": [1, 2, 3], "body": {"nodes": [node("q", "quad", {"n": "{{item}}"})]}},
    }
    ran = await run({"nodes": [each]}, stored=[("grow", "1", DOUBLE), ("quad", "1", quad)])
    assert ran.output["results"] == [4, 8, 12]


async def test_its_fields_are_inferred_from_what_is_read_of_them_within_it() -> None:
    from flowc.nodes.services.models import Models

    inner = {
        "nodes": [
            {"id": "classify", "type": "llm", "config": {"prompt": "Classify: {{input.text}}"}},
            {
                "id": "say",
                "type": "template",
                "config": {"template": "{{classify.output.category}}"},
            },
        ],
        "edges": [{"source": "classify", "target": "say"}],
    }
    ran = await run(
        {"nodes": [node("sort", "sort", {"text": "hello"})]},
        services={Models: Models()},
        stored=[("sort", "1", inner)],
    )
    assert isinstance(ran.output["text"], str)


def test_a_workflow_that_is_not_there_is_a_mistake_with_its_place() -> None:
    [found] = check({"nodes": [node("a", "grwo")]}, ("grow", "1", DOUBLE))
    assert (found.code, found.at.pointer) == ("unknown-workflow", "/nodes/0/config/workflow")
    assert codes({"nodes": [node("a", "grow", {"n": 1}, version=7)]}, ("grow", "1", DOUBLE)) == [
        "unknown-workflow"
    ]


def test_recursion_is_refused_with_its_path() -> None:
    a, b = {"nodes": [node("x", "b")]}, {"nodes": [node("y", "a")]}
    found = check(a, ("a", "1", a), ("b", "1", b), id="a")
    assert [f.code for f in found] == ["broken-workflow"]
    assert "a → b → a" in found[0].message
    [inside] = check({"nodes": [node("z", "b")]}, ("a", "1", a), ("b", "1", b))
    assert "b → a → b" in inside.message


def test_recursion_through_a_body_is_refused_too() -> None:
    body = {"nodes": [node("again", "me")]}
    me = {"nodes": [{"id": "each", "type": "map", "config": {"items": [1], "body": body}}]}
    assert codes(me, id="me") == ["recursive-workflow"]


def test_a_workflow_used_twice_is_no_recursion_and_is_read_once() -> None:
    looked: list[str] = []
    inner = with_library(
        ("leaf", "1", {"nodes": [compute("x", "1")]}),
        *(
            (
                f"w{n}",
                "1",
                {
                    "nodes": [
                        node("l", f"w{n - 1}" if n else "leaf"),
                        node("r", f"w{n - 1}" if n else "leaf"),
                    ]
                },
            )
            for n in range(20)
        ),
    )

    def find(id: str, version: str | None) -> Any:
        looked.append(id)
        return inner(id, version)

    workflow = from_data({"nodes": [node("top", "w19")]})
    assert check_workflow(workflow, registry(), Library(find)) == []
    assert len(looked) == len(set(looked)) == 21


def test_inputs_are_checked_against_the_declaration_of_the_workflow() -> None:
    stored = ("grow", "1", DOUBLE)
    assert codes({"nodes": [node("a", "grow")]}, stored) == ["missing-input"]
    [found] = check({"nodes": [node("a", "grow", {"n": 1, "m": 2})]}, stored)
    assert (found.code, found.hint) == ("unknown-input", "Available: n.")


def test_a_stored_workflow_with_an_error_is_named() -> None:
    broken = {"nodes": [compute("x", "1 +")]}
    [found] = check({"nodes": [node("a", "bad")]}, ("bad", "1", broken))
    assert found.code == "broken-workflow"
    assert "'bad' cannot run: This expression is not valid" in found.message


async def test_a_failure_within_it_names_its_node_and_a_place_in_this_document() -> None:
    failing = {"nodes": [{"id": "no", "type": "fail", "config": {"message": "refused"}}]}
    with pytest.raises(NodeFailed) as caught:
        await run({"nodes": [node("a", "failing")]}, stored=[("failing", "1", failing)])
    assert (caught.value.node_id, caught.value.at) == ("no", ("nodes", 0))


async def test_input_and_output_are_held_to_their_schemas_when_it_runs() -> None:
    with pytest.raises(NodeFailed, match=r"input does not fit the sub-workflow: n: "):
        await run({"nodes": [node("a", "grow", {"n": "three"})]}, stored=[("grow", "1", DOUBLE)])
    wrong = {**DOUBLE, "output": {"type": "string"}}
    with pytest.raises(NodeFailed, match="output does not fit the sub-workflow"):
        await run({"nodes": [node("a", "grow", {"n": 3})]}, stored=[("grow", "1", wrong)])


async def test_bodies_and_inner_workflows_may_be_written_in_steps() -> None:
    steps = {
        "steps": {
            "one": {"type": "transform", "input": {"data": None, "expression": "item + 1"}},
            "two": {
                "type": "transform",
                "input": {"data": None, "expression": "one.output * 2"},
                "depends_on": ["one"],
            },
        }
    }
    ran = await run(
        {"nodes": [{"id": "each", "type": "map", "config": {"items": [1, 2], "body": steps}}]}
    )
    assert ran.output["results"] == [4, 6]
    inner = {
        "output": {"type": "integer"},
        "steps": {
            "one": {"type": "transform", "input": {"data": None, "expression": "input.n + 1"}}
        },
    }
    ran = await run({"nodes": [node("a", inner, {"n": 1})]})
    assert ran.output == 2


def test_the_hash_counts_the_workflows_that_are_used() -> None:
    from fakes.flows import compiled

    outer = {"nodes": [node("a", "grow", {"n": 1})]}
    ten = {**DOUBLE, "nodes": [compute("tenfold", "input.n * 10")]}
    one = compiled(outer, stored=[("grow", "1", DOUBLE)])
    two = compiled(outer, stored=[("grow", "1", DOUBLE), ("grow", "2", ten)])
    assert one.workflow.hash == two.workflow.hash
    assert one.hash != two.hash
