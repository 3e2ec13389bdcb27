"""Lists are searched, filtered and sorted, and paged so that nothing is left out or sent twice."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from conftest import database_of

from fakes.processes import serving
from fakes.runs_api import API, begin, human, pause

NAMES = ["Beta", "alpha", "Gamma", "delta", "Epsilon", "alpha 2", "50% off"]


def items(api: httpx.Client, path: str, **params: Any) -> list[dict[str, Any]]:
    answer = api.get(f"{API}{path}", params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def ids(api: httpx.Client, path: str, **params: Any) -> list[str]:
    return [each["id"] for each in items(api, path, **params)]


def walked(api: httpx.Client, path: str, **params: Any) -> list[str]:
    """Return the ids of all pages, as their cursors lead from one to the next."""
    found: list[str] = []
    cursor = None
    while True:
        page = api.get(f"{API}{path}", params={**params, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200, page.text
        body = page.json()
        found += [each["id"] for each in body["items"]]
        assert (body["total"] is None) == (cursor is not None)
        cursor = body["next_cursor"]
        if cursor is None:
            return found


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def listed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """Start a server that has these workflows and runs alone."""
    with serving(tmp_path_factory.mktemp("lists") / "d", database_of(request)) as (api, _):
        for number, name in enumerate(NAMES):
            body = {"name": name, "nodes": [pause("a")]}
            api.put(f"{API}/workflows/w{number}", json=body).raise_for_status()
        for number in range(7):
            api.post(
                f"{API}/workflows/w{number % 2}/execute", json={"input": {"n": f"No. {number}"}}
            ).raise_for_status()
        begin(api, [human("ask")], input={"n": "it waits"})
        yield api


def test_workflows_are_sorted_searched_and_labelled(listed: httpx.Client) -> None:
    api, path = listed, "/workflows"
    assert ids(api, path) == [f"w{number}" for number in range(7)]
    assert ids(api, path, sort="-id") == [f"w{number}" for number in reversed(range(7))]
    assert ids(api, path, sort="-updated_at")[0] == "w6"
    assert ids(api, path, q="ALPHA") == ["w1", "w5"]
    assert ids(api, path, q="0%") == ["w6"]
    assert ids(api, path, q="%") == ["w6"]
    assert ids(api, path, q="w3") == ["w3"]
    for id, labels in (("w1", {"team": "red"}), ("w2", {"team": "blue", "on": "call"})):
        api.put(f"{API}/workflows/{id}/labels", json={"labels": labels}).raise_for_status()
        assert api.get(f"{API}/workflows/{id}/labels").json() == {"labels": labels}
    assert ids(api, path, label="team") == ["w1", "w2"]
    assert ids(api, path, label="team:blue") == ["w2"]
    assert ids(api, path, label=["team", "on:call"]) == ["w2"]
    assert items(api, path, label="team:red")[0]["labels"] == {"team": "red"}
    assert api.put(f"{API}/workflows/none/labels", json={"labels": {}}).status_code == 404
    assert api.put(f"{API}/workflows/w1/labels", json={"team": "x"}).status_code == 422


@pytest.mark.parametrize("sort", ["id", "-id", "name", "-name", "created_at", "-updated_at"])
def test_pages_of_workflows_follow_each_other(listed: httpx.Client, sort: str) -> None:
    whole = ids(listed, "/workflows", sort=sort)
    assert walked(listed, "/workflows", sort=sort, limit=2) == whole
    assert ids(listed, "/workflows", sort=sort, limit=2, page=2) == whole[2:4]


def test_pages_of_runs_hold_while_runs_are_added(listed: httpx.Client) -> None:
    api = listed
    before = ids(api, "/runs")
    assert ids(api, "/runs", sort="created_at") == before[::-1]
    first = api.get(f"{API}/runs", params={"limit": 3}).json()
    begin(api, [pause("a")])
    second = api.get(f"{API}/runs", params={"limit": 200, "cursor": first["next_cursor"]}).json()
    assert [each["id"] for each in first["items"] + second["items"]] == before
    assert walked(api, "/runs", limit=3)[1:] == before


def test_runs_are_filtered(listed: httpx.Client) -> None:
    api = listed
    assert len(ids(api, "/runs", workflow_id="w0")) == 4
    assert len(ids(api, "/runs", workflow_id="w0", version=2)) == 0
    assert len(ids(api, "/runs", status="waiting")) == 1
    assert len(ids(api, "/runs", status=["waiting", "completed"])) >= 8
    assert len(ids(api, "/runs", q="no. 3")) == 1
    assert len(ids(api, "/runs", q="it waits")) == 1
    one = items(api, "/runs", q="no. 3")[0]
    assert ids(api, "/runs", q=one["id"]) == [one["id"]]
    moment = one["created_at"]
    until, since = ids(api, "/runs", to=moment), ids(api, "/runs", **{"from": moment})
    assert (len(until), one["id"] in since, set(until) & set(since)) == (3, True, set())
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert ids(api, "/runs", **{"from": later}) == []
    assert ids(api, "/runs", started_by="nobody at all") == []


def test_items_have_only_the_fields_that_are_asked_for(listed: httpx.Client) -> None:
    api = listed
    small = items(api, "/workflows", fields="id,name", q="beta")
    assert small == [{"id": "w0", "name": "Beta"}]
    run = items(api, "/runs", fields="id, status", limit=1)[0]
    assert set(run) == {"id", "status"}
    for path in ("/workflows", "/runs"):
        wrong = api.get(f"{API}{path}", params={"fields": "id,statsu"})
        assert wrong.status_code == 422
        assert "statsu" in json.dumps(wrong.json())


@pytest.mark.parametrize("cursor", ["nonsense", "bm9uc2Vuc2U", "W10", "WyItbmFtZSIsICJhIiwgImIiXQ"])
def test_a_cursor_of_another_list_is_refused(listed: httpx.Client, cursor: str) -> None:
    for path in ("/workflows", "/runs"):
        refused = listed.get(f"{API}{path}", params={"cursor": cursor})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid-request")
    page = listed.get(f"{API}/runs", params={"limit": 1}).json()
    params = {"cursor": page["next_cursor"], "offset": 3}
    assert listed.get(f"{API}/runs", params=params).status_code == 422
