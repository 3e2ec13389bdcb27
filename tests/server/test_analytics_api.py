"""Figures over HTTP, as the owner's users ask for them: of a server's own runs, each tenant's."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.processes import new_database
from fakes.processes import serving as running
from fakes.served import Served, serving
from flowc.server.app import API
from flowc.server.records.times import now

STATS, PERFORMANCE, TRENDS, COST = (
    f"/workflows/analytics/{name}" for name in ("stats", "performance", "trends", "cost")
)
ALL = ("/analytics/workflows", "/analytics/jobs", STATS, PERFORMANCE, TRENDS, COST)
NO_FALLBACK = "{{ input.missing }}"


def chat(id: str, prompt: str = "Hello {{ input.name }}") -> dict[str, Any]:
    nodes = [
        {"id": "say", "type": "template", "config": {"template": "Hi"}},
        {"id": "ask", "type": "llm", "config": {"prompt": prompt, "model": "offline/echo"}},
    ]
    return {"id": id, "nodes": nodes, "edges": [{"source": "say", "target": "ask"}]}


def use(client: httpx.Client) -> None:
    """Store two workflows, and let runs of them complete and fail."""
    for definition in (chat("greet"), chat("break", NO_FALLBACK)):
        made = client.post(f"{API}/workflows", json=definition)
        assert made.status_code == 201, made.text
    for _ in range(3):
        path = f"{API}/workflows/greet/execute"
        run = client.post(path, json={"input": {"name": "Ann"}}).json()
        assert run["status"] == "completed", run
    assert client.post(f"{API}/workflows/break/execute", json={}).json()["status"] == "failed"


def test_the_list_of_workflows_has_their_last_run_and_success_where_asked(
    listed: httpx.Client,
) -> None:
    def items(**params: Any) -> dict[str, Any]:
        return {each["id"]: each for each in asked(listed, "/workflows", **params)["items"]}

    assert not {"last_run", "executions", "success_rate"} & set(items()["greet"])
    found = items(include="stats")
    greet, broken, never = (found[id] for id in ("greet", "break", "never"))
    newest = asked(listed, "/runs", workflow_id="greet")["items"][0]
    for name in ("id", "status", "created_at", "finished_at"):
        assert greet["last_run"][name] == newest[name]
    assert (greet["executions"], greet["success_rate"]) == (3, 1.0)
    assert (broken["last_run"]["status"], broken["success_rate"]) == ("failed", 0.0)
    assert (never["last_run"], never["executions"], never["success_rate"]) == (None, 0, None)
    chosen = items(fields="id,success_rate")["greet"]
    assert chosen == {"id": "greet", "success_rate": 1.0}
    both = items(fields="id", include="stats")["break"]
    assert set(both) == {"id", "last_run", "executions", "success_rate"}


@pytest.fixture(params=["sqlite", "postgres"])
def listed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[httpx.Client]:
    """Start a server with runs of two workflows, and a third without any."""
    is_sqlite = request.param == "sqlite"
    env = {} if is_sqlite else new_database(request.getfixturevalue("postgres"))
    with running(tmp_path / "d", env) as (client, _):
        use(client)
        client.post(f"{API}/workflows", json=chat("never")).raise_for_status()
        yield client


def asked(client: httpx.Client, path: str, **params: Any) -> Any:
    answer = client.get(f"{API}{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_server_has_the_figures_of_its_runs_as_soon_as_they_end(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    env = {} if kind == "sqlite" else new_database(request.getfixturevalue("postgres"))
    with running(tmp_path / "d", env) as (client, _):
        use(client)
        _check_stats(client)
        _check_workflows(client)
        _check_performance(client)
        _check_trends(client)
        _check_cost(client)
        _check_jobs(client)


def _check_stats(client: httpx.Client) -> None:
    found = asked(client, STATS, days=7)
    counts = {"executions": 4, "completed": 3, "failed": 1, "cancelled": 0, "retried": 0}
    assert counts.items() <= found.items()
    assert (found["success_rate"], found["failure_rate"]) == (0.75, 0.25)
    assert (found["days"], found["per_day"]) == (7, round(4 / 7, 3))
    assert found["usage"]["calls"] == 3
    assert asked(client, STATS, workflow_id="break")["executions"] == 1
    nothing = asked(client, STATS, workflow_id="none")
    assert (nothing["executions"], nothing["success_rate"]) == (0, None)


def _check_workflows(client: httpx.Client) -> None:
    greet, broken = asked(client, "/analytics/workflows")["items"]
    assert (greet["workflow_id"], greet["executions"], greet["success_rate"]) == ("greet", 3, 1.0)
    assert (broken["workflow_id"], broken["failed"], broken["failure_rate"]) == ("break", 1, 1.0)
    took = greet["duration"]
    assert 0 < took["p50_ms"] <= took["p95_ms"] <= took["p99_ms"] <= took["longest_ms"]


def _check_performance(client: httpx.Client) -> None:
    found = asked(client, PERFORMANCE)
    assert found["executions"] == 4
    nodes = {(node["workflow_id"], node["node_id"]): node for node in found["slowest_nodes"]}
    assert nodes.keys() == {(w, n) for w in ("greet", "break") for n in ("say", "ask")}
    assert (nodes["break", "ask"]["failed"], nodes["break", "ask"]["failure_rate"]) == (1, 1.0)
    averages = [node["duration"]["average_ms"] for node in found["slowest_nodes"]]
    assert averages == sorted(averages, reverse=True)


def _check_trends(client: httpx.Client) -> None:
    daily = asked(client, TRENDS, days=3)["items"]
    # At midnight, the runs are of two days.
    assert (len(daily), daily[0]["executions"]) == (3, 0)
    assert sum(day["executions"] for day in daily) == 4
    hourly = asked(client, TRENDS, days=2, interval="hour")["items"]
    assert len(hourly) == 48
    assert sum(hour["completed"] for hour in hourly) == 3
    assert sum(hour["usage"]["calls"] for hour in hourly) == 3


def _check_cost(client: httpx.Client) -> None:
    found = asked(client, COST)
    [model] = found["by_model"]
    assert (model["model"], model["calls"]) == ("offline/echo", 3)
    assert model["total_tokens"] == found["usage"]["total_tokens"] > 0
    by_workflow = {each["workflow_id"]: each["executions"] for each in found["by_workflow"]}
    assert by_workflow == {"greet": 3, "break": 1}
    [caller] = found["by_caller"]
    assert caller["executions"] == 4
    assert caller["total_tokens"] == model["total_tokens"]


def _check_jobs(client: httpx.Client) -> None:
    found = asked(client, "/analytics/jobs", limit=3)
    assert found["summary"]["executions"] == 4
    newest, *others = found["items"]
    assert (newest["workflow_id"], newest["status"]) == ("break", "failed")
    assert newest["error_code"] == "expression-failed"
    assert [each["workflow_id"] for each in others] == ["greet", "greet"]
    assert all(each["duration_ms"] > 0 and each["queued_ms"] >= 0 for each in others)
    run = asked(client, f"/runs/{others[0]['job_id']}")
    assert others[0]["total_tokens"] == run["usage"]["total_tokens"]
    mine = asked(client, "/analytics/jobs", workflow_id="greet")["items"]
    assert [each["workflow_id"] for each in mine] == ["greet"] * 3


async def _greet(served: Served, key: str) -> None:
    made = await served.ask("POST", f"{API}/workflows", key, json=chat("greet"))
    assert made.is_success, made.text
    path = f"{API}/workflows/greet/execute"
    assert (await served.ask("POST", path, key, json={"input": {"name": "A"}})).is_success


async def test_each_tenant_has_its_own_figures_and_each_key_its_own_cost(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as served:
        other = await served.new_key(role="editor", tenant="other")
        await _greet(served, served.admin)
        await _greet(served, other)
        path = f"{API}/workflows/greet/execute"
        assert (await served.ask("POST", path, other, json={"input": {"name": "B"}})).is_success
        counts = []
        for key in (served.admin, other):
            found = await served.ask("GET", f"{API}{STATS}", key)
            counts.append(found.json()["executions"])
            [caller] = (await served.ask("GET", f"{API}{COST}", key)).json()["by_caller"]
            session = (await served.ask("GET", f"{API}/runs", key)).json()
            assert caller["started_by"] == session["items"][0]["started_by"]
        assert counts == [1, 2]


async def test_viewers_may_read_figures_and_keys_of_one_workflow_may_not(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as served:
        viewer = await served.new_key(role="viewer")
        narrow = await served.new_key(workflow_id="greet")
        only_runs = await served.new_key(scopes=["runs:read"])
        for path in ALL:
            answers = [
                (await served.ask("GET", f"{API}{path}", key)).status_code
                for key in (viewer, narrow, only_runs, None)
            ]
            assert answers == [200, 403, 403, 401]


BAD = [
    {"days": "0"},
    {"days": "367"},
    {"days": "x"},
    {"day": "3"},
    {"from": "2026-01-01", "days": "3"},
    {"from": "2026-01-02", "to": "2026-01-01"},
    {"from": "2024-01-01", "to": "2026-01-01"},
    {"from": "soon"},
    {"to": "0001-01-01"},
    {"to": "9999-12-31"},
    {"since": "2026-01-01"},
]


async def test_wrong_parameters_are_refused(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as served:
        for path in ALL:
            for params in BAD:
                answer = await served.ask("GET", f"{API}{path}", served.admin, params=params)
                assert answer.status_code == 422, (path, params, answer.text)
        for params in ({"interval": "hour", "days": "8"}, {"interval": "week"}):
            answer = await served.ask("GET", f"{API}{TRENDS}", served.admin, params=params)
            assert answer.status_code == 422
        answer = await served.ask("GET", f"{API}{STATS}", served.admin, params={"interval": "day"})
        assert answer.status_code == 422


async def test_a_period_can_have_a_first_and_a_last_day(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as served:
        await _greet(served, served.admin)
        today = now().date()
        ends = {"from": str(today - timedelta(days=1)), "to": str(today)}
        found = (await served.ask("GET", f"{API}{STATS}", served.admin, params=ends)).json()
        assert (found["from"], found["to"], found["days"]) == (ends["from"], ends["to"], 2)
        assert found["executions"] == 1
        before = {"to": str(today - timedelta(days=2)), "days": 5}
        found = (await served.ask("GET", f"{API}{STATS}", served.admin, params=before)).json()
        assert (found["from"], found["executions"]) == (str(today - timedelta(days=6)), 0)


async def test_a_run_that_fails_again_in_a_retry_is_two_failures(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as served:
        body = chat("break", NO_FALLBACK)
        await served.ask("POST", f"{API}/workflows", served.admin, json=body)
        path = f"{API}/workflows/break/execute"
        run = (await served.ask("POST", path, served.admin, json={})).json()
        watched = f"{API}/runs/{run['id']}"
        assert (await served.ask("POST", f"{watched}/retry", served.admin)).is_success
        await served.ask("GET", f"{watched}/events", served.admin)
        found = (await served.ask("GET", f"{API}{STATS}", served.admin)).json()
        assert (found["executions"], found["failed"], found["retried"]) == (2, 2, 1)
        found = (await served.ask("GET", f"{API}{PERFORMANCE}", served.admin)).json()
        # The node before it did not run again.
        counts = {node["node_id"]: node["executions"] for node in found["slowest_nodes"]}
        assert counts == {"say": 1, "ask": 2}
        assert found["duration"]["longest_ms"] > 0
