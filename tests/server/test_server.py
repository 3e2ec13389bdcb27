"""The server as a process: what it stores, how it fails, and what survives a kill."""

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import validate

from fakes.places import DEFINITIONS
from fakes.processes import serving, until

SUPPORT = yaml.safe_load((DEFINITIONS / "customer-support-complete.yaml").read_text())
HELLO = {
    "name": "Hello",
    "nodes": [{"id": "t", "type": "template", "config": {"template": "Hi {{input.n}}"}}],
}
WITH_NODES = {"include": "nodes"}
OUTCOME = ("id", "run_id", "workflow_id", "version", "status", "output", "usage", "error",
           "created_at", "started_at", "finished_at")  # fmt: skip


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("data")) as (client, _):
        yield client


def test_a_workflow_is_created_read_replaced_listed_and_deleted(api: httpx.Client) -> None:
    created = api.post("/api/v1/workflows", json={"id": "hello", "definition": HELLO})
    assert created.status_code == 201
    assert created.json()["version"] == 1
    known = api.get("/api/v1/workflows/hello").json()
    assert {**known, "warnings": []} == created.json()
    same = api.put("/api/v1/workflows/hello", json=HELLO).json()
    assert same["version"] == 1
    changed = {**HELLO, "nodes": [{**HELLO["nodes"][0], "config": {"template": "Bye"}}]}
    replaced = api.put("/api/v1/workflows/hello", json={"definition": changed}).json()
    assert (replaced["version"], replaced["definition"]) == (2, changed)
    assert replaced["hash"] != created.json()["hash"]
    page = api.get("/api/v1/workflows", params={"limit": 200}).json()
    assert "hello" in [item["id"] for item in page["items"]]
    assert api.delete("/api/v1/workflows/hello").status_code == 204
    for call in (api.get, api.delete):
        gone = call("/api/v1/workflows/hello")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "no-such-workflow")
    again = api.post("/api/v1/workflows", json={"id": "hello", "definition": HELLO})
    assert (again.status_code, again.json()["version"]) == (201, 3)


def test_an_id_is_made_from_the_name_and_a_taken_one_is_refused(api: httpx.Client) -> None:
    first = api.post("/api/v1/workflows", json=HELLO).json()["id"]
    assert first.startswith("hello-")
    body = {"id": first, "definition": HELLO}
    taken = api.post("/api/v1/workflows", json=body)
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "workflow-exists")


def test_an_awaited_run_can_be_read_again_node_by_node(api: httpx.Client) -> None:
    id = api.post("/api/v1/workflows", json=SUPPORT).json()["id"]
    body = {"input": {"message": "A technical fault"}}
    response = api.post(f"/api/v1/workflows/{id}/execute", json=body, params=WITH_NODES)
    assert response.status_code == 200
    run = response.json()
    assert (run["status"], run["version"]) == ("completed", 1)
    assert run["nodes"]["technical_support"]["output"]["text"].endswith("A technical fault")
    assert run["nodes"]["general_support"]["status"] == "skipped"
    assert run["nodes"]["classify"]["started_at"] <= run["nodes"]["classify"]["finished_at"]
    job = {"job_id": run["run_id"], "result": run["output"]}
    assert api.get(f"/api/v1/runs/{run['run_id']}").json() | job == run
    listed = api.get("/api/v1/runs", params={"workflow_id": id}).json()
    assert [item["id"] for item in listed["items"]] == [run["run_id"]]


def test_execute_answers_with_the_outcome_and_with_nodes_if_asked(api: httpx.Client) -> None:
    schemas = api.get("/api/v1/openapi.json").json()["components"]
    nodes = [
        {"id": f"n{i}", "type": "template", "config": {"template": "x" * 1000}} for i in range(20)
    ]
    end = {"id": "end", "type": "fail", "config": {"message": "No."}, "depends_on": ["n0"]}
    for last, status in (([], "completed"), ([end], "failed")):
        body = {"definition": {"nodes": [*nodes, *last]}, "input": {"big": "y" * 1000}}
        answer = api.post("/api/v1/workflows/execute", json=body).json()
        whole = api.get(f"/api/v1/runs/{answer['id']}").json()
        assert (answer["status"], answer["id"]) == (status, answer["run_id"])
        job = {"job_id": whole["id"], "result": whole["output"]}
        assert answer == {name: whole[name] for name in OUTCOME} | job
        included = api.post("/api/v1/workflows/execute", json=body, params=WITH_NODES).json()
        assert set(whole) == set(schemas["schemas"]["Run"]["properties"])
        assert set(included) == {*whole, "job_id", "result"}
        for name, value in (
            ("ExecutionOutcome", answer),
            ("ExecutionOutcome", included),
            ("Run", whole),
        ):
            validate(value, {"$ref": f"#/components/schemas/{name}", "components": schemas})
    required = schemas["schemas"]["ExecutionOutcome"]["required"]
    assert set(required) == {*OUTCOME, "job_id", "result"}


def test_execute_includes_nothing_that_it_does_not_know(api: httpx.Client) -> None:
    body = {"definition": HELLO, "input": {"n": 1}}
    response = api.post("/api/v1/workflows/execute", json=body, params={"include": "node"})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "invalid-request")
    assert error["details"] == [{"at": ["query", "include"], "message": "Input should be 'nodes'"}]


def test_a_definition_in_the_body_runs_without_being_stored(api: httpx.Client) -> None:
    body = {"definition": HELLO, "input": {"n": "you"}}
    run = api.post("/api/v1/workflows/execute", json=body).json()
    assert (run["status"], run["output"]) == ("completed", {"text": "Hi you"})
    assert run["workflow_id"] is None


def test_a_failed_run_has_the_place_of_its_error_and_the_outputs_before_it(
    api: httpx.Client,
) -> None:
    nodes = [
        {"id": "first", "type": "template", "config": {"template": "done"}},
        {
            "id": "second",
            "type": "fail",
            "config": {"message": "Out of bread"},
            "depends_on": ["first"],
        },
    ]
    response = api.post("/api/v1/workflows/execute", json={"definition": {"nodes": nodes}})
    assert response.status_code == 200
    run = api.get(f"/api/v1/runs/{response.json()['run_id']}").json()
    assert run["status"] == "failed"
    assert run["error"]["node_id"] == "second"
    assert run["error"]["message"] == "Out of bread"
    assert run["error"]["at"]["pointer"] == "/nodes/1"
    assert run["nodes"]["first"]["output"] == {"text": "done"}


def test_a_wrong_definition_is_refused_with_its_diagnostics(api: httpx.Client) -> None:
    body = {"nodes": [{"id": "a", "type": "strat"}]}
    for url, sent in (
        ("/api/v1/workflows", body),
        ("/api/v1/workflows/execute", {"definition": body}),
    ):
        response = api.post(url, json=sent)
        assert response.status_code == 422
        error = response.json()["error"]
        assert error["code"] == "definition-refused"
        assert error["details"][0]["pointer"] == "/nodes/0/type"
        assert error["request_id"] == response.headers["x-request-id"]


def test_an_input_that_does_not_fit_is_refused(api: httpx.Client) -> None:
    definition = {**HELLO, "input": {"n": "string"}}
    body = {"definition": definition, "input": {"n": 1}}
    response = api.post("/api/v1/workflows/execute", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "input-refused")


BODIES = {
    "NaN": b'{"input": {"a": NaN}}',
    "not json": b"{",
    "half a pair": b'{"input": {"a": "\\ud800"}}',
    "NUL": b'{"input": {"a": "\\u0000"}}',
    "deep": b'{"input": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "long number": b'{"input": {"a": ' + b"9" * 6_000 + b"}}",
    "1e999": b'{"input": {"a": 1e999}}',
    "a key twice": b'{"input": {}, "input": {}}',
    "not utf-8": b'{"input": "\xff"}',
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "too large": b'{"input": "' + b"x" * 4_100_000 + b'"}',
    "not an object inside": b'{"input": 1}',
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    "url", ["/api/v1/workflows", "/api/v1/workflows/execute", "/api/v1/workflows/x/execute"]
)
def test_a_bad_body_is_refused_in_the_one_form(api: httpx.Client, url: str, name: str) -> None:
    headers = {"content-type": "application/json"}
    response = api.post(url, content=BODIES[name], headers=headers)
    assert 400 <= response.status_code < 500
    assert set(response.json()["error"]) == {"code", "message", "details", "request_id"}


def test_too_many_nodes_are_refused(api: httpx.Client) -> None:
    nodes = [{"id": f"n{i}", "type": "start"} for i in range(10_001)]
    response = api.post("/api/v1/workflows/execute", json={"definition": {"nodes": nodes}})
    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["code"] == "too-many-nodes"


def test_a_large_body_in_pieces_is_refused_too(api: httpx.Client) -> None:
    pieces = (b"x" * 100_000 for _ in range(60))
    try:
        response = api.post("/api/v1/workflows", content=pieces)
    except httpx.WriteError:
        return
    assert response.status_code == 413


def test_openapi_lists_the_routes_and_health_shows_the_isolation(api: httpx.Client) -> None:
    paths = api.get("/api/v1/openapi.json").json()["paths"]
    assert {"/api/v1/workflows", "/api/v1/workflows/{workflow_id}/execute",
            "/api/v1/workflows/execute", "/api/v1/runs/{run_id}", "/health", "/ping"} <= set(paths)  # fmt: skip
    health = api.get("/health").json()
    assert health["status"] == "ok"
    assert set(health["isolation"]) == {"monty", "asteval"}

    def tested() -> bool:
        return set(api.get("/health").json()["isolation"].values()) <= {"full", "partial", "none"}

    # The server answers before they are tested.
    assert set(health["isolation"].values()) <= {"testing", "full", "partial", "none"}
    assert until(tested)
    assert api.get("/nowhere").json()["error"]["code"] == "not-found"


def test_many_runs_at_once_do_not_mix(api: httpx.Client) -> None:
    id = api.post("/api/v1/workflows", json=HELLO).json()["id"]

    def run(n: int) -> Any:
        body = {"input": {"n": n}}
        return api.post(f"/api/v1/workflows/{id}/execute", json=body).json()["output"]["text"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(40))) == [f"Hi {n}" for n in range(40)]


def test_workflows_and_runs_survive_a_kill(tmp_path: Path) -> None:
    with serving(tmp_path) as (client, process):
        kept = client.post("/api/v1/workflows", json={"id": "hello", "definition": HELLO}).json()
        path = "/api/v1/workflows/hello/execute"
        run = client.post(path, json={"input": {"n": 1}}, params=WITH_NODES).json()
        code = {
            "nodes": [
                {
                    "id": "slow",
                    "type": "code",
                    "config": {"code": "while True:\n    pass\nresult = 1", "timeout": 30},
                }
            ]
        }
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(
                client.post, "/api/v1/workflows/execute", json={"definition": code}
            )
            until(lambda: client.get("/api/v1/runs").json()["total"] == 2)
            process.send_signal(signal.SIGKILL)
            assert isinstance(waiting.exception(), httpx.TransportError)
    with serving(tmp_path) as (client, _):
        known = client.get("/api/v1/workflows/hello").json()
        assert {**known, "warnings": []} == kept
        assert client.get(f"/api/v1/runs/{run['run_id']}").json().items() <= run.items()
        [interrupted] = [
            r for r in client.get("/api/v1/runs").json()["items"] if r["id"] != run["id"]
        ]
        assert interrupted["status"] in {"pending", "running"}
        cancelled = client.post(f"/api/v1/runs/{interrupted['id']}/cancel").json()
        assert cancelled["status"] == "cancelled"
        again = client.post("/api/v1/workflows/hello/execute", json={"input": {"n": 2}}).json()
        assert again["output"] == {"text": "Hi 2"}


def test_no_secret_is_stored_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fakes.loopback import reply_json
    from fakes.loopback import serving as serving_loopback

    secret = "canary-7b1d4e9a2c5f8830"
    monkeypatch.setenv("FLOWC_SECRET_TOKEN", secret)
    monkeypatch.setenv("FLOWC_EGRESS_ALLOW", "127.0.0.1/32")
    with serving_loopback(lambda request: reply_json({"you sent": request.headers})) as echo:
        config = {"url": echo.url, "headers": {"authorization": "Bearer {{secrets.token}}"}}
        definition = {"nodes": [{"id": "call", "type": "http", "config": config}]}
        with serving(tmp_path / "data") as (client, _):
            run = client.post(
                "/api/v1/workflows/execute", json={"definition": definition}, params=WITH_NODES
            ).json()
    assert echo.requests[0].headers["authorization"] == f"Bearer {secret}"
    assert run["status"] == "completed"
    assert secret not in json.dumps(run)
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file.name


def test_a_workflow_runs_another_in_its_newest_version(api: httpx.Client) -> None:
    def inner(factor: int) -> Any:
        config = {"data": None, "expression": f"input.n * {factor}"}
        return {"nodes": [{"id": "grow", "type": "transform", "config": config}]}

    def grown() -> Any:
        run = api.post("/api/v1/workflows/outer/execute", json={"input": {"n": 3}})
        return run.json()["output"]

    use = {"workflow": "grow", "input": {"n": "{{input.n}}"}}
    outer = {"nodes": [{"id": "use", "type": "subworkflow", "config": use}]}
    refused = api.post("/api/v1/workflows", json={"id": "outer", "definition": outer})
    assert refused.json()["error"]["details"][0]["code"] == "unknown-workflow"
    api.post("/api/v1/workflows", json={"id": "grow", "definition": inner(2)})
    made = api.post("/api/v1/workflows", json={"id": "outer", "definition": outer})
    assert made.status_code == 201
    assert grown() == 6
    api.put("/api/v1/workflows/grow", json=inner(10))
    assert grown() == 30
    back = {"nodes": [{"id": "again", "type": "subworkflow", "config": {"workflow": "outer"}}]}
    refused = api.put("/api/v1/workflows/grow", json=back)
    assert refused.status_code == 422
    assert "grow → outer → grow" in refused.text


def test_a_cached_output_survives_restarts(tmp_path: Path) -> None:
    code = {"code": "def process():\n    return 1", "input_mapping": {}}
    node = {"id": "work", "type": "code", "config": code, "cache": {"ttl": "1h"}}
    attempts = []
    for _ in range(2):
        with serving(tmp_path / "data") as (client, _):
            body = {"definition": {"nodes": [node]}}
            run = client.post("/api/v1/workflows/execute", json=body, params=WITH_NODES).json()
            assert run["output"] == 1
            attempts.append(run["nodes"]["work"]["attempts"])
    assert attempts == [1, 0]


def test_versions_are_listed_and_compared(api: httpx.Client) -> None:
    first = api.post("/api/v1/workflows", json=HELLO).json()
    path = f"/api/v1/workflows/{first['id']}"
    changed = {**HELLO, "nodes": [{**HELLO["nodes"][0], "config": {"template": "Bye"}}]}
    second = api.put(path, json=changed).json()
    listed = api.get(f"{path}/versions").json()
    assert [(v["version"], v["hash"]) for v in listed] == [(2, second["hash"]), (1, first["hash"])]
    found = api.get(f"{path}/diff", params={"old": 1, "new": 2}).json()
    change = {
        "kind": "changed",
        "subject": "node t: template",
        "before": "Hi {{input.n}}",
        "after": "Bye",
    }
    assert found == {"changes": [change], "waiting_runs": []}
    assert api.get(f"{path}/diff", params={"old": 1, "new": 9}).status_code == 404


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("warm", ["true", "false"])
def test_a_working_process_loads_litellm_when_it_starts(tmp_path: Path, warm: str) -> None:
    settings = {"FLOWC_WARM_MODELS": warm, "FLOWC_DEFAULT_MODEL": "openai/gpt-4o"}
    with serving(tmp_path / "d", settings) as (client, process):
        # Only litellm loads this extension.
        maps = Path(f"/proc/{process.pid}/maps")
        if warm == "true":
            assert until(lambda: "_tiktoken" in maps.read_text())
        else:
            time.sleep(6)
            assert "_tiktoken" not in maps.read_text()
        assert client.get("/ping").status_code == 200
