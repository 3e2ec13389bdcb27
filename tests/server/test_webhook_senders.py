"""Services of many kinds begin workflows by their messages, and only they can."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from fakes.processes import serving
from fakes.runs_api import API, ended, human
from fakes.senders import SENDERS, Sent, digest_of, slack_message
from flowc.server.triggers.senders import SenderKind, SentMessage, SignatureRefused, verify

SHOW = {"id": "show", "type": "end", "config": {"output": "{{input}}"}}
# From the documentation of each service.
DOCUMENTED = {
    SenderKind.GITHUB: (
        "It's a Secret to Everybody",
        b"Hello, World!",
        {
            "x-hub-signature-256": "sha256="
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        },
    ),
    SenderKind.TWILIO: (
        "12345",
        b"Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309"
        b"&CallSid=CA1234567890ABCDE",
        {
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        },
    ),
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    env = {f"FLOWC_SECRET_{kind.upper()}": secret for kind, (_, secret, _) in SENDERS.items()}
    with serving(tmp_path_factory.mktemp("senders") / "d", env) as (client, _):
        shown = {"definition": {"nodes": [SHOW]}, "id": "shown"}
        client.post(f"{API}/workflows", json=shown).raise_for_status()
        yield client


def hook(api: httpx.Client, path: str, workflow_id: str = "shown", **more: Any) -> str:
    """Make a webhook, and return where its messages are sent to."""
    made = api.post(f"{API}/webhooks", json={"path": path, "workflow_id": workflow_id, **more})
    assert made.status_code == 201, made.text
    return str(api.base_url.join(made.json()["url_path"]))


def post(api: httpx.Client, url: str, sent: Sent) -> httpx.Response:
    return api.post(url, content=sent.body, headers=dict(sent.headers))


@pytest.mark.parametrize("kind", list(DOCUMENTED))
def test_documented_signatures_are_right(kind: SenderKind) -> None:
    secret, body, headers = DOCUMENTED[kind]
    message = SentMessage("POST", "https://mycompany.com/myapp.php?foo=1&bar=2", [], headers, body)
    verify(kind, message, secret, None)
    with pytest.raises(SignatureRefused):
        verify(kind, message, secret + "x", None)


@pytest.mark.parametrize("kind", list(SENDERS))
def test_a_message_of_a_service_begins_one_run(api: httpx.Client, kind: str) -> None:
    send, secret, _ = SENDERS[kind]
    url = hook(api, f"of/{kind}", secret=kind, verification=kind)
    sent = send(url, secret, "message-1")
    first = post(api, url, sent)
    assert first.status_code == 202, first.text
    assert ended(api, first.json()["run_id"])["output"] == sent.expected
    # Sent once more, it is the same run; another one begins another.
    assert post(api, url, send(url, secret, "message-1")).json() == first.json()
    assert post(api, url, send(url, secret, "message-2")).json() != first.json()


@pytest.mark.parametrize("kind", list(SENDERS))
def test_a_message_of_another_sender_begins_nothing(api: httpx.Client, kind: str) -> None:
    send, secret, is_timed = SENDERS[kind]
    url = hook(api, f"not/{kind}", secret=kind, verification=kind)
    right = send(url, secret, "message-1")
    other = "whsec_" + base64.b64encode(b"some other key of thirty-two byt").decode()
    wrong = [send(url, other, "message-1"), Sent(right.body, {"content-type": "application/json"})]
    if kind not in {"token", "basic", "gitlab"}:
        wrong.append(Sent(right.body + b" ", right.headers))
    if is_timed:
        wrong += [send(url, secret, "message-1", 400), send(url, secret, "message-1", -400)]
    for sent in wrong:
        refused = post(api, url, sent)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "signature-refused")
        assert secret not in refused.text
    assert (
        api.get(f"{API}/runs", params={"started_by": f"webhook not/{kind}"}).json()["items"] == []
    )


def test_bodies_of_every_kind_are_input(api: httpx.Client) -> None:
    url = hook(api, "any", verification="none", methods=["GET", "POST", "PUT"], response="output")
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"json": {"a": [1]}}, {"a": [1]}),
        ({"json": [1, 2]}, {"body": [1, 2]}),
        ({"data": {"a": "ü &", "b": ["1", "2"]}}, {"a": "ü &", "b": ["1", "2"]}),
        ({"content": "Grüße", "headers": {"content-type": "text/plain"}}, {"body": "Grüße"}),
        ({"content": b"<a/>", "headers": {"content-type": "text/xml"}}, {"body": "<a/>"}),
    ]
    for given, expected in cases:
        answer = api.post(url, **given)
        assert (answer.status_code, answer.json()) == (200, expected)
    assert api.get(url, params={"q": "x"}).json() == {"q": "x"}
    assert api.put(url, json={"a": 1}).json() == {"a": 1}
    refused = api.delete(url)
    assert (refused.status_code, refused.json()["error"]["code"]) == (405, "method-not-allowed")


def test_files_of_a_form_become_uploads(api: httpx.Client) -> None:
    url = hook(api, "files", verification="none", response="output")
    content = bytes(range(256))
    answer = api.post(url, data={"note": "n"}, files={"scan": ("a b.bin", content, "image/x")})
    found = answer.json()
    assert (found["note"], found["scan"]["name"]) == ("n", "a b.bin")
    raw = api.post(url, content=content, headers={"content-type": "application/octet-stream"})
    for file in (found["scan"], raw.json()):
        stored = api.get(f"{API}/knowledge/files/{file['id']}").json()
        assert (stored["size"], stored["digest"]) == (256, digest_of(content))


def test_a_whole_request_is_input_without_credentials(api: httpx.Client) -> None:
    url = hook(
        api, "whole", secret="token", verification="token", input="request", header="X-Ours",
        response="output",
    )  # fmt: skip
    secret = SENDERS["token"][1]
    headers = {"x-ours": secret, "x-event": "made", "authorization": "other", "cookie": "c=1"}
    answer = api.post(f"{url}?page=2", json={"a": 1}, headers=headers)
    found = answer.json()
    assert (found["method"], found["query"], found["body"]) == ("POST", {"page": "2"}, {"a": 1})
    assert found["headers"]["x-event"] == "made"
    assert not {"x-ours", "authorization", "cookie"} & set(found["headers"])
    assert secret not in answer.text


def test_a_node_responds_while_the_run_continues(api: httpx.Client) -> None:
    nodes = [
        {
            "id": "hello",
            "type": "respond",
            "config": {
                "status": 201,
                "headers": {"X-Kind": "greeting", "Content-Type": "text/html"},
                "body": "<b>Hello {{input.name}}</b>",
            },
        },
        human("later"),
    ]
    definition = {"nodes": nodes, "edges": [{"source": "hello", "target": "later"}]}
    api.post(f"{API}/workflows", json={"definition": definition, "id": "polite"})
    url = hook(api, "polite", "polite", verification="none", response="respond")
    answer = api.post(url, json={"name": "Ann"})
    assert (answer.status_code, answer.text) == (201, "<b>Hello Ann</b>")
    assert (answer.headers["x-kind"], answer.headers["content-type"]) == ("greeting", "text/html")
    # A page of an answer cannot act as the person who looks at it.
    assert answer.headers["content-security-policy"].startswith("sandbox ")
    assert "allow-same-origin" not in answer.headers["content-security-policy"]
    run = api.get(f"{API}/runs/{answer.headers['x-flowc-run-id']}").json()
    assert run["status"] in {"running", "waiting"}


def test_a_node_leads_the_sender_elsewhere(api: httpx.Client) -> None:
    config = {"redirect": "https://thanks.example/{{input.n}}"}
    definition = {"nodes": [{"id": "go", "type": "respond", "config": config}]}
    api.post(f"{API}/workflows", json={"definition": definition, "id": "leads"})
    url = hook(api, "leads", "leads", verification="none", response="respond")
    answer = api.post(url, data={"n": "7"}, headers={"origin": "https://shop.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, "https://thanks.example/7")


def test_without_a_response_the_outcome_is_answered(api: httpx.Client) -> None:
    failing = {"nodes": [{"id": "stop", "type": "fail", "config": {"message": "No stock."}}]}
    asking = {"nodes": [human("ask")]}
    for id, definition in (("failing", failing), ("asking", asking)):
        api.post(f"{API}/workflows", json={"definition": definition, "id": id}).raise_for_status()
    for response in ("output", "respond"):
        failed = api.post(hook(api, f"f-{response}", "failing", verification="none",
                               response=response), json={})  # fmt: skip
        assert (failed.status_code, failed.json()["error"]["message"]) == (500, "No stock.")
        waits = api.post(hook(api, f"w-{response}", "asking", verification="none",
                              response=response), json={})  # fmt: skip
        assert waits.status_code == 202
        assert api.get(f"{API}/runs/{waits.json()['run_id']}").json()["status"] == "waiting"


def test_handshakes_are_answered(api: httpx.Client) -> None:
    for kind in ("slack", "github"):
        hook(api, f"hands/{kind}", secret=kind, verification=kind)
    secret = SENDERS["slack"][1]
    body = {"type": "url_verification", "challenge": "3eZbrw1aBm"}
    # It is signed like every other message.
    sent = slack_message(json.dumps(body).encode(), secret)
    answer = post(api, f"{api.base_url}/hooks/hands/slack", sent)
    assert (answer.status_code, answer.text) == (200, "3eZbrw1aBm")
    refused = post(api, f"{api.base_url}/hooks/hands/slack", Sent(sent.body))
    assert refused.status_code == 401
    send, secret, _ = SENDERS["github"]
    ping = send("", secret, "p1").with_headers(x_github_event="ping")
    assert post(api, f"{api.base_url}/hooks/hands/github", ping).text == "pong"
    url = hook(api, "hands/plain", verification="none")
    asked = api.post(url, params={"validationToken": "a b"})
    assert (asked.text, asked.headers["content-type"]) == ("a b", "text/plain; charset=utf-8")


def test_json_in_a_form_is_read(api: httpx.Client) -> None:
    url = hook(api, "buttons", secret="slack", verification="slack", response="output")
    payload = {"type": "block_actions", "actions": [{"value": "yes"}]}
    body = urlencode({"payload": json.dumps(payload)}).encode()
    sent = slack_message(body, SENDERS["slack"][1]).with_headers(
        content_type="application/x-www-form-urlencoded"
    )
    assert post(api, url, sent).json() == payload


def test_a_message_is_tried_before_it_counts(api: httpx.Client) -> None:
    url = hook(api, "tried", secret="github", verification="github")
    send, secret, _ = SENDERS["github"]
    sent = send(url, secret, "d-1")
    tried = post(api, url.replace("/hooks/", "/hooks-test/"), sent)
    assert tried.json() == {
        "workflow_id": "shown", "input": sent.expected, "handshake": None, "message_id": "d-1"
    }  # fmt: skip
    assert api.get(f"{API}/runs", params={"started_by": "webhook tried"}).json()["items"] == []
    wrong = send(url, "other", "d-1")
    assert post(api, url.replace("/hooks/", "/hooks-test/"), wrong).status_code == 401


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"verification": "none", "secret": "github"}, "invalid-request"),
        ({"verification": "github"}, "secret-missing"),
        ({"verification": "github", "secret": "nowhere"}, "secret-missing"),
        ({"verification": "gitbub", "secret": "github"}, "invalid-request"),
        ({"verification": "token", "secret": "token", "header": "a b"}, "invalid-request"),
        ({"verification": "none", "methods": ["TRACE"]}, "invalid-request"),
    ],
)
def test_mistakes_in_a_webhook_are_refused(
    api: httpx.Client, change: dict[str, Any], problem: str
) -> None:
    body = {"path": "wrong", "workflow_id": "shown", **change}
    refused = api.post(f"{API}/webhooks", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, problem)
