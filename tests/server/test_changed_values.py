"""Variables and outputs of a paused run are changed in place, and its next nodes read them."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.processes import new_database, start, until
from fakes.processes import serving as in_a_process
from fakes.runs_api import (
    API,
    asked,
    begin,
    ended,
    events_of,
    human,
    require_orderly,
    run_of,
)
from fakes.served import serving

GRANULARITIES = pytest.mark.parametrize("granularity", ["auto", "node", "fused"])
NODES = [
    {"id": "count", "type": "set", "config": {"variables": {"total": "{{input.x + 1}}"}}},
    {
        "id": "say",
        "type": "template",
        "depends_on": ["count"],
        "config": {"template": "{{variables.name}}: {{variables.total}}"},
    },
    {
        "id": "again",
        "type": "set",
        "depends_on": ["say"],
        "config": {"variables": {"total": "{{variables.total * 10}}"}},
    },
    {
        "id": "end",
        "type": "template",
        "depends_on": ["again"],
        "config": {"template": "{{say.output.text}}, then {{variables.total}}"},
    },
]


def stopped(api: httpx.Client, granularity: str = "auto", *at: str) -> str:
    settings = {"granularity": granularity}
    definition = {"variables": {"name": "Ada"}, "settings": settings}
    breakpoints = list(at or ("say",))
    run = begin(api, NODES, input={"x": 1}, definition=definition, breakpoints=breakpoints)
    assert run["status"] == "paused", run
    return str(run["id"])


def change(api: httpx.Client, id: str, **what: Any) -> httpx.Response:
    return api.patch(f"{API}/runs/{id}/debug/variables", json=what)


def finished(api: httpx.Client, id: str) -> str:
    api.post(f"{API}/runs/{id}/resume").raise_for_status()
    run = ended(api, id)
    assert run["status"] == "completed", run["error"]
    require_orderly(events_of(api, id))
    return str(run["output"]["text"])


def paused_at(api: httpx.Client, id: str, node: str) -> None:
    state = f"{API}/runs/{id}/debug/state"
    until(lambda: api.get(state).json()["stopped_before"] == [node])


@GRANULARITIES
def test_the_next_nodes_read_what_was_changed(api: httpx.Client, granularity: str) -> None:
    id = stopped(api, granularity)
    changed = change(api, id, variables={"total": 5, "name": "Bob"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["variables"] == {"total": 5, "name": "Bob"}
    assert finished(api, id) == "Bob: 5, then 50"


@GRANULARITIES
def test_a_node_that_writes_a_variable_later_has_the_last_word(
    api: httpx.Client, granularity: str
) -> None:
    id = stopped(api, granularity, "say", "end")
    change(api, id, variables={"total": 5})
    change(api, id, variables={"total": 6, "name": "Bob"})
    api.post(f"{API}/runs/{id}/resume")
    paused_at(api, id, "end")
    shown = api.get(f"{API}/runs/{id}/debug/variables").json()
    assert shown["workflow"] == {"total": 60, "name": "Bob"}
    change(api, id, variables={"total": 7})
    assert finished(api, id) == "Bob: 6, then 7"


@GRANULARITIES
def test_the_output_of_a_node_that_has_completed_is_changed(
    api: httpx.Client, granularity: str
) -> None:
    id = stopped(api, granularity, "end")
    assert change(api, id, outputs={"say": {"text": "Hi"}}).status_code == 200
    assert finished(api, id) == "Hi, then 20"


@GRANULARITIES
def test_values_in_the_body_of_a_loop_are_changed(api: httpx.Client, granularity: str) -> None:
    body = [
        {"id": "mark", "type": "set", "config": {"variables": {"word": "{{item}}"}}},
        {
            "id": "say",
            "type": "template",
            "depends_on": ["mark"],
            "config": {"template": "{{variables.word}}{{variables.mark}}"},
        },
    ]
    each = {
        "id": "each",
        "type": "map",
        "config": {"items": ["a", "b"], "max_parallel": 1, "body": {"nodes": body}},
    }
    settings = {"variables": {"mark": "!"}, "settings": {"granularity": granularity}}
    run = begin(api, [each], definition=settings, breakpoints=["each.say"])
    id = run["id"]
    scope = min(api.get(f"{API}/runs/{id}/debug/variables").json()["scopes"])
    assert change(api, id, variables={"word": "A"}, scope=scope).status_code == 200
    assert change(api, id, variables={"mark": "?"}).status_code == 200
    api.post(f"{API}/runs/{id}/debug/disable")
    api.post(f"{API}/runs/{id}/resume")
    output = ended(api, id)["output"]
    assert [each["text"] for each in output["results"]] == ["A?", "b?"], output


def test_a_change_is_in_the_history_and_in_the_state_of_each_moment(api: httpx.Client) -> None:
    id = stopped(api)
    change(api, id, variables={"total": 5})
    [event] = [each for each in events_of(api, id) if each["kind"] == "run.changed"]
    assert event["data"]["variables"] == {"total": 5}
    assert event["data"]["before"]["variables"] == {"total": 2}
    assert event["data"]["by"]
    for number, total in ((event["number"] - 1, 2), (event["number"], 5)):
        state = api.get(f"{API}/runs/{id}/state", params={"at": number}).json()
        assert state["variables"]["total"] == total
    assert finished(api, id) == "Ada: 5, then 50"


@GRANULARITIES
def test_a_replay_repeats_what_was_changed(api: httpx.Client, granularity: str) -> None:
    id = stopped(api, granularity)
    change(api, id, variables={"total": 5, "name": "Bob"})
    assert finished(api, id) == "Bob: 5, then 50"
    for node in ("say", "end"):
        fork = api.post(f"{API}/runs/{id}/replay", json={"from_node": node}).json()
        assert fork["output"] == {"text": "Bob: 5, then 50"}, fork
        state = api.get(f"{API}/runs/{fork['id']}/state").json()
        assert state["variables"] == {"total": 50, "name": "Bob"}
    whole = api.post(f"{API}/runs/{id}/replay", json={}).json()
    assert whole["output"] == {"text": "Ada: 2, then 20"}


def test_a_replay_repeats_a_changed_output_and_begins_after_a_change(api: httpx.Client) -> None:
    id = stopped(api, "auto", "end")
    number = change(api, id, outputs={"say": {"text": "Hi"}}).json()["number"]
    assert finished(api, id) == "Hi, then 20"
    for what in ({"from_node": "end"}, {"after_event": number}):
        fork = api.post(f"{API}/runs/{id}/replay", json=what).json()
        assert fork["output"] == {"text": "Hi, then 20"}, what
    before = api.post(f"{API}/runs/{id}/replay", json={"after_event": number - 1}).json()
    assert before["output"] == {"text": "Ada: 2, then 20"}


@GRANULARITIES
def test_a_run_that_was_paused_while_it_waited_is_changed(
    api: httpx.Client, granularity: str
) -> None:
    nodes = [NODES[0], human("ask", "count"), {**NODES[1], "depends_on": ["ask"]}, *NODES[2:]]
    definition = {"variables": {"name": "Ada"}, "settings": {"granularity": granularity}}
    run = begin(api, nodes, input={"x": 1}, definition=definition)
    waiting = change(api, run["id"], variables={"total": 5})
    assert (waiting.status_code, waiting.json()["error"]["code"]) == (409, "not-stopped")
    api.post(f"{API}/runs/{run['id']}/pause").raise_for_status()
    assert change(api, run["id"], variables={"total": 5}).status_code == 200
    api.post(f"{API}/runs/{run['id']}/resume").raise_for_status()
    until(lambda: run_of(api, run["id"])["status"] == "waiting")
    [question] = asked(api, run["id"])
    path = f"{API}/interrupts/{question['id']}/answer"
    api.post(path, json={"answer": "approve"}).raise_for_status()
    assert ended(api, run["id"])["output"] == {"text": "Ada: 5, then 50"}


def test_what_cannot_be_changed_is_refused(api: httpx.Client) -> None:
    id = stopped(api)
    for body, word in (
        ({}, "Name a variable"),
        ({"variables": {"totl": 1}}, "total"),
        ({"outputs": {"say": {"text": "x"}}}, "has completed"),
        ({"variables": {"total": 1}, "scope": "each#0/0/"}, ""),
    ):
        refused = change(api, id, **body)
        expected = 200 if not word else 422
        assert refused.status_code == expected, (body, refused.text)
        if word:
            assert refused.json()["error"]["code"] == "change-refused"
            assert word in refused.json()["error"]["message"]
    path = f"{API}/workflows/executions/{id}/debug/variables"
    assert api.patch(path, json={"variables": {"total": 3}}).status_code == 200
    assert finished(api, id) == "Ada: 3, then 30"
    late = change(api, id, variables={"total": 1})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "not-stopped")


def test_an_output_must_fit_what_its_node_declares(api: httpx.Client) -> None:
    id = stopped(api, "auto", "end")
    refused = change(api, id, outputs={"say": {"text": 1}})
    assert refused.status_code == 422
    assert "say.output.text" in refused.json()["error"]["message"]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
@pytest.mark.parametrize("granularity", ["node", "fused"])
def test_a_change_survives_the_death_of_the_server(
    database: str, granularity: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    env = {} if database == "sqlite" else new_database(request.getfixturevalue("postgres"))
    with in_a_process(tmp_path / "d", env) as (api, process):
        id = stopped(api, granularity, "say", "end")
        assert change(api, id, variables={"total": 5}).status_code == 200
        process.kill()
        process.wait()
    with in_a_process(tmp_path / "d", env) as (api, process):
        api.post(f"{API}/runs/{id}/resume").raise_for_status()
        paused_at(api, id, "end")
        process.kill()
        process.wait()
    with in_a_process(tmp_path / "d", env) as (api, _):
        assert finished(api, id) == "Ada: 5, then 50"


def test_a_run_that_another_process_works_on_is_changed(tmp_path: Path, postgres: str) -> None:
    env = new_database(postgres)
    with in_a_process(tmp_path / "d", env, "--no-worker") as (api, _):
        worker = start(tmp_path / "d", ["worker"], env)
        try:
            definition = {"nodes": NODES, "variables": {"name": "Ada"}}
            body = {"definition": definition, "input": {"x": 1}, "breakpoints": ["say"]}
            made = api.post(f"{API}/workflows/execute", json={**body, "wait": False})
            id = made.json()["id"]
            until(lambda: run_of(api, id)["status"] == "paused")
            assert change(api, id, variables={"total": 5}).status_code == 200
            assert finished(api, id) == "Ada: 5, then 50"
        finally:
            worker.terminate()
            worker.wait()


async def test_secrets_are_masked_in_the_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWC_SECRET_TOKEN", "a-secret-0123456789")
    async with serving(tmp_path / "d") as served:
        body = {"definition": {"nodes": NODES, "variables": {"name": "Ada"}}, "input": {"x": 1}}
        body["breakpoints"] = ["say"]
        made = await served.ask("POST", f"{API}/workflows/execute", served.admin, json=body)
        id = made.json()["id"]
        tenant = served.app.state.process.tenants.of("default")
        await tenant.services.secret("token", None)
        given = {"variables": {"name": "is a-secret-0123456789"}}
        path = f"{API}/runs/{id}/debug/variables"
        changed = await served.ask("PATCH", path, served.admin, json=given)
        assert changed.json()["variables"]["name"] == "is [secret]"
        log = await served.ask("GET", f"{API}/runs/{id}/logs", served.admin)
        assert "a-secret-0123456789" not in log.text
