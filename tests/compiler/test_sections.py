"""The sections of a workflow: closed, apart from each other, and only where steps make a difference."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fakes import flows
from fakes.edge_notation import Choices, chooser, definition_of, parse
from fakes.flows import compiled, registry
from fakes.moments import EVEN, UNEVEN, begun, lasting
from fakes.random_flows import nested_flows
from fakes.reference_interpreter import Flow, expected_runs
from fakes.virtual_time import in_virtual_time
from flowc.compiler.check import check_workflow
from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.planning.sections import sections_of
from flowc.compiler.reading.documents import from_data

RANDOM = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


def workflow_of(text: str, takes: dict[str, list[str]] | None = None) -> CompiledWorkflow:
    return compiled(definition_of(*parse((text, takes or {}, ""))))


def found_in(workflow: CompiledWorkflow) -> dict[str, str]:
    """Return the nodes of each section, by the section's name."""
    sections = sections_of(workflow.plan, "auto")
    return {section.name: " ".join(sorted(section.nodes)) for section in sections}


@pytest.mark.parametrize("name", EVEN)
def test_there_are_none_where_steps_make_no_difference(name: str) -> None:
    text, takes, *_ = EVEN[name]
    assert found_in(workflow_of(text, takes)) == {}


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "paths of unequal length": {"from a": "a b c e"},
        "nested forks": {"from a": "a b c d e f"},
        "fork without a join": {"from a": "a b c x y"},
        "several starts": {"from the beginning": "a b x y z"},
        "branch beside a slow path": {"from a": "a r slow x y z"},
        "a path that ends early": {"from a": "a b j out r x z"},
        "fork in a loop": {"from b": "b x x2 y"},
        "fork in a loop that turns at its start": {"from f": "f x x2 y"},
        "loop on a path of a fork": {"from a": "a b c y z"},
        "leaving a loop that goes on": {"from b": "b c d m n"},
        "sections one after the other": {"from a": "a b c e", "from d": "d k x y"},
    }.items(),
)
def test_one_goes_from_a_fork_to_where_its_paths_have_met(
    name: str, expected: dict[str, str]
) -> None:
    text, takes, *_ = UNEVEN[name]
    assert found_in(workflow_of(text, takes)) == expected


def test_one_that_another_edge_leads_into_begins_earlier() -> None:
    # Without the branch from `r` to `y`, it would begin at `f`.
    text = "s>r r>f r>y f>x x>x2 x2>j f>y y>j j>k"
    assert found_in(workflow_of(text, {"r": ["f"]})) == {"from r": "f r x x2 y"}


def test_nodes_that_may_wait_share_no_step_with_others() -> None:
    human = {"type": "human", "config": {"title": "?"}}
    each = {"type": "map", "config": {"items": [1], "body": {"nodes": [{"id": "ask", **human}]}}}
    for waiting in (human, each):
        nodes: list[dict[str, Any]] = [
            {"id": "a", "type": "note"},
            {"id": "b", **waiting, "depends_on": ["a"]},
            {"id": "c", "type": "note", "depends_on": ["a"]},
            {"id": "d", "type": "note", "depends_on": ["b", "c"]},
        ]
        assert found_in(compiled({"nodes": nodes})) == {"from a": "a b c"}


@st.composite
def any_edges(draw: st.DrawFn) -> list[tuple[str, str]]:
    names = [f"n{index}" for index in range(draw(st.integers(2, 9)))]
    name = st.sampled_from(names)
    return draw(st.lists(st.tuples(name, name), min_size=1, max_size=16, unique=True))


@given(any_edges(), st.data())
@RANDOM
def test_nothing_enters_one_but_at_its_start_and_all_that_leaves_goes_to_one_node(
    edges: list[tuple[str, str]], data: st.DataObject
) -> None:
    names = sorted({"n0", *(name for edge in edges for name in edge)})
    branching = [name for name in names if data.draw(st.booleans())]
    targets = {name: [b for a, b in edges if a == name] for name in names}
    choices = {name: [{b} for b in targets[name]] or [set()] for name in branching}
    flow = Flow(["s", *names], [("s", "n0"), *edges])
    try:
        workflow = compiled(definition_of(flow, choices))
    except DefinitionRefused:
        assume(False)
        return
    sections = sections_of(workflow.plan, "auto")
    assert max(Counter(n for s in sections for n in s.nodes).values(), default=1) == 1
    for section in sections:
        entering = {b for a, b in flow.edges if b in section.nodes and a not in section.nodes}
        leaving = {b for a, b in flow.edges if a in section.nodes and b not in section.nodes}
        assert entering <= set(section.entries)
        assert len(leaving) <= 1


@given(nested_flows())
@RANDOM
def test_nested_forks_and_loops_run_by_the_rule_and_when_all_is_one_region(
    case: tuple[Flow, Choices, dict[str, float]],
) -> None:
    flow, choices, seconds = case
    expected = +expected_runs(flow, chooser(flow, choices))
    found = {}
    for granularity in ("auto", "node", "fused"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(flows, "GRANULARITY", granularity)
            found[granularity] = in_virtual_time(begun(lasting(flow, choices, seconds)))
    counted = {g: Counter({n: len(t) for n, t in times.items()}) for g, times in found.items()}
    assert counted == dict.fromkeys(found, expected)
    assert found["auto"] == found["fused"]


def waits(text: str, granularity: str) -> list[str]:
    definition = definition_of(*parse((text, {}, "")))
    definition["settings"] = {"granularity": granularity}
    found = check_workflow(from_data(definition), registry())
    return [each.message for each in found if each.code == "needless-wait"]


def test_granularity_node_warns_of_one_needless_wait_in_each_section() -> None:
    text = UNEVEN["sections one after the other"][0]
    assert waits(text, "node") == [
        "'c' waits for 'e', which it does not depend on.",
        "'y' waits for 'k', which it does not depend on.",
    ]
    assert waits(text, "auto") == waits(text, "fused") == []


@pytest.mark.parametrize("name", EVEN)
def test_it_does_not_warn_where_steps_make_no_difference(name: str) -> None:
    text, takes, *_ = EVEN[name]
    definition = definition_of(*parse((text, takes, "")))
    definition["settings"] = {"granularity": "node", "max_turns": 9}
    assert check_workflow(from_data(definition), registry()) == []


def test_bodies_wait_for_nothing_without_need_at_any_granularity() -> None:
    body = definition_of(*parse((UNEVEN["nested forks"][0], {}, "")))
    each = {"id": "each", "type": "map", "config": {"items": [1], "body": body}}
    definition = {"nodes": [each], "settings": {"granularity": "node"}}
    assert check_workflow(from_data(definition), registry()) == []
