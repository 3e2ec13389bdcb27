"""The API answers under the names that clients of other engines call it by."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook as Signer
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from fakes.processes import serving
from fakes.runs_api import API, begin, ended, human, pause
from flowc.server.records.times import now

HELLO = {"nodes": [{"id": "say", "type": "template", "config": {"template": "Hi {{input.name}}"}}]}
ADA = {"name": "Ada"}
HOOK = "whsec_" + "YWJj" * 10


@pytest.fixture
def hello(api: httpx.Client) -> str:
    api.put(f"{API}/workflows/hello", json=HELLO).raise_for_status()
    return "hello"


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    env = {"FLOWC_SECRET_HOOK": HOOK}
    with serving(tmp_path_factory.mktemp("hooks"), env) as (client, _):
        client.put(f"{API}/workflows/hello", json=HELLO).raise_for_status()
        yield client


def waiting(api: httpx.Client) -> str:
    nodes = [pause("a"), human("ask", "a"), pause("b", "ask")]
    return str(begin(api, nodes)["id"])


def test_a_run_is_a_job(api: httpx.Client, hello: str) -> None:
    for body in ({"input": ADA}, {"input_data": ADA}):
        started = api.post(f"{API}/workflows/{hello}/run", json=body)
        assert started.status_code == 202
        job = started.json()
        assert job["job_id"] == job["execution_id"] == job["run_id"] == job["id"]
        ended(api, job["job_id"])
        found = api.get(f"{API}/jobs/{job['job_id']}").json()
        assert (found["status"], found["result"]) == ("completed", {"text": "Hi Ada"})
        assert found["completed_node_ids"] == ["say"]
        assert found["node_results"] == {"say": {"text": "Hi Ada"}}
        assert found["execution_data"]["input"] == ADA
    logs = api.get(f"{API}/jobs/{job['job_id']}/logs").json()
    assert logs["events"][-1]["kind"] == "run.completed"
    first = api.get(f"{API}/jobs", params={"workflow_id": hello, "limit": 1, "page": 1}).json()
    second = api.get(f"{API}/jobs", params={"workflow_id": hello, "limit": 1, "page": 2}).json()
    assert first["total"] == second["total"] >= 2
    assert first["items"][0]["id"] != second["items"][0]["id"]
    assert api.get(f"{API}/jobs/none").status_code == 404


def test_a_job_that_waits_is_running_with_a_detail(api: httpx.Client) -> None:
    id = waiting(api)
    job = api.get(f"{API}/jobs/{id}").json()
    assert (job["status"], job["current_node_id"]) == ("running", "ask")
    assert job["detail"] == "It waits for an answer, a signal or a time."
    assert job["completed_node_ids"] == ["a"]
    cancelled = api.post(f"{API}/jobs/{id}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")


@pytest.mark.parametrize("base", ["", API])
def test_a_workflow_or_a_definition_is_executed(api: httpx.Client, hello: str, base: str) -> None:
    for chosen in ({"workflow_id": hello}, {"definition": HELLO}):
        later = api.post(f"{base}/workflows/execute-async", json={**chosen, "input": ADA})
        assert later.status_code == 202, later.text
        id = later.json()["execution_id"]
        ended(api, id)
        assert api.get(f"{base}/executions/{id}").json()["result"] == {"text": "Hi Ada"}
    done = api.post("/workflows/execute", json={"workflow_id": hello, "input_data": ADA}).json()
    assert (done["status"], done["result"]) == ("completed", {"text": "Hi Ada"})
    assert api.post("/workflows/execute", json={"workflow_id": "none"}).status_code == 404
    one = api.post("/workflows/execute", json={"workflow_id": f"{hello}@1", "input": ADA}).json()
    assert (one["version"], one["result"]) == (1, {"text": "Hi Ada"})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"workflow_id": "hello", "definition": HELLO},
        {"workflow_id": "hello", "input": {}, "input_data": ADA},
    ],
)
def test_nothing_of_a_body_is_dropped(api: httpx.Client, body: dict[str, Any]) -> None:
    for address in ("/workflows/execute", f"{API}/workflows/execute-async"):
        refused = api.post(address, json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid-request")
        assert "Give one of" in refused.text


def test_an_execution_is_steered_and_gets_signals(api: httpx.Client) -> None:
    listens = {"id": "listen", "type": "wait", "config": {"signal": "paid", "key": "7"}}
    id = begin(api, [listens, pause("after", "listen")])["id"]
    url = f"{API}/executions/{id}"
    other = api.post(f"{url}/signal", json={"name": "sent"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "not-possible")
    assert api.post(f"{url}/signal", json={"name": "paid", "data": 5}).status_code == 200
    done = ended(api, id)
    assert done["nodes"]["listen"]["output"]["data"] == 5, done["nodes"]["listen"]
    assert api.post(f"{url}/pause").status_code == 409
    again = api.post(f"{url}/replay", json={"from_node": "after"})
    assert (again.status_code, again.json()["forked_from"]) == (200, id)
    stopped = api.post(f"{API}/executions/{waiting(api)}/terminate").json()
    assert stopped["status"] == "failed"


def test_an_execution_is_debugged(api: httpx.Client) -> None:
    body = {"definition": {"nodes": [pause("a"), pause("b", "a")]}, "stepping": True}
    id = api.post(f"{API}/workflows/execute", json=body).json()["id"]
    url = f"{API}/workflows/executions/{id}/debug"

    def breakpoints() -> Any:
        return api.get(f"{API}/runs/{id}").json()["breakpoints"]["nodes"]

    assert api.post(f"{url}/enable", json={}).status_code == 200
    assert api.post(f"{url}/breakpoint", json={"node_id": "b"}).status_code == 200
    assert breakpoints() == ["b"]
    conditional = {"node_id": "b", "condition": "input.n > 1"}
    assert api.post(f"{url}/breakpoint", json=conditional).json()["breakpoints"]["conditions"] == {
        "b": "input.n > 1"
    }
    assert api.get(f"{url}/state").json()["outputs"] == {}
    assert api.get(f"{url}/variables").json()["workflow"] == {}
    assert api.get(f"{url}/variables", params={"scope": "workflow"}).json()["scopes"] == {}
    assert api.get(f"{url}/variables", params={"scope": "each#0/1/"}).status_code == 404
    assert api.delete(f"{url}/breakpoint/b").status_code == 200
    assert breakpoints() == []
    assert api.post(f"{url}/step").status_code == 200
    assert api.post(f"{url}/disable").status_code in {200, 409}


@pytest.mark.parametrize("path", ["paid", "shop/orders/paid"])
def test_a_webhook_has_a_path_of_any_depth(hooks: httpx.Client, path: str) -> None:
    api = hooks
    body = {"path": path, "workflow_id": "hello", "secret": "hook"}
    made = api.post(f"{API}/webhooks", json=body)
    assert (made.status_code, made.json()["url_path"]) == (201, f"/hooks/{path}")
    text, moment = json.dumps(ADA), now()
    headers = {
        "content-type": "application/json",
        "webhook-id": f"msg {path}",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Signer(HOOK).sign(f"msg {path}", moment, text),
    }
    for base in (f"{API}/webhooks", f"{API}/workflows/webhooks"):
        answer = api.post(f"{base}/{path}", content=text, headers=headers)
        assert answer.status_code == 202, answer.text
        assert ended(api, answer.json()["run_id"])["output"] == {"text": "Hi Ada"}
    assert api.delete(f"{API}/webhooks/{path}").status_code == 204
    assert api.post(f"{API}/webhooks", json={**body, "path": "~acme/x"}).status_code == 422


def test_a_job_begins_with_execute_as_its_clients_call_it(api: httpx.Client, hello: str) -> None:
    for body in ({"input": ADA}, {"input_data": ADA}):
        job = api.post(f"{API}/workflows/{hello}/execute", json=body).json()
        assert job["job_id"] == job["id"]
        assert (job["status"], job["result"]) == ("completed", {"text": "Hi Ada"})
    both = api.post(f"{API}/workflows/{hello}/execute", json={"input": ADA, "input_data": ADA})
    assert both.status_code == 422


def test_all_runs_of_a_workflow_are_watched(api: httpx.Client, hello: str) -> None:
    api.put(f"{API}/workflows/other", json=HELLO).raise_for_status()
    address = str(api.base_url).replace("http", "ws", 1) + f"/ws/workflow/{hello}"
    with connect(address) as socket:
        ids = [
            api.post(f"{API}/workflows/{name}/execute", json={"input": ADA}).json()["id"]
            for name in (hello, "other", hello)
        ]
        events: list[Any] = []
        while [event["type"] for event in events].count("run.completed") < 2:
            events.append(json.loads(socket.recv(timeout=20)))
    assert {event["run_id"] for event in events} == {ids[0], ids[2]}
    assert {event["workflow_id"] for event in events} == {hello}
    assert [event["number"] for event in events if event["run_id"] == ids[0]] == list(
        range(1, len(events) // 2 + 1)
    )
    assert events[-1]["data"]["output"] == {"text": "Hi Ada"}
    with (
        connect(address.replace(hello, "none")) as socket,
        pytest.raises(ConnectionClosedError, match="4404"),
    ):
        socket.recv(timeout=20)


def test_an_execution_is_watched(api: httpx.Client, hello: str) -> None:
    id = api.post(f"{API}/workflows/{hello}/run", json={"input": ADA}).json()["job_id"]
    address = f"{API}/workflows/executions/{id}/ws"
    with connect(str(api.base_url).replace("http", "ws", 1) + address) as socket:
        events = list(socket)
    assert "run.completed" in str(events[-1])


def test_dependencies_are_added_and_removed_one_at_a_time(api: httpx.Client) -> None:
    for id in ("total", "north", "south"):
        api.put(f"{API}/workflows/{id}", json={"nodes": [pause("a")]}).raise_for_status()
    url = f"{API}/workflows/total/dependencies"
    for other in ("north", "south", "north"):
        made = api.post(url, json={"depends_on_workflow_id": other})
        assert made.status_code == 201, made.text
    assert api.get(url).json()["depends_on"] == ["north", "south"]
    assert api.post(url, json={"depends_on_workflow_id": "none"}).status_code == 404
    circle = api.post(
        f"{API}/workflows/north/dependencies", json={"depends_on_workflow_id": "total"}
    )
    assert (circle.status_code, circle.json()["error"]["code"]) == (422, "dependencies-refused")
    assert api.delete(f"{url}/north").json()["depends_on"] == ["south"]
    assert api.delete(f"{url}/south").json()["depends_on"] == []


def test_steps_are_node_types_and_workflows_have_pages(api: httpx.Client, hello: str) -> None:
    assert api.get("/steps").json() == api.get(f"{API}/nodes").json()
    assert api.get("/steps/llm").json()["type"] == "llm"
    api.put(f"{API}/workflows/another", json=HELLO)
    pages = [
        api.get(f"{API}/workflows", params={"page": n, "limit": 1}).json()["items"][0]["id"]
        for n in (1, 2)
    ]
    assert len({*pages, hello}) >= 2
    assert pages == sorted(pages)


@pytest.mark.parametrize("path", ["/monitoring/summary", f"{API}/workflows/monitoring/metrics"])
def test_what_is_at_work_is_summed_up(api: httpx.Client, path: str) -> None:
    before = api.get(path).json()
    waiting(api)
    begin(api, [pause("a")])
    after = api.get(path).json()
    assert (after["status"], after["store"]) == ("ok", "ok")
    assert after["unfinished"]["waiting"] == before["unfinished"]["waiting"] + 1
    assert after["today"]["completed"] >= before["today"]["completed"] + 1
