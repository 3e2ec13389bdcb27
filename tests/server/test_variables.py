"""Variables that outlive a run over HTTP, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fakes.runs_api import API, ended, events_of

ADD: dict[str, Any] = {
    "id": "add",
    "type": "set",
    "config": {"variables": {"count": "{{variables.count + 1}}"}},
}


def stored(api: httpx.Client, scope: str, nodes: list[Any] | None = None, **more: Any) -> str:
    """Store a workflow that counts in a scope, and return its id."""
    id = f"count-{uuid4().hex[:8]}"
    declared = {"count": {"scope": scope, "type": "integer", "default": 0}}
    definition = {"variables": declared, "nodes": nodes or [ADD], **more}
    made = api.put(f"{API}/workflows/{id}", json=definition)
    assert made.status_code == 201, made.text
    return id


def run(api: httpx.Client, id: str, **body: Any) -> dict[str, Any]:
    done = api.post(f"{API}/workflows/{id}/execute", json={"input": {}, **body})
    assert done.status_code == 200, done.text
    found: dict[str, Any] = done.json()
    return found


def test_runs_of_a_workflow_share_its_variables(api: httpx.Client) -> None:
    one, other = stored(api, "workflow"), stored(api, "workflow")
    assert [run(api, one)["output"] for _ in range(3)] == [{"count": n} for n in (1, 2, 3)]
    assert run(api, other)["output"] == {"count": 1}
    api.delete(f"{API}/workflows/{one}").raise_for_status()
    api.put(f"{API}/workflows/{one}", json={"nodes": [ADD], "variables": {
        "count": {"scope": "workflow", "default": 0}}}).raise_for_status()  # fmt: skip
    assert run(api, one)["output"] == {"count": 1}


def test_runs_of_a_thread_share_its_variables(api: httpx.Client) -> None:
    show = {"id": "show", "type": "template", "config": {"template": "{{variables.count}}"}}
    id = stored(api, "thread", [ADD, {**show, "depends_on": ["add"]}])

    def chat(**more: str) -> dict[str, Any]:
        done = api.post(
            f"{API}/workflows/{id}/chat", json={"message": "Hi", "stream": False, **more}
        )
        assert done.status_code == 200, done.text
        found: dict[str, Any] = done.json()
        return found

    first, other = chat(), chat()
    threads = [first["thread_id"], other["thread_id"]]
    for expected in (2, 3):
        runs = [chat(thread_id=thread)["run_id"] for thread in threads]
        assert [ended(api, run)["output"] for run in runs] == [{"text": f"{expected}"}] * 2
    failed = run(api, id)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "no-thread")


def test_all_workflows_share_the_variables_of_a_user(api: httpx.Client) -> None:
    name = f"n{uuid4().hex[:8]}"
    value = f"{{{{variables.{name}|default(0) + 1}}}}"
    node = {"id": "add", "type": "set", "config": {"scope": "user", "variables": {name: value}}}
    ids = [stored(api, "workflow", [node]) for _ in range(2)]
    assert [run(api, id)["output"][name] for id in (*ids, *ids)] == [1, 2, 3, 4]


@pytest.mark.parametrize("granularity", ["auto", "node", "fused"])
def test_no_increment_is_lost_when_runs_compare_and_set(
    api: httpx.Client, granularity: str
) -> None:
    add = {
        "id": "add",
        "type": "set",
        "config": {**ADD["config"], "expect": {"count": "{{variables.count}}"}},
    }
    nodes = [
        {"id": "begin", "type": "start"},
        add,
        {"id": "done", "type": "template", "config": {"template": "{{variables.count}}"}},
    ]
    edges = [
        {"source": "begin", "target": "add"},
        {"source": "add", "target": "add", "branch": "changed", "max_turns": 100},
        {"source": "add", "target": "done", "branch": "set"},
    ]
    id = stored(api, "workflow", nodes, edges=edges, settings={"granularity": granularity})
    with ThreadPoolExecutor(6) as pool:
        ran = list(pool.map(lambda _: run(api, id), range(12)))
    assert {each["status"] for each in ran} == {"completed"}
    assert run(api, id)["output"] == {"text": "13"}


def test_the_debug_panel_reads_the_variables_with_their_scopes(api: httpx.Client) -> None:
    nodes = [ADD, {"id": "ask", "type": "human", "config": {"title": "Go?"}, "depends_on": ["add"]}]
    id = stored(api, "workflow", nodes)
    for expected in (1, 2):
        begun = run(api, id)
        path = f"{API}/runs/{begun['id']}"
        found = api.get(f"{path}/debug/variables").json()
        assert found == {
            "workflow": {"count": expected},
            "lasting": {"count": "workflow"},
            "scopes": {},
        }
    [changed] = [event for event in events_of(api, begun["id"]) if event["kind"] == "run.changed"]
    assert (changed["data"]["variables"], changed["data"]["by"]) == (
        {"count": 1},
        "stored variables",
    )
    before = api.get(f"{path}/state", params={"at": changed["number"]}).json()
    assert before["variables"] == {"count": 1}
    api.post(f"{path}/cancel")


def test_a_replay_begins_with_the_values_that_the_run_began_with(api: httpx.Client) -> None:
    show = {
        "id": "show",
        "type": "template",
        "config": {"template": "{{variables.count}}"},
        "depends_on": ["add"],
    }
    id = stored(api, "workflow", [ADD, show])
    run(api, id)
    second = run(api, id)
    assert second["output"] == {"text": "2"}
    run(api, id)
    again = api.post(f"{API}/runs/{second['id']}/replay", json={"from_node": "show"})
    assert again.status_code < 300, again.text
    assert ended(api, again.json()["id"])["output"] == {"text": "2"}
