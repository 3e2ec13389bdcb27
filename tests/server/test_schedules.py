"""Schedules are changed in place."""

import httpx

from fakes.processes import until
from fakes.runs_api import API, pause


def test_a_schedule_is_changed_and_starts_runs_at_its_new_times(api: httpx.Client) -> None:
    for id in ("before", "after"):
        strict = {"nodes": [pause("a")], "input": {"n": "integer"}}
        api.post(f"{API}/workflows", json={"id": id, "definition": strict})
    path = f"{API}/schedules/moved"
    old = {"workflow_id": "before", "cron": "0 3 1 1 *", "input": {"n": 1}}
    new = {
        "workflow_id": "after",
        "cron": "* * * * * *",
        "timezone": "Asia/Tokyo",
        "input": {"n": 2},
        "catch_up": False,
    }
    missing = api.put(path, json=old)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "no-such-schedule")
    assert api.post(f"{API}/schedules", json={"id": "moved", **old}).status_code == 201
    api.post(f"{path}/pause").raise_for_status()
    for wrong, status, code in (
        ({"cron": "nonsense"}, 422, "invalid-request"),
        ({"timezone": "Nowhere"}, 422, "invalid-request"),
        ({"workflow_id": "none"}, 404, "no-such-workflow"),
        ({"input": {"n": "two"}}, 422, "input-refused"),
        ({"id": "other"}, 422, "invalid-request"),
    ):
        refused = api.put(path, json={**new, **wrong})
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code), wrong
    assert api.get(path).json()["cron"] == old["cron"]
    changed = api.put(path, json=new).json()
    assert {name: changed[name] for name in new} == new
    # A pause stays until it is ended.
    assert (changed["paused"], changed["next_times"]) == (True, [])
    api.post(f"{path}/resume").raise_for_status()
    runs = f"{API}/runs?workflow_id=after"
    until(lambda: api.get(runs).json()["total"] >= 1)
    assert api.get(f"{runs}&fields=input").json()["items"][0]["input"] == {"n": 2}
    api.put(path, json={**new, "cron": "0 3 1 1 *"}).raise_for_status()
    assert api.get(path).json()["next_times"][0].startswith("20")
    assert api.get(f"{API}/runs?workflow_id=before").json()["total"] == 0
    assert api.delete(path).status_code == 204
