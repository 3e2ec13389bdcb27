"""What is proved of races before a run: enough edges, values that may be missing, and variables."""

from typing import Any

import pytest

from fakes.flows import registry
from flowc.compiler.check import check_workflow
from flowc.compiler.reading.documents import from_data


def found_in(
    nodes: list[Any], edges: list[str] | None = None, **more: Any
) -> list[tuple[str, str]]:
    pairs = [edge.split(">") for edge in edges or ()]
    drawn = [{"source": source, "target": target} for source, target in pairs]
    found = check_workflow(from_data({"nodes": nodes, "edges": drawn, **more}), registry())
    return [(each.code, each.message) for each in found if each.code != "unused-node"]


def note(id: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "note", "depends_on": list(after), **more}


def reads(id: str, template: str, *after: str, **more: Any) -> dict[str, Any]:
    config = {"template": template}
    return {"id": id, "type": "template", "config": config, "depends_on": list(after), **more}


TWO = [note("s"), note("a", "s"), note("b", "s")]
THREE = [*TWO, note("c", "s")]


@pytest.mark.parametrize("join", ["first", {"at_least": 1}])
def test_an_output_of_a_path_may_be_missing_at_the_join_and_after_it(join: Any) -> None:
    join_and_reader = [
        reads("j", "{{a.output}}", "a", "b", join=join),
        reads("k", "{{b.output}}", "j"),
    ]
    assert found_in([*TWO, *join_and_reader]) == [
        (
            "maybe-undefined",
            f"'{n}.output' may have no value: 'j' is decided without waiting for '{n}'.",
        )
        for n in "ab"
    ]


@pytest.mark.parametrize(
    "template",
    ["{{a.output|default('-')}}", "{{'a' if a is defined else 'b'}}", "{{s.output}}"],
)
def test_what_may_be_missing_is_read_with_a_default(template: str) -> None:
    assert found_in([*TWO, reads("j", template, "a", "b", join="first")]) == []


def test_a_path_is_waited_for_if_every_set_of_enough_edges_has_it() -> None:
    # `a` is before two of three edges, so two of them cannot be live without it.
    nodes = [note("s"), note("a", "s"), note("x", "a"), note("y", "a"), note("z", "s")]
    for count, expected in ((1, ["maybe-undefined"]), (2, []), (3, [])):
        join = reads("j", "{{a.output}}", "x", "y", "z", join={"at_least": count})
        assert [code for code, _ in found_in([*nodes, join])] == expected


def test_all_of_the_edges_are_waited_for_by_at_least_all() -> None:
    join = reads("j", "{{a.output}}{{b.output}}", "a", "b", join={"at_least": 2})
    assert found_in([*TWO, join]) == []


def test_branches_are_counted_too() -> None:
    nodes = [
        note("s"),
        {
            "id": "r", "type": "conditional", "depends_on": ["s"],
            "config": {"condition": "{{input.n}} > 1", "true_edge": "a", "false_edge": "b"},
        },
        note("a"), note("b"),
    ]  # fmt: skip
    both = found_in([*nodes, note("j", "a", "b", join={"at_least": 2})])
    assert [code for code, _ in both] == ["join-never-runs"]
    assert found_in([*nodes, note("j", "a", "b", join="first")]) == []


@pytest.mark.parametrize(
    ("join", "after", "expected"),
    [
        (
            {"at_least": 3},
            "ab",
            ("too-few-edges", "'j' needs 3 live edges, but 2 edges lead to it."),
        ),
        (
            {"at_least": 2},
            "a",
            ("too-few-edges", "'j' needs 2 live edges, but 1 edge leads to it."),
        ),
        ("first", "a", ("race-of-one", "Nothing races to 'j': one edge leads to it.")),
        ({"at_least": 1}, "a", ("race-of-one", "Nothing races to 'j': one edge leads to it.")),
    ],
)
def test_there_must_be_enough_edges(join: Any, after: str, expected: tuple[str, str]) -> None:
    assert found_in([*TWO, note("j", *after, join=join)]) == [expected]


def test_paths_of_a_race_must_not_set_the_same_variable() -> None:
    def sets(id: str, *after: str) -> dict[str, Any]:
        return {
            "id": id,
            "type": "set",
            "depends_on": list(after),
            "config": {"variables": {"v": 1}},
        }

    racing = [note("s"), sets("a", "s"), note("b", "s")]
    assert found_in([*racing, note("j", "a", "b", join="first"), sets("k", "j")]) == []
    # `a` is not cancelled, since `n` waits for it, and may set the variable after `k` has.
    still = [*racing, note("j", "a", "b", join="first"), note("n", "a"), sets("k", "j")]
    assert [code for code, _ in found_in(still)] == ["concurrent-writers"]


def test_granularity_node_makes_no_path_of_a_race_wait() -> None:
    nodes = [note("s"), note("a", "s"), note("a2", "a"), note("b", "s"), note("b2", "b")]
    race = [*nodes, note("j", "a2", "b2", join="first")]
    assert found_in(race, settings={"granularity": "node"}) == []
