"""A loop through edges ends after as many turns as its closing edge allows."""

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from fakes.flows import Turns, compiled, registry, run
from flowc.compiler.check import check_workflow
from flowc.compiler.diagnostics import Diagnostic
from flowc.compiler.reading.documents import from_data, read_text
from flowc.compiler.running.run_context import NodeFailed, RunContext

pytestmark = pytest.mark.usefixtures("granularity")


def note(id: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "note", "depends_on": list(after), **more}


def pick(id: str, after: str, *script: str, **more: Any) -> dict[str, Any]:
    config = {"script": list(script), "names": sorted({*script, "back", "out"})}
    return {"id": id, "type": "pick", "depends_on": [after], "config": config, **more}


def edge(source: str, target: str, branch: str | None = None, **more: Any) -> dict[str, Any]:
    return {"source": source, "target": target, **({"branch": branch} if branch else {}), **more}


def looped(*script: str, **bound: Any) -> dict[str, Any]:
    """Return a loop of `work` and `again`, which takes the branches of the script."""
    nodes = [note("begin"), note("work", "begin"), pick("again", "work", *script), note("done")]
    return {
        "nodes": nodes,
        "edges": [edge("again", "work", "back", **bound), edge("again", "done", "out")],
    }


async def times(definition: dict[str, Any], **context: Any) -> tuple[str | None, dict[str, int]]:
    """Return the code of a run's failure, if it failed, and how often its nodes were at work."""
    turns = Turns()
    try:
        await run(definition, {}, {Turns: turns}, **context)
    except NodeFailed as failure:
        return failure.code, dict(turns)
    return None, dict(turns)


@pytest.mark.parametrize(("bound", "ran"), [(1, 1), (2, 2), (5, 5)])
async def test_an_edge_allows_as_many_turns_as_it_says(bound: int, ran: int) -> None:
    code, counted = await times(looped("back", max_turns=bound))
    assert (code, counted["work"], counted["again"]) == ("too-many-turns", ran, ran)
    assert "done" not in counted


async def test_a_loop_that_ends_in_its_last_turn_does_not_fail() -> None:
    code, counted = await times(looped("back", "back", "out", max_turns=3))
    assert (code, counted["work"], counted["done"]) == (None, 3, 1)


async def test_without_a_bound_a_loop_has_a_hundred_turns() -> None:
    code, counted = await times(looped("back"))
    assert (code, counted["work"]) == ("too-many-turns", 100)


async def test_the_settings_bound_all_loops_that_have_no_bound_of_their_own() -> None:
    code, counted = await times({**looped("back"), "settings": {"max_turns": 4}})
    assert (code, counted["work"]) == ("too-many-turns", 4)
    code, counted = await times({**looped("back", max_turns=2), "settings": {"max_turns": 4}})
    assert (code, counted["work"]) == ("too-many-turns", 2)


async def test_an_edge_that_repeats_the_target_of_a_branch_has_the_bound() -> None:
    definition = {
        "nodes": [
            {"id": "begin", "type": "start"},
            note("work", "begin"),
            {"id": "more", "type": "conditional", "depends_on": ["work"],
             "config": {"condition": "{{work.output}} > 0", "true_edge": "work", "false_edge": "done"}},
            {"id": "done", "type": "end"},
        ],
        "edges": [edge("more", "work", max_turns=3)],
    }  # fmt: skip
    code, counted = await times(definition)
    assert (code, counted["work"]) == ("too-many-turns", 3)


async def test_on_error_of_the_closing_node_decides_what_follows_the_last_turn() -> None:
    definition = looped("back", max_turns=2)
    definition["nodes"][2]["on_error"] = {"goto": "rescue"}
    definition["nodes"].append(
        {
            "id": "rescue",
            "type": "template",
            "config": {"template": "{{error.node}}: {{error.code}}"},
        }
    )
    ran = await run(definition)
    assert ran.output == {"text": "again: too-many-turns"}
    assert ran.times()["work"] == 2


async def test_a_failure_that_leads_back_is_bounded_too() -> None:
    definition = {
        "nodes": [
            {"id": "begin", "type": "start"},
            note("work", "begin"),
            {"id": "send", "type": "fail", "depends_on": ["work"], "on_error": {"goto": "work"},
             "config": {"message": "It is closed.", "code": "closed"}},
        ],
        "edges": [edge("send", "work", "error", max_turns=3)],
    }  # fmt: skip
    with pytest.raises(NodeFailed, match=r"within 3 turns\. The last failure was: It is closed\."):
        await run(definition)


async def test_the_turns_of_an_inner_loop_count_from_one_in_each_turn_of_the_outer_one() -> None:
    script = ["back", "back", "up"] * 3 + ["out"]
    nodes = [note("begin"), note("outer", "begin"), note("inner", "outer"), pick("again", "inner", *script), note("done")]  # fmt: skip
    edges = [
        edge("again", "inner", "back", max_turns=3),
        edge("again", "outer", "up", max_turns=4),
        edge("again", "done", "out"),
    ]
    definition = {"nodes": nodes, "edges": edges}
    code, counted = await times(definition)
    assert (code, counted["outer"], counted["inner"], counted["done"]) == (None, 4, 10, 1)
    edges[0]["max_turns"] = 2
    assert (await times(definition))[0] == "too-many-turns"
    edges[0]["max_turns"], edges[1]["max_turns"] = 3, 3
    code, counted = await times(definition)
    assert (code, counted["outer"]) == ("too-many-turns", 3)


async def test_each_of_two_edges_that_close_a_loop_counts_for_itself() -> None:
    nodes = [
        note("begin"), note("work", "begin"),
        pick("check", "work", "back", "ok", "back", "ok"),
        pick("more", "check", "out", "back", "out"), note("done"),
    ]  # fmt: skip
    nodes[3]["depends_on"] = []
    edges = [
        edge("check", "work", "back", max_turns=3), edge("check", "more", "ok"),
        edge("more", "work", "back", max_turns=2), edge("more", "done", "out"),
    ]  # fmt: skip
    nodes[3]["config"]["script"] = ["back", "out"]
    code, counted = await times({"nodes": nodes, "edges": edges})
    assert (code, counted["work"], counted["done"]) == (None, 4, 1)
    edges[0]["max_turns"] = 2
    assert (await times({"nodes": nodes, "edges": edges}))[0] == "too-many-turns"


async def test_a_loop_with_paths_beside_each_other_is_bounded() -> None:
    nodes = [
        note("begin"), note("work", "begin"), note("left", "work"), note("slow", "left"),
        note("right", "work"), pick("again", "slow", "back"), note("done"), note("aside", "right"),
    ]  # fmt: skip
    nodes[5]["depends_on"] = ["slow", "right"]
    edges = [edge("again", "work", "back", max_turns=4), edge("again", "done", "out")]
    code, counted = await times({"nodes": nodes, "edges": edges})
    assert (code, counted["work"], counted["again"]) == ("too-many-turns", 4, 4)


async def test_a_loop_in_a_body_is_bounded_for_each_item() -> None:
    body = looped("back", "back", "out", "back", "out", max_turns=3)
    node = {
        "id": "each",
        "type": "map",
        "config": {"items": [1, 2], "max_parallel": 1, "body": body},
    }
    code, counted = await times({"nodes": [node]})
    assert (code, counted["work"]) == (None, 5)
    body["edges"][0]["max_turns"] = 2
    assert (await times({"nodes": [node]}))[0] == "too-many-turns"


async def test_a_resumed_run_continues_to_count() -> None:
    workflow, turns, saver = compiled(looped("back", max_turns=4)), Turns(), InMemorySaver()
    graph = workflow.graph.copy(update={"checkpointer": saver})
    config: Any = {"configurable": {"thread_id": "t"}, "recursion_limit": 100}
    again = {Turns: Breaking({"again": 2})}
    with pytest.raises(NodeFailed):
        context = RunContext(services=again, saver=saver)
        await graph.ainvoke(workflow.initial_state({}), config, context=context)
    with pytest.raises(NodeFailed, match="within 4 turns"):
        context = RunContext(services={Turns: turns}, saver=saver, is_resumed=True)
        await graph.ainvoke(None, config, context=context)
    # Two turns were done before, and the second decision again.
    assert turns["again"] == 3


class Breaking(Turns):
    """Break a node when it has run a number of times."""

    def __init__(self, after: dict[str, int]) -> None:
        super().__init__()
        self.after = after

    def __getitem__(self, name: str) -> int:
        found = super().get(name, 0)
        if name in self.after and found >= self.after[name] - 1:
            raise RuntimeError(name)
        return found


def found(definition: Any) -> list[Diagnostic]:
    document = read_text(definition) if isinstance(definition, str) else from_data(definition)
    return check_workflow(document, registry())


def test_a_loop_without_a_bound_is_a_warning_that_names_it() -> None:
    [warning] = found(looped("back"))
    assert (warning.code, warning.severity, warning.at.pointer) == (
        "loop-without-bound",
        "warning",
        "/edges/0",
    )
    assert (
        warning.message
        == "The loop work → again → work sets no bound, so it fails after 100 turns."
    )
    assert warning.hint == (
        "Write one on the edge that closes it: {source: again, target: work, max_turns: 100}."
    )
    assert found(looped("back", max_turns=3)) == []
    assert found({**looped("back"), "settings": {"max_turns": 3}}) == []


def test_in_the_steps_form_the_bound_is_one_of_the_settings() -> None:
    text = """
%s
steps:
  begin: {type: start}
  work: {type: template, input: {template: x}, depends_on: [begin]}
  more:
    type: conditional
    input: {condition: "{{work.output.text}} == 'x'", true_edge: work, false_edge: done}
    depends_on: [work]
  done: {type: template, input: {template: "{{work.output.text}}"}}
"""
    [warning] = found(text % "")
    assert warning.hint == "Write one into the settings: {max_turns: 100}."
    assert found(text % "settings: {max_turns: 3}") == []


def test_a_bound_on_an_edge_that_closes_no_loop_is_refused_with_the_one_that_does() -> None:
    definition = looped("back", max_turns=3)
    definition["edges"].append(edge("begin", "work", max_turns=7))
    [problem] = [each for each in found(definition) if each.severity == "error"]
    assert (problem.code, problem.at.pointer) == ("bound-without-loop", "/edges/2/max_turns")
    assert problem.hint == (
        "Write `max_turns` on the edge that does: {source: again, target: work, max_turns: 7}."
    )


@pytest.mark.parametrize("word", ["maxLoopCount", "max_iterations", "recursion_limit"])
def test_other_tools_words_for_the_bound_are_recognised(word: str) -> None:
    diagnostics = found(looped("back", **{word: 3}))
    assert [each.hint for each in diagnostics if word in each.message] == ["Write `max_turns`."]


@pytest.mark.parametrize("bound", [0, -1, "many", 1.5, 1_000_000])
def test_a_bound_is_a_whole_number_from_one(bound: Any) -> None:
    [problem] = found(looped("back", max_turns=bound))
    assert (problem.severity, problem.at.pointer) == ("error", "/edges/0/max_turns")
