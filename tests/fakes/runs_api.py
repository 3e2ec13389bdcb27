"""Small workflows for a server, and calls of its API about their runs."""

from collections import Counter
from typing import Any

import httpx

from fakes.processes import until

API = "/api/v1"


def pause(id: str, *after: str, seconds: float = 0.01) -> dict[str, Any]:
    """Return a node that takes some time; a short one waits without leaving its process."""
    return {"id": id, "type": "wait", "depends_on": list(after), "config": {"for": seconds}}


def human(id: str, *after: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "type": "human", "depends_on": list(after), "config": config}


def begin(api: httpx.Client, nodes: list[Any], **more: Any) -> dict[str, Any]:
    body = {"definition": {"nodes": nodes, **more.pop("definition", {})}, **more}
    response = api.post(f"{API}/workflows/execute", json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


def run_of(api: httpx.Client, id: str) -> dict[str, Any]:
    return dict(api.get(f"{API}/runs/{id}").json())


def ended(api: httpx.Client, id: str) -> dict[str, Any]:
    def look() -> Any:
        run = run_of(api, id)
        return run if run["status"] in {"completed", "failed", "cancelled"} else None

    return dict(until(look))


def asked(api: httpx.Client, run_id: str) -> list[dict[str, Any]]:
    return list(api.get(f"{API}/interrupts", params={"run_id": run_id}).json())


def events_of(api: httpx.Client, id: str) -> list[dict[str, Any]]:
    return list(api.get(f"{API}/runs/{id}/logs", params={"limit": 1000}).json()["events"])


def require_orderly(events: list[dict[str, Any]]) -> None:
    """Check that event numbers have no gaps, and that no node ends more often than it starts."""
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    begun: Counter[str] = Counter()
    for event in events:
        place = f"{event['path']}{event['node_id']}"
        if event["kind"] == "node.started":
            begun[place] += 1
        elif event["kind"] in {"node.completed", "node.failed"}:
            begun[place] -= 1
            assert begun[place] >= 0
