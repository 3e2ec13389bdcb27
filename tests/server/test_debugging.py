"""Runs are replayed, stop at breakpoints, and show their state after any event."""

from typing import Any

import httpx
import pytest

from fakes.processes import until
from fakes.runs_api import (
    API,
    asked,
    begin,
    ended,
    events_of,
    human,
    pause,
    require_orderly,
    run_of,
)


def say(id: str, template: str, *after: str) -> dict[str, Any]:
    return {
        "id": id,
        "type": "template",
        "depends_on": list(after),
        "config": {"template": template},
    }


CHAIN = [
    say("a", "{{input.x}}a"),
    say("b", "{{a.output.text}}b", "a"),
    say("c", "{{b.output.text}}c", "b"),
]


def text(run: dict[str, Any]) -> str:
    return str(run["output"]["text"])


def replay(api: httpx.Client, id: str, **what: Any) -> dict[str, Any]:
    response = api.post(f"{API}/runs/{id}/replay", json=what)
    assert response.status_code == 200, response.text
    return dict(response.json())


def replayed(api: httpx.Client, id: str) -> set[str]:
    done = [event for event in events_of(api, id) if event["data"] and "output" in event["data"]]
    return {event["node_id"] for event in done if event["data"].get("replayed")}


def paused(api: httpx.Client, id: str) -> dict[str, Any]:
    def look() -> Any:
        run = run_of(api, id)
        return run if run["status"] == "paused" else None

    return dict(until(look))


def stands_before(api: httpx.Client, id: str) -> set[str]:
    return {task["node_id"] for task in asked(api, id) if task["kind"] == "breakpoint"}


def test_a_run_is_run_again_from_a_node(api: httpx.Client) -> None:
    run = begin(api, CHAIN, input={"x": "1"})
    assert text(run) == "1abc"
    fork = replay(api, run["id"], from_node="c", input={"x": "2"})
    assert (fork["status"], text(fork), fork["forked_from"]) == ("completed", "1abc", run["id"])
    assert replayed(api, fork["id"]) == {"a", "b"}
    again = replay(api, run["id"], input={"x": "2"})
    assert (text(again), replayed(api, again["id"])) == ("2abc", set())
    mocked = replay(api, run["id"], mocks={"b": {"output": {"text": "B"}}})
    assert text(mocked) == "Bc"
    assert text(run_of(api, run["id"])) == "1abc"


def test_a_replay_sees_the_same_time_and_random_values(api: httpx.Client) -> None:
    stamp = "{{input.x}} {{now()}} {{uuid()}} {{[1, 2, 3, 4, 5]|random}}"
    nodes = [say("a", stamp), say("b", "{{a.output.text}} {{uuid()}}", "a")]
    run = begin(api, nodes, input={"x": "1"})
    assert text(replay(api, run["id"])) == text(run)
    again = replay(api, run["id"], from_node="b")
    assert text(again) == text(run)
    assert text(replay(api, again["id"], from_node="b")) == text(run)
    assert text(begin(api, nodes, input={"x": "1"})) != text(run)


def test_a_run_is_run_again_from_a_moment(api: httpx.Client) -> None:
    run = begin(api, CHAIN, input={"x": "1"})
    [done] = [
        event["number"]
        for event in events_of(api, run["id"])
        if (event["kind"], event["node_id"]) == ("node.completed", "a")
    ]
    fork = replay(api, run["id"], after_event=done)
    assert replayed(api, fork["id"]) == {"a"}
    state = api.get(f"{API}/runs/{run['id']}/state", params={"at": done}).json()
    assert (state["number"], state["outputs"]) == (done, {"a": {"text": "1a"}})
    now = api.get(f"{API}/runs/{run['id']}/state").json()
    assert (now["outputs"]["c"], now["at_work"]) == ({"text": "1abc"}, [])
    assert (state["status"], now["status"]) == ("running", "completed")


@pytest.mark.parametrize("granularity", ["auto", "node", "fused"])
def test_only_nodes_that_follow_the_chosen_one_run_again(
    api: httpx.Client, granularity: str
) -> None:
    nodes = [pause("begin"), human("ask", "begin"), pause("beside", "begin"), pause("end", "ask")]
    run = begin(api, nodes, definition={"settings": {"granularity": granularity}})
    (task,) = asked(api, run["id"])
    api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
    assert ended(api, run["id"])["status"] == "completed"
    fork = replay(api, run["id"], from_node="end")
    assert replayed(api, fork["id"]) == {"begin", "ask", "beside"}
    assert asked(api, fork["id"]) == []
    fork = replay(api, run["id"], from_node="ask")
    assert (fork["status"], replayed(api, fork["id"])) == ("waiting", {"begin", "beside"})
    (task,) = asked(api, fork["id"])
    api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "reject"})
    done = ended(api, fork["id"])
    assert done["nodes"]["ask"]["output"]["choice"] == "reject"


LOOP = {
    "nodes": [
        {"id": "begin", "type": "start"},
        {"id": "n", "type": "set", "config": {"variables": {"count": "{{variables.count + 1}}"}}},
        {
            "id": "more",
            "type": "conditional",
            "config": {"condition": "{{variables.count < 3}}"},
        },
        say("end", "{{variables.count}}"),
        # Two paths of unequal length in each turn.
        say("left", "{{variables.count}}"),
        say("left_again", "{{left.output.text}}", "left"),
        say("right", "{{variables.count}}"),
    ],
    "edges": [
        {"source": "begin", "target": "n"},
        {"source": "n", "target": "left"},
        {"source": "n", "target": "right"},
        {"source": "left_again", "target": "more"},
        {"source": "right", "target": "more"},
        {"source": "more", "target": "n", "branch": "true"},
        {"source": "more", "target": "end", "branch": "false"},
    ],
    "variables": {"count": 0},
}


@pytest.mark.parametrize("granularity", ["auto", "node", "fused"])
def test_the_turns_of_a_loop_are_replayed_one_by_one(api: httpx.Client, granularity: str) -> None:
    definition = {**LOOP, "settings": {"granularity": granularity}}
    body, asked_for = {"definition": definition}, {"include": "nodes"}
    run = api.post(f"{API}/workflows/execute", json=body, params=asked_for).json()
    assert (run["status"], text(run), run["nodes"]["n"]["runs"]) == ("completed", "3", 3)
    second = [
        event["number"]
        for event in events_of(api, run["id"])
        if (event["kind"], event["node_id"]) == ("node.completed", "n")
    ][1]
    fork = replay(api, run["id"], after_event=second)
    assert (text(fork), fork["nodes"]["n"]["runs"]) == ("3", 3)
    times = [
        bool(event["data"].get("replayed"))
        for event in events_of(api, fork["id"])
        if (event["kind"], event["node_id"]) == ("node.completed", "n")
    ]
    assert times == [True, True, False]
    texts = [
        (event["data"]["output"]["text"], bool(event["data"].get("replayed")))
        for event in events_of(api, fork["id"])
        if (event["kind"], event["node_id"]) == ("node.completed", "left_again")
    ]
    assert texts == [("1", True), ("2", False), ("3", False)]


def test_what_cannot_be_replayed_is_refused(api: httpx.Client) -> None:
    condition = {"id": "if", "type": "conditional", "config": {"condition": "true"}}
    nodes = [condition, say("yes", "y"), say("no", "n")]
    edges = [
        {"source": "if", "target": "yes", "branch": "true"},
        {"source": "if", "target": "no", "branch": "false"},
    ]
    run = begin(api, nodes, definition={"edges": edges})
    for what, said in (
        ({"from_node": "nobody"}, "There is no node 'nobody'."),
        ({"from_node": "no"}, "The node 'no' did not run."),
        ({"from_node": "if", "after_event": 1}, "Name a node or an event, not both."),
        ({"after_event": 999}, f"The run has {len(events_of(api, run['id']))} events."),
        ({"mocks": {"nobody": {}}}, "There is no node 'nobody' to mock."),
        ({"version": 1}, "The run has no stored workflow, so there are no other versions."),
        (
            {"mocks": {"if": {"output": 1}}},
            "The node 'if' branches; its mock needs a branch: false, true.",
        ),
    ):
        refused = api.post(f"{API}/runs/{run['id']}/replay", json=what)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (422, "replay-refused")
        assert error["details"] == [said]
    other = replay(api, run["id"], mocks={"if": {"output": False, "branch": "false"}})
    assert text(other) == "n"
    assert api.post(f"{API}/runs/nobody/replay", json={}).status_code == 404


def test_a_run_is_replayed_on_a_new_version(api: httpx.Client) -> None:
    made = api.post(f"{API}/workflows", json={"definition": {"nodes": CHAIN}}).json()
    path = f"{API}/workflows/{made['id']}"
    run = api.post(f"{path}/execute", json={"input": {"x": "1"}}).json()
    changed = [*CHAIN[:2], say("c", "{{b.output.text}}!", "b")]
    api.put(path, json={"definition": {"nodes": changed}})
    fork = replay(api, run["id"], from_node="c", version=2)
    assert (text(fork), fork["version"], replayed(api, fork["id"])) == ("1ab!", 2, {"a", "b"})


@pytest.mark.parametrize("granularity", ["auto", "node", "fused"])
def test_a_run_stops_before_a_node_and_continues_step_by_step(
    api: httpx.Client, granularity: str
) -> None:
    settings = {"settings": {"granularity": granularity}}
    nodes = [*CHAIN, say("d", "{{c.output.text}}d", "c")]
    run = begin(api, nodes, input={"x": "1"}, breakpoints=["b"], definition=settings)
    assert run["status"] == "paused"
    assert (stands_before(api, run["id"]), list(run_of(api, run["id"])["nodes"])) == ({"b"}, ["a"])
    path = f"{API}/runs/{run['id']}"
    assert api.get(f"{path}/debug/state").json()["outputs"] == {"a": {"text": "1a"}}
    assert api.post(f"{path}/debug/step").status_code == 200
    until(lambda: stands_before(api, run["id"]) == {"c"})
    paused(api, run["id"])
    api.put(f"{path}/debug/breakpoints/d")
    api.post(f"{path}/resume")
    until(lambda: stands_before(api, run["id"]) == {"d"})
    assert paused(api, run["id"])["breakpoints"] == {"nodes": ["b", "d"], "stepping": False}
    api.post(f"{path}/debug/disable")
    api.post(f"{path}/resume")
    done = ended(api, run["id"])
    assert (text(done), done["breakpoints"]) == ("1abcd", None)
    assert {node["runs"] for node in done["nodes"].values()} == {1}
    require_orderly(events_of(api, run["id"]))
    assert api.post(f"{path}/debug/step").status_code == 409


def test_a_breakpoint_is_set_while_a_run_is_at_work(api: httpx.Client) -> None:
    nodes = [pause("slow", seconds=1.5), pause("next", "slow")]
    run = begin(api, nodes, wait=False)
    until(lambda: "slow" in run_of(api, run["id"])["nodes"])
    path = f"{API}/runs/{run['id']}/debug"
    assert api.put(f"{path}/breakpoints/nobody").status_code == 422
    api.put(f"{path}/breakpoints/next")
    assert list(paused(api, run["id"])["nodes"]) == ["slow"]
    api.post(f"{API}/runs/{run['id']}/resume")
    assert ended(api, run["id"])["status"] == "completed"


@pytest.mark.parametrize("granularity", ["auto", "node", "fused"])
def test_a_run_stops_only_where_a_condition_is_true(api: httpx.Client, granularity: str) -> None:
    settings = {"settings": {"granularity": granularity}}
    for given, stops in (("1", []), ("2", ["c"])):
        run = begin(api, CHAIN, input={"x": given}, breakpoints=["a"], definition=settings)
        path = f"{API}/runs/{run['id']}"
        condition = {"condition": "{{b.output.text}} == '2ab' and input.x != '1'"}
        api.put(f"{path}/debug/breakpoints/c", json=condition).raise_for_status()
        api.delete(f"{path}/debug/breakpoints/a").raise_for_status()
        api.post(f"{path}/resume").raise_for_status()
        if stops:
            until(lambda path=path: run_of(api, path.split("/")[-1])["status"] == "paused")
            asks = asked(api, run["id"])
            assert [(each["node_id"], each["data"]["condition"]) for each in asks] == [
                ("c", condition["condition"])
            ]
            api.post(f"{path}/resume").raise_for_status()
        assert text(ended(api, run["id"])) == f"{given}abc"


def test_a_run_stops_where_a_condition_has_no_value_and_says_why(api: httpx.Client) -> None:
    run = begin(api, CHAIN, input={"x": "1"}, breakpoints=["a"])
    path = f"{API}/runs/{run['id']}"
    bad = api.put(f"{path}/debug/breakpoints/b", json={"condition": "input.x =="})
    assert (bad.status_code, bad.json()["error"]["code"]) == (422, "replay-refused")
    body = {"breakpoints": ["b"], "conditions": {"b": "input.nothing > 1"}}
    api.post(f"{path}/debug/enable", json=body).raise_for_status()
    wrong = api.post(f"{path}/debug/enable", json={**body, "breakpoints": []})
    assert wrong.status_code == 422
    api.post(f"{path}/resume").raise_for_status()
    until(lambda: stands_before(api, run["id"]) == {"b"})
    (ask,) = asked(api, run["id"])
    assert "nothing" in ask["data"]["problem"]


def test_a_run_stops_within_a_map_and_shows_the_item(api: httpx.Client) -> None:
    body = {"nodes": [say("x", "{{item}}!")]}
    each = {"id": "each", "type": "map", "config": {"items": ["p", "q"], "body": body}}
    run = begin(api, [each], breakpoints=["each.x"])
    items = {task["data"]["names"]["item"] for task in asked(api, run["id"])}
    assert (run["status"], items) == ("paused", {"p", "q"})
    api.post(f"{API}/runs/{run['id']}/resume")
    assert ended(api, run["id"])["output"]["results"] == [{"text": "p!"}, {"text": "q!"}]


def test_a_terminated_run_can_be_retried(api: httpx.Client) -> None:
    run = begin(api, [pause("a"), pause("b", "a", seconds=30)], wait=False)
    until(lambda: run_of(api, run["id"])["status"] == "waiting")
    path = f"{API}/runs/{run['id']}"
    stopped = api.post(f"{path}/terminate", json={"reason": "It hangs."}).json()
    assert (stopped["status"], stopped["error"]["message"]) == ("failed", "It hangs.")
    assert stopped["error"]["code"] == "terminated"
    api.post(f"{path}/retry")
    until(lambda: run_of(api, run["id"])["nodes"]["b"]["status"] == "waiting")
    ended_now = api.post(f"{path}/cancel", json={"reason": "Enough."}).json()
    assert (ended_now["status"], ended_now["error"]["message"]) == ("cancelled", "Enough.")
    assert ended_now["nodes"]["a"]["runs"] == 1


def test_the_history_has_the_input_of_a_node(api: httpx.Client) -> None:
    run = begin(api, CHAIN, input={"x": "1"})
    history = api.get(f"{API}/runs/{run['id']}/history").json()
    given = {each["node_id"]: each["input"] for each in history}
    assert given == {
        name: {"template": said} for name, said in zip("abc", ["1a", "1ab", "1abc"], strict=True)
    }
