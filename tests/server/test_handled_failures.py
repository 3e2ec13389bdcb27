"""Failures that a run handles: in a `try`, and in what runs when the run has failed."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from conftest import database_of

from fakes.loopback import Reply, Request
from fakes.loopback import serving as serving_replies
from fakes.processes import serving, until
from fakes.runs_api import API, asked, begin, ended, events_of, human, require_orderly, run_of

REFUSED = {"id": "pay", "type": "fail", "config": {"message": "Refused.", "code": "card-refused"}}


def say(id: str, template: str, *after: str) -> dict[str, Any]:
    config = {"template": template}
    return {"id": id, "type": "template", "config": config, "depends_on": list(after)}


def tried(*nodes: Any, **parts: Any) -> dict[str, Any]:
    bodies = {name: {"nodes": given} for name, given in parts.items()}
    return {"id": "safe", "type": "try", "config": {"body": {"nodes": list(nodes)}, **bodies}}


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """A service that is busy the first time, and has no such order."""
    calls: list[str] = []

    def answer(request: Request) -> Reply:
        calls.append(request.path)
        if request.path == "/busy" and calls.count("/busy") < 3:
            return Reply(status=503, body=b"later")
        if request.path == "/order":
            return Reply(status=404, body=b'{"why": "no such order"}')
        return Reply(body=b'"done"')

    with serving_replies(answer) as server:
        yield server.url


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shop: str
) -> Iterator[httpx.Client]:
    env = {**database_of(request), "FLOWC_EGRESS_ALLOW": shop.removeprefix("http://")}
    with serving(tmp_path_factory.mktemp("data") / "d", env) as (client, _):
        yield client


def check(api: httpx.Client, definition: Any) -> dict[str, Any]:
    body = {"source": json.dumps(definition), "format": "json"}
    return dict(api.post(f"{API}/workflows/check", json=body).json())


def test_a_person_answers_in_the_catch_of_a_run(api: httpx.Client) -> None:
    sure = human("sure", title="Was it {{error.code}}?")
    node = tried(REFUSED, catch=[sure], **{"finally": [say("end", "{{error.message}}")]})
    run = begin(api, [node])
    (question,) = asked(api, run["id"])
    assert question["data"]["title"] == "Was it card-refused?"
    api.post(f"{API}/interrupts/{question['id']}/answer", json={"answer": "approve"})
    done = ended(api, run["id"])
    assert done["status"] == "completed", done
    assert done["output"]["error"]["node"] == "pay"
    events = events_of(api, run["id"])
    require_orderly(events)
    kinds = [event["kind"] for event in events if event["node_id"] == "pay"]
    assert kinds == ["node.started", "node.failed"]


def test_the_response_of_a_failed_request_is_read(api: httpx.Client, shop: str) -> None:
    order = {"id": "order", "type": "http", "config": {"url": f"{shop}/order"}}
    told = say("told", "{{error.status}}: {{error.body}}")
    run = begin(api, [tried(order, catch=[told])])
    assert run["output"]["result"]["text"] == '404: {"why":"no such order"}'


def test_a_request_is_retried_by_its_status(api: httpx.Client, shop: str) -> None:
    retry = {"max_attempts": 5, "initial_delay": 0.01, "on": ["5xx"]}
    busy = {"id": "busy", "type": "http", "config": {"url": f"{shop}/busy"}, "retry": retry}
    run = begin(api, [busy])
    assert (run["status"], run["output"]["status_code"]) == ("completed", 200)
    never = {**busy, "config": {"url": f"{shop}/order"}, "retry": {**retry, "when": "false"}}
    run = begin(api, [{**never, "retry": {**retry, "on": [404], "when": "error.status != 404"}}])
    assert (run["error"]["code"], run["error"]["attempt"]) == ("http-status", 1)


def test_the_graph_of_a_try_has_its_parts(api: httpx.Client) -> None:
    definition = {"nodes": [tried(REFUSED, catch=[say("sorry", "x")])]}
    graph = check(api, definition)["graph"]
    (node,) = graph["nodes"]
    body, catch = node["body"]["nodes"]
    assert (body["id"], body["name"], body["path"]) == ("_body", "body", "safe._body")
    assert [each["id"] for each in catch["body"]["nodes"]] == ["sorry"]
    assert catch["body_pointer"] == "/nodes/0/config/catch"


def test_what_runs_on_failure_is_in_the_run_and_does_not_hide_it(api: httpx.Client) -> None:
    text = "{{error.node}} {{error.code}} {{variables.n}} {{input.x}} {{run.id}}"
    told = {"nodes": [say("told", text)]}
    count = {"id": "count", "type": "set", "config": {"variables": {"n": 5}}}
    more = {"variables": {"n": 1}, "on_failure": told}
    nodes = [count, {**REFUSED, "depends_on": ["count"]}]
    run = begin(api, nodes, definition=more, input={"x": "why"})
    assert (run["status"], run["error"]["code"]) == ("failed", "card-refused")
    nodes = run_of(api, run["id"])["nodes"]
    assert nodes["on_failure.told"]["status"] == "completed"
    events = events_of(api, run["id"])
    require_orderly(events)
    (said,) = [each for each in events if each["node_id"] == "told" and "output" in each["data"]]
    assert said["data"]["output"]["text"] == f"pay card-refused 5 why {run['id']}"
    assert events[-1]["kind"] == "run.failed"


def test_what_fails_on_failure_changes_nothing(api: httpx.Client) -> None:
    broken = {"type": "fail", "config": {"message": "No one listens.", "code": "no-one"}}
    run = begin(api, [REFUSED], definition={"on_failure": broken})
    assert (run["status"], run["error"]["code"]) == ("failed", "card-refused")
    assert run_of(api, run["id"])["nodes"]["on_failure.handler"]["status"] == "failed"


def test_a_run_that_completes_does_not_run_it(api: httpx.Client) -> None:
    run = begin(api, [say("hi", "x")], definition={"on_failure": {"nodes": [say("told", "x")]}})
    assert run["status"] == "completed"
    assert "on_failure.told" not in run_of(api, run["id"])["nodes"]


def test_a_stored_workflow_runs_on_failure(api: httpx.Client) -> None:
    alarm = {"nodes": [say("ring", "{{input.error.message}} in {{input.run.workflow}}")]}
    api.post(f"{API}/workflows", json={"id": "alarm", "definition": alarm})
    pays = {"nodes": [REFUSED], "on_failure": "alarm"}
    created = api.post(f"{API}/workflows", json={"id": "pays", "definition": pays})
    assert created.status_code == 201, created.text
    run = api.post(f"{API}/workflows/pays/execute", json={"input": {}}).json()
    assert (run["status"], run["error"]["code"]) == ("failed", "card-refused")

    def ring() -> Any:
        texts = [each["data"].get("output") for each in events_of(api, run["id"])]
        return {"text": "Refused. in pays"} in texts

    assert until(ring)


@pytest.mark.parametrize(
    ("given", "code", "at"),
    [
        ({"nodes": [human("ask")]}, "waits-on-failure", "/on_failure/nodes/0"),
        ("pay", "invalid-value", "/on_failure"),
        ("nobody", "unknown-workflow", "/on_failure/workflow"),
        ({"tell": "me"}, "unknown-form", "/on_failure"),
        ({"type": "fial", "config": {}}, "unknown-node-type", "/on_failure/type"),
        ({"type": "fail"}, "missing-key", "/on_failure/config"),
        ({"workflow": {"nodes": [say("a", "x")]}, "inptu": {}}, "unknown-key", "/on_failure/inptu"),
        ({"nodes": []}, "no-nodes", ""),
        (
            {"nodes": [say("a", "{{pay.output}}")]},
            "unknown-reference",
            "/on_failure/nodes/0/config/template",
        ),
        (
            {"nodes": [say("a", "{{eror.code}}")]},
            "unknown-reference",
            "/on_failure/nodes/0/config/template",
        ),
    ],
)
def test_what_cannot_run_on_failure_is_refused_before(
    api: httpx.Client, given: Any, code: str, at: str
) -> None:
    definition = {"nodes": [REFUSED], "on_failure": given}
    found = check(api, definition)
    errors = [each for each in found["diagnostics"] if each["severity"] == "error"]
    assert [(each["code"], each["pointer"]) for each in errors] == [(code, at)]
    assert not found["is_valid"]
