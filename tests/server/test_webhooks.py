"""Webhooks start workflows, subscribers get messages, and workflows start after one another."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import database_of
from standardwebhooks import Webhook

from fakes import loopback
from fakes.processes import serving, until
from fakes.runs_api import API, ended, human, pause, run_of

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes or so!").decode()
KEY = b"a key of thirty-two bytes or so!"
WRONG_SECRETS = {
    "TEXT": "whsec_not base64!",
    "TOKEN": "s3cr3t-0123456789-0123456789-0123",
    "BARE": base64.b64encode(KEY).decode(),
    "URL": "whsec_" + base64.urlsafe_b64encode(b"\xff" * 32).decode(),
    "OPEN": SECRET.rstrip("="),
    "SHORT": "whsec_" + base64.b64encode(KEY[:23]).decode(),
    "LONG": "whsec_" + base64.b64encode(KEY * 3).decode(),
    "NAMED": "whpk_" + base64.b64encode(KEY).decode(),
    "EMPTY": "whsec_",
}
SHOW = {"id": "show", "type": "template", "config": {"template": "{{input.n}}"}}


class Receiver:
    """A subscriber, which accepts a message after it has refused some."""

    def __init__(self) -> None:
        self.refuse = 0

    def answer(self, request: loopback.Request) -> loopback.Reply:
        if self.refuse > 0:
            self.refuse -= 1
            return loopback.Reply(status=500)
        return loopback.Reply(status=204)


@pytest.fixture(scope="module")
def receiver() -> Iterator[tuple[Receiver, loopback.Server]]:
    subscriber = Receiver()
    with loopback.serving(subscriber.answer) as server:
        yield subscriber, server


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def api(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    receiver: tuple[Receiver, loopback.Server],
) -> Iterator[httpx.Client]:
    env = {
        **database_of(request),
        "FLOWC_SECRET_HOOK": SECRET,
        **{f"FLOWC_SECRET_{name}": secret for name, secret in WRONG_SECRETS.items()},
        "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{receiver[1].port}",
    }
    with serving(tmp_path_factory.mktemp("data") / "d", env) as (client, _):
        yield client


def workflow(api: httpx.Client, id: str, nodes: list[Any], **more: Any) -> str:
    made = api.post(f"{API}/workflows", json={"definition": {"nodes": nodes, **more}, "id": id})
    assert made.status_code == 201, made.text
    return id


def signed(body: bytes, id: str, at: float | None = None) -> dict[str, str]:
    moment = datetime.fromtimestamp(at or time.time(), UTC)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(id, moment, body.decode()),
        "content-type": "application/json",
    }


def test_a_signed_message_starts_one_run(api: httpx.Client) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    workflow(api, "hooked", [SHOW], input=schema)
    wanted = {"path": "orders", "workflow_id": "hooked", "secret": "hook"}
    assert api.post(f"{API}/webhooks", json=wanted).status_code == 201
    assert api.post(f"{API}/webhooks", json=wanted).status_code == 409
    path, body = f"{API}/webhooks/orders", json.dumps({"n": 7}).encode()
    first = api.post(path, content=body, headers=signed(body, "msg_1"))
    assert first.status_code == 202, first.text
    again = api.post(path, content=body, headers=signed(body, "msg_1"))
    assert again.json() == first.json()
    assert ended(api, first.json()["run_id"])["output"] == {"text": "7"}
    for headers in (
        {},
        {**signed(body, "msg_2"), "webhook-id": "msg_3"},
        signed(body, "msg_2", time.time() - 400),
        signed(body, "msg_2", time.time() + 400),
        signed(body + b" ", "msg_2"),
        {**signed(body, "msg_2"), "webhook-signature": "nonsense"},
        {**signed(body, "msg_2"), "webhook-signature": "v1,§"},
    ):
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        refused = api.post(path, content=body, headers=raw)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "signature-refused")
    for wrong, status, code in (
        (b"[]", 422, "input-refused"),
        (b"{", 400, "invalid-json"),
        (b'{"n": 1, "n": 2}', 400, "duplicate-key"),
        (b'{"n": "seven"}', 422, "input-refused"),
    ):
        refused = api.post(path, content=wrong, headers=signed(wrong, "msg_4"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert [each["path"] for each in api.get(f"{API}/webhooks").json()] == ["orders"]
    assert api.delete(path).status_code == 204
    assert api.post(path, content=body, headers=signed(body, "m")).status_code == 404


def test_a_client_cannot_take_the_key_of_a_message(api: httpx.Client) -> None:
    workflow(api, "taken", [SHOW])
    wanted = {"path": "taken", "workflow_id": "taken", "secret": "hook"}
    api.post(f"{API}/webhooks", json=wanted).raise_for_status()
    body, digest = b'{"n": 7}', hashlib.sha256(b"msg_1").hexdigest()
    headers = {"idempotency-key": f"webhook taken {digest}"}
    url, given = f"{API}/workflows/taken/execute", {"input": {"n": 0}}
    first = api.post(url, json=given, headers=headers).json()
    sent = api.post(f"{API}/webhooks/taken", content=body, headers=signed(body, "msg_1")).json()
    assert sent["run_id"] != first["id"]
    assert ended(api, sent["run_id"])["output"] == {"text": "7"}


def test_a_webhook_needs_a_workflow_and_a_secret(api: httpx.Client) -> None:
    workflow(api, "there", [SHOW])
    for change, status, code in (
        ({"workflow_id": "nobody"}, 404, "no-such-workflow"),
        ({"secret": "nobody"}, 422, "secret-missing"),
        *(({"secret": name.lower()}, 422, "secret-missing") for name in WRONG_SECRETS),
        ({"path": "a//b"}, 422, "invalid-request"),
    ):
        body = {"path": "p", "workflow_id": "there", "secret": "hook", **change}
        refused = api.post(f"{API}/webhooks", json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
        assert SECRET not in refused.text


def test_a_message_is_sent_again_until_the_subscriber_accepts_it(
    api: httpx.Client, receiver: tuple[Receiver, loopback.Server]
) -> None:
    subscriber, server = receiver
    server.requests.clear()
    subscriber.refuse = 1
    workflow(api, "watched", [human("ask"), pause("b", "ask")])
    wanted = {
        "url": f"{server.url}/told",
        "events": ["run.completed", "run.waiting"],
        "workflow_id": "watched",
        "secret": "hook",
    }
    made = api.post(f"{API}/subscriptions", json=wanted).json()
    run = api.post(f"{API}/workflows/watched/execute", json={}).json()
    until(lambda: len(server.requests) == 2)
    first, again = server.requests
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    message = Webhook(SECRET).verify(again.body, again.headers)
    assert (message["type"], message["data"]["run_id"]) == ("run.waiting", run["id"])
    (task,) = api.get(f"{API}/interrupts", params={"run_id": run["id"]}).json()
    api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
    ended(api, run["id"])
    until(lambda: len(server.requests) == 3)
    assert server.requests[2].json["data"]["status"] == "completed"
    path = f"{API}/subscriptions/{made['id']}"

    def delivered() -> Any:
        sent = api.get(f"{path}/deliveries").json()
        return sent if [each["status"] for each in sent] == ["delivered"] * 2 else None

    assert [each["attempts"] for each in until(delivered)] == [1, 2]
    assert api.get(f"{API}/subscriptions").json()[0]["id"] == made["id"]
    assert api.delete(path).status_code == 204
    assert api.get(f"{path}/deliveries").status_code == 404


def test_no_subscription_leads_into_the_private_network(api: httpx.Client) -> None:
    wanted = {"events": ["run.completed"], "secret": "hook"}
    for url, says in (
        ("http://10.0.0.1/x", "FLOWC_EGRESS_ALLOW"),
        ("http://[::1]/x", "FLOWC_EGRESS_ALLOW"),
        ("http://localhost:1/x", "FLOWC_EGRESS_ALLOW"),
        ("http://169.254.169.254/latest", "never reachable"),
        ("http://metadata.google.internal/", "never reachable"),
        ("ftp://example.com", "http://"),
        ("http://user:word@example.com", "without user name"),
    ):
        refused = api.post(f"{API}/subscriptions", json={**wanted, "url": url})
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (422, "egress-denied")
        assert says in error["message"]
    assert api.get(f"{API}/subscriptions").json() == []


def test_each_delivery_is_checked_against_the_policy_of_its_time(
    tmp_path: Path, receiver: tuple[Receiver, loopback.Server]
) -> None:
    server, env = receiver[1], {"FLOWC_SECRET_HOOK": SECRET}
    allowed = {**env, "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{server.port}"}
    with serving(tmp_path / "d", allowed) as (api, _):
        wanted = {"url": server.url, "events": ["run.completed"], "secret": "hook"}
        path = f"{API}/subscriptions/{api.post(f'{API}/subscriptions', json=wanted).json()['id']}"
        workflow(api, "quiet", [pause("a")])
    server.requests.clear()
    with serving(tmp_path / "d", env) as (api, _):
        api.post(f"{API}/workflows/quiet/execute", json={})

        def tried() -> Any:
            sent = api.get(f"{path}/deliveries").json()
            return sent if sent and sent[0]["attempts"] else None

        (delivery,) = until(tried)
    assert delivery["status"] == "pending" and "127.0.0.1" in delivery["problem"]
    assert server.requests == []


def test_a_workflow_starts_when_its_dependencies_have_completed(api: httpx.Client) -> None:
    for id in ("extract", "clean"):
        workflow(api, id, [SHOW])
    template = "{{input.day}} {{input.dependencies.extract.output.text}}"
    report = {"id": "report", "type": "template", "config": {"template": template}}
    workflow(api, "report", [report])
    path = f"{API}/workflows/report/dependencies"
    wanted = {"depends_on": ["extract", "clean"], "input": {"day": "monday"}}
    assert api.post(f"{path}/validate", json=wanted).status_code == 204
    assert api.put(path, json=wanted).json()["depends_on"] == ["clean", "extract"]

    def begun() -> list[dict[str, Any]]:
        page = api.get(f"{API}/runs", params={"workflow_id": "report"}).json()
        return [run_of(api, each["id"]) for each in page["items"] if each["status"] == "completed"]

    for n in (1, 2):
        last = api.post(f"{API}/workflows/extract/execute", json={"input": {"n": n}}).json()["id"]
    until(lambda: api.get(path).json()["completed"].get("extract") == last)
    assert begun() == []
    api.post(f"{API}/workflows/clean/execute", json={"input": {"n": 0}})
    (run,) = until(begun)
    assert run["output"] == {"text": "monday 2"}
    until(lambda: api.get(path).json()["completed"] == {})
    for id in ("clean", "extract"):
        api.post(f"{API}/workflows/{id}/execute", json={"input": {"n": 3}})
    until(lambda: len(begun()) == 2)
    assert api.delete(path).status_code == 204
    assert api.get(path).json()["depends_on"] == []


def test_a_workflow_starts_when_another_has_failed(api: httpx.Client) -> None:
    config = {"message": "There is no {{input.n}}.", "code": "not-there"}
    odd = {"id": "odd", "type": "conditional", "config": {"condition": "input.n == 1"}}
    edges = [{"source": "odd", "target": "no", "branch": "true"}]
    workflow(api, "shaky", [odd, {"id": "no", "type": "fail", "config": config}], edges=edges)
    run = "input.dependencies.shaky"
    told = f"{{{{{run}.status}}}} {{{{{run}.error.message|default('')}}}}"
    for id, outcome in (("alarm", "failed"), ("log", "any")):
        workflow(api, id, [{"id": "say", "type": "template", "config": {"template": told}}])
        wanted = {"depends_on": ["shaky"], "on": {"shaky": outcome}}
        made = api.put(f"{API}/workflows/{id}/dependencies", json=wanted)
        assert (made.status_code, made.json()["on"]) == (200, {"shaky": outcome}), made.text

    def said(id: str) -> list[str]:
        page = api.get(f"{API}/runs", params={"workflow_id": id}).json()
        runs = [run_of(api, each["id"]) for each in page["items"]]
        return sorted(run["output"]["text"] for run in runs if run["status"] == "completed")

    api.post(f"{API}/workflows/shaky/execute", json={"input": {"n": 2}})
    until(lambda: said("log") == ["completed "])
    api.post(f"{API}/workflows/shaky/execute", json={"input": {"n": 1}})
    until(lambda: said("log") == ["completed ", "failed There is no 1."])
    until(lambda: said("alarm") == ["failed There is no 1."])


def test_how_a_dependency_ends_is_one_of_three_and_of_a_dependency(api: httpx.Client) -> None:
    workflow(api, "first", [SHOW])
    workflow(api, "second", [SHOW])
    path = f"{API}/workflows/second/dependencies"
    wrong = api.put(path, json={"depends_on": ["first"], "on": {"first": "succeeded"}})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "invalid-request")
    other = api.put(path, json={"depends_on": ["first"], "on": {"frist": "failed"}})
    assert other.json()["error"]["details"] == ["`on` has 'frist', which is not in `depends_on`."]


def test_dependencies_in_a_circle_are_refused(api: httpx.Client) -> None:
    for id in ("x", "y", "z"):
        workflow(api, id, [SHOW])
    for id, other in (("y", "x"), ("z", "y")):
        api.put(f"{API}/workflows/{id}/dependencies", json={"depends_on": [other]})
    refused = api.put(f"{API}/workflows/x/dependencies", json={"depends_on": ["z"]})
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (422, "dependencies-refused")
    assert error["details"] == ["The workflow depends on itself: x → z → y → x."]
    own = api.post(f"{API}/workflows/x/dependencies/validate", json={"depends_on": ["x"]})
    assert own.status_code == 422
    missing = api.put(f"{API}/workflows/x/dependencies", json={"depends_on": ["nobody"]})
    assert missing.status_code == 404


def test_dependencies_that_a_strict_input_does_not_take_are_refused(
    api: httpx.Client, tmp_path: Path
) -> None:
    strict = {"type": "object", "properties": {}, "additionalProperties": False}
    workflow(api, "strict", [pause("a")], input=strict)
    workflow(api, "before", [pause("a")])
    refused = api.put(f"{API}/workflows/strict/dependencies", json={"depends_on": ["before"]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "input-refused")
