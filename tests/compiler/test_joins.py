"""Nodes run as often as the rule in `fakes/reference_interpreter.py` says, on random graphs."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from fakes.edge_notation import Choices, chooser, definition_of, parse
from fakes.flows import compiled, run
from fakes.random_flows import acyclic_flows
from fakes.reference_interpreter import Flow, expected_runs

pytestmark = pytest.mark.usefixtures("granularity")

# name: edges; what branching nodes take, turn by turn (others take all); nodes that join `all`.
# A branching node's entry lists the targets it takes each time it runs; the last entry stays.
TABLE: dict[str, tuple[str, dict[str, list[str]], str]] = {
    "one node": ("a", {}, ""),
    "chain": ("a>b b>c", {}, ""),
    "two entries": ("a>c b>c", {}, ""),
    "fan out": ("a>b a>c a>d", {}, ""),
    "diamond": ("a>b a>c b>d c>d", {}, ""),
    "diamond, all": ("a>b a>c b>d c>d", {}, "d"),
    "diamond, left only": ("a>b a>c b>d c>d", {"a": ["b"]}, ""),
    "diamond, right only": ("a>b a>c b>d c>d", {"a": ["c"]}, ""),
    "diamond, left only, all": ("a>b a>c b>d c>d d>e", {"a": ["b"]}, "d"),
    "diamond, neither": ("a>b a>c b>d c>d d>e", {"a": [""]}, ""),
    "unequal depths": ("a>b b>c c>d a>d", {}, ""),
    "unequal depths, long side first": ("a>d a>b b>c c>d", {}, ""),
    "unequal depths, short side dead": ("a>b b>c c>d a>d", {"a": ["b"]}, ""),
    "unequal depths, long side dead": ("a>b b>c c>d a>d", {"a": ["d"]}, ""),
    "unequal depths, all, one dead": ("a>b b>c c>d a>d d>e", {"a": ["d"]}, "d"),
    "skipped branch, then a join": ("s>r r>x r>y x>j y>j j>z", {"r": ["x"]}, ""),
    "skipped branch of two": ("s>r r>x r>y y>y2 y2>j x>j", {"r": ["x"]}, ""),
    "branch to a join directly": ("r>j r>x x>j j>k", {"r": ["j"]}, ""),
    "branch to a join directly, dead": ("r>j r>x x>j j>k", {"r": ["x"]}, ""),
    "nested branches, left left": ("r>a r>b a>a1 a>a2 a1>j a2>j b>j", {"r": ["a"], "a": ["a1"]}, ""),
    "nested branches, left right": ("r>a r>b a>a1 a>a2 a1>j a2>j b>j", {"r": ["a"], "a": ["a2"]}, ""),
    "nested branches, right": ("r>a r>b a>a1 a>a2 a1>j a2>j b>j", {"r": ["b"], "a": ["a1"]}, ""),
    "nested branches, inner join": (
        "r>a r>b a>a1 a>a2 a1>i a2>i i>j b>j", {"r": ["a"], "a": ["a2"]}, ""),
    "nested branches, inner join dead": (
        "r>a r>b a>a1 a>a2 a1>i a2>i i>j b>j", {"r": ["b"], "a": ["a2"]}, ""),
    "two joins in a row": ("a>b a>c b>j c>j j>k c>k", {}, ""),
    "two joins in a row, first dead": ("a>b a>c a>d b>j c>j j>k d>k", {"a": ["d"]}, ""),
    "two joins in a row, all": ("a>b a>c b>j c>j j>k c>k", {"a": ["c"]}, "k"),
    "two joins in a row, all of them": ("a>b a>c b>j c>j j>k c>k", {"a": ["c"]}, "j k"),
    "join of a join": ("a>b a>c b>j c>j a>d j>k d>k k>e", {}, ""),
    "join of a join, one side dead": ("a>b a>c b>j c>j a>d j>k d>k k>e", {"a": ["b", "c"]}, ""),
    "join of a join, outer all": ("a>b a>c b>j c>j a>d j>k d>k k>e", {"a": ["b"]}, "k"),
    "join of three": ("a>b a>c a>d b>j c>j d>j", {"a": ["b d"]}, ""),
    "join of three, all": ("a>b a>c a>d b>j c>j d>j j>k", {"a": ["b d"]}, "j"),
    "join of strangers": ("a>b c>d d>e e>f b>j f>j", {}, ""),
    "unrelated branch is not waited for": ("a>b a>c b>j c>j x>y y>z", {}, ""),
    "early exit": ("a>r r>b r>out b>c c>d", {"r": ["out"]}, ""),
    "early exit not taken": ("a>r r>b r>out b>c c>d", {"r": ["b"]}, ""),
    "early exit past a join": ("a>r a>x r>b r>out b>j x>j j>z", {"r": ["out"]}, ""),
    "early exit past a join, all": ("a>r a>x r>b r>out b>j x>j j>z", {"r": ["out"]}, "j"),
    "zigzag": ("a>b a>c b>d c>d c>e d>f e>f e>g f>h g>h", {"c": ["e"]}, ""),
    "dead entry of a chain of joins": ("r>a r>b a>j b>j j>k b>k k>l j>l", {"r": [""]}, ""),
    "two branching nodes meet": ("a>p a>q p>x p>y q>y q>z x>j y>j z>j", {"p": ["x"], "q": ["z"]}, ""),
    "two branching nodes meet, all": (
        "a>p a>q p>x p>y q>y q>z x>j y>j z>j", {"p": ["y"], "q": ["y"]}, "y"),
    "back edge, no turn": ("a>b b>c c>b c>d", {"c": ["d"]}, ""),
    "back edge, one turn": ("a>b b>c c>b c>d", {"c": ["b", "d"]}, ""),
    "back edge, three turns": ("a>b b>c c>b c>d", {"c": ["b", "b", "b", "d"]}, ""),
    "back edge to itself": ("a>b b>b b>c", {"b": ["b", "b", "c"]}, ""),
    "back edge to the node after the first": ("s>a a>b b>a b>c", {"b": ["a", "c"]}, ""),
    "loop with a diamond in it": (
        "a>b b>x b>y x>j y>j j>b j>d", {"j": ["b", "b", "d"]}, ""),
    "loop with a branch in it": (
        "a>b b>x b>y x>j y>j j>b j>d", {"b": ["x", "y", "x"], "j": ["b", "b", "d"]}, ""),
    "loop with an all-join in it": (
        "a>b b>x b>y x>j y>j j>b j>d j>e", {"j": ["b", "d e"]}, "j"),
    "loop after a join": ("a>x a>y x>b y>b b>c c>b c>d", {"a": ["x"], "c": ["b", "d"]}, ""),
    "loop before a join": ("a>b a>y b>c c>b c>j y>j j>k", {"c": ["b", "b", "j"]}, ""),
    "loop before an all-join": ("a>b a>y b>c c>b c>j y>j j>k", {"c": ["b", "b", "j"]}, "j"),
    "loop never entered": ("a>r r>b r>z b>c c>b c>d d>j z>j", {"r": ["z"], "c": ["d"]}, ""),
    "loop in a loop": (
        "a>b b>c c>d d>c d>e e>b e>f", {"d": ["c", "e", "e"], "e": ["b", "f"]}, ""),
    "two exits": ("a>b b>c b>x c>b c>y", {"b": ["c", "x"], "c": ["b"]}, ""),
    "two exits, the other": ("a>b b>c b>x c>b c>y x>j y>j", {"b": ["c"], "c": ["b", "y"]}, ""),
    "two exits to one join": (
        "a>b b>c b>x c>b c>y x>j y>j j>k", {"b": ["c", "c", "x"], "c": ["b"]}, ""),
    "two ways round": ("a>b b>c b>d c>b d>b d>e", {"b": ["c", "d", "d"], "d": ["b", "e"]}, ""),
    "exit on every turn": ("a>b b>c b>n c>b c>d", {"c": ["b", "b", "d"]}, ""),
    "loop skipped inside": ("a>r r>b r>c b>b b>j c>j", {"r": ["c"], "b": ["j"]}, ""),
}  # fmt: skip


async def actual_runs(flow: Flow, choices: Choices) -> Counter[str]:
    ran = await run(compiled(definition_of(flow, choices)))
    return ran.times()


@pytest.mark.parametrize("name", TABLE)
async def test_the_same_nodes_run_as_often_as_by_the_rule(name: str) -> None:
    flow, choices = parse(TABLE[name])
    expected = expected_runs(flow, chooser(flow, choices))
    assert await actual_runs(flow, choices) == +expected


def test_the_table_has_at_least_forty_graphs() -> None:
    assert len(TABLE) >= 40


@given(acyclic_flows())
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_random_acyclic_graphs_run_by_the_rule_each_node_once(
    case: tuple[Flow, Choices],
) -> None:
    flow, choices = case
    expected = +expected_runs(flow, chooser(flow, choices))
    assert set(expected.values()) <= {1}
    assert await actual_runs(flow, choices) == expected


async def test_each_skipped_node_has_one_skipped_event() -> None:
    flow, choices = parse(TABLE["nested branches, inner join dead"])
    ran = await run(compiled(definition_of(flow, choices)))
    assert ran.times("node.skipped") == Counter({"a": 1, "a1": 1, "a2": 1, "i": 1})
