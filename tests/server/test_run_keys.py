"""The keys of runs are those of one workflow and one origin, and stand for one input."""

from typing import Any

import httpx
import pytest

from fakes.processes import until
from fakes.runs_api import API, human, pause

ECHO = [{"id": "say", "type": "template", "config": {"template": "{{input|tojson}}"}}]


def stored(api: httpx.Client, id: str, nodes: list[Any]) -> str:
    api.delete(f"{API}/workflows/{id}")
    body = {"id": id, "definition": {"nodes": nodes}}
    api.post(f"{API}/workflows", json=body).raise_for_status()
    return f"{API}/workflows/{id}/execute"


def post(api: httpx.Client, url: str, key: str | None = None, **body: Any) -> httpx.Response:
    return api.post(url, json=body, headers={"idempotency-key": key} if key else {})


def test_workflows_do_not_share_their_idempotency_keys(api: httpx.Client) -> None:
    urls = [stored(api, id, [{**ECHO[0], "config": {"template": id}}]) for id in ("a", "b")]
    runs = [post(api, url, "order-7").json() for url in urls * 2]
    assert [run["output"] for run in runs] == [{"text": "a"}, {"text": "b"}] * 2
    assert [run["id"] for run in runs[:2]] == [run["id"] for run in runs[2:]]
    inline = {"definition": {"nodes": ECHO}}
    other = post(api, f"{API}/workflows/execute", "order-7", **inline).json()
    assert other["workflow_id"] is None


def test_workflows_do_not_share_their_deduplication_keys(api: httpx.Client) -> None:
    urls = [stored(api, id, [human("ask")]) for id in ("c", "d")]
    runs = [post(api, url, deduplication_key="nightly").json() for url in urls * 2]
    assert [run["workflow_id"] for run in runs] == ["c", "d"] * 2
    assert len({run["id"] for run in runs}) == 2


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("kind", ["idempotency", "deduplication"])
def test_a_key_with_another_input_is_refused_with_its_run(
    api: httpx.Client, kind: str, wait: bool
) -> None:
    url = stored(api, f"{kind}-{wait}".lower(), [human("ask")])

    def send(given: Any) -> httpx.Response:
        if kind == "idempotency":
            return post(api, url, "k", input=given, wait=wait)
        return post(api, url, deduplication_key="k", input=given, wait=wait)

    first = send({"n": 1, "m": [True]}).json()
    assert send({"m": [True], "n": 1}).json()["id"] == first["id"]
    for given in ({}, {"n": 2, "m": [True]}, {"n": 1, "m": [1]}, {"n": True, "m": [True]}):
        refused = send(given)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (409, "key-taken")
        assert error["details"] == [{"run_id": first["id"]}]
        assert first["id"] in error["message"]


def test_a_key_with_another_definition_is_refused(api: httpx.Client) -> None:
    url = f"{API}/workflows/execute"
    first = post(api, url, "inline", definition={"nodes": ECHO})
    again = post(api, url, "inline", definition={"nodes": ECHO})
    other = post(api, url, "inline", definition={"nodes": [pause("a")]})
    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key-taken")


def test_large_inputs_are_compared_too(api: httpx.Client) -> None:
    url = stored(api, "large", ECHO)
    big = "x" * 300_000
    first, again = (post(api, url, "big", input={"text": big}).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert post(api, url, "big", input={"text": f"{big}y"}).status_code == 409


def test_a_key_stays_that_of_its_run_in_a_newer_version(api: httpx.Client) -> None:
    url = stored(api, "newer", ECHO)
    first = post(api, url, "once").json()
    newer = {"definition": {"nodes": [pause("a")]}}
    api.put(f"{API}/workflows/newer", json=newer).raise_for_status()
    assert post(api, url, "once").json()["id"] == first["id"]


def test_the_id_of_a_signal_stands_for_one_signal(api: httpx.Client) -> None:
    sent = {"name": "paid", "key": "7", "data": {"n": 1}, "id": "s-1"}
    statuses = [
        api.post(f"{API}/signals", json={**sent, **change}).status_code
        for change in ({}, {}, {"name": "sent"}, {"key": "8"}, {"data": {"n": True}}, {"id": "s-2"})
    ]
    assert statuses == [200, 200, 409, 409, 409, 200]


def test_a_client_cannot_take_the_key_of_a_scheduled_run(api: httpx.Client) -> None:
    url = stored(api, "nightly", ECHO)
    schedule = {"id": "at-night", "workflow_id": "nightly", "cron": "0 3 * * *"}
    api.post(f"{API}/schedules", json=schedule).raise_for_status()
    period = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    moments = ["2026-01-01T03:00:00+00:00", "2026-01-01T03:00:00"]
    taken = {post(api, url, f"schedule at-night {moment}").json()["id"] for moment in moments}
    backfill = api.post(f"{API}/schedules/at-night/backfill", json=period)
    assert backfill.json() == {"runs": 1}, backfill.text
    listed = f"{API}/runs?workflow_id=nightly"
    until(lambda: api.get(listed).json()["total"] == 3)
    assert taken < {run["id"] for run in api.get(listed).json()["items"]}
    api.delete(f"{API}/schedules/at-night")


def test_questions_name_their_workflow_and_are_paged(api: httpx.Client) -> None:
    nodes = [human("ask", assignee="ada"), human("other", role="boss")]
    definition = {"name": "Refunds", "nodes": nodes}
    api.post(f"{API}/workflows", json={"id": "asks", "definition": definition}).raise_for_status()
    run = post(api, f"{API}/workflows/asks/execute").json()
    listed = {"run_id": run["id"]}
    found = api.get(f"{API}/interrupts", params=listed).json()
    assert {(each["workflow_id"], each["workflow_name"]) for each in found} == {("asks", "Refunds")}
    pages = [
        api.get(f"{API}/interrupts", params={**listed, "limit": 1, "offset": offset}).json()
        for offset in range(3)
    ]
    assert [each["id"] for page in pages for each in page] == [each["id"] for each in found]
    [one] = api.get(f"{API}/interrupts", params={**listed, "assignee": "ada"}).json()
    [other] = api.get(f"{API}/interrupts", params={**listed, "role": "boss"}).json()
    assert (one["node_id"], other["node_id"]) == ("ask", "other")
    assert api.get(f"{API}/interrupts/{one['id']}").json() == one
    inline = post(api, f"{API}/workflows/execute", definition={"nodes": [human("ask")]}).json()
    [bare] = api.get(f"{API}/interrupts", params={"run_id": inline["id"]}).json()
    assert (bare["workflow_id"], bare["workflow_name"]) == (None, None)
