"""Workflows limit how many of their runs work at once, and how many start in a period."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.processes import serving, until
from fakes.runs_api import API, asked, begin, ended, human, pause, run_of


def workflow(api: httpx.Client, nodes: list[Any], **settings: Any) -> str:
    made = api.post(f"{API}/workflows", json={"definition": {"nodes": nodes, "settings": settings}})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def submit(api: httpx.Client, id: str, **more: Any) -> dict[str, Any]:
    response = api.post(f"{API}/workflows/{id}/execute", json={"wait": False, **more})
    assert response.status_code == 200, response.text
    return dict(response.json())


def most_at_once(runs: list[dict[str, Any]]) -> int:
    """Return how many runs were at work at the same time."""
    moments = [(run["started_at"], 1) for run in runs] + [(run["finished_at"], -1) for run in runs]
    at_work = most = 0
    for _, change in sorted(moments):
        at_work += change
        most = max(most, at_work)
    return most


def test_a_workflow_limits_how_many_of_its_runs_work_at_once(api: httpx.Client) -> None:
    id = workflow(api, [pause("a", seconds=0.2), pause("b", "a", seconds=0.2)], max_runs=2)
    with ThreadPoolExecutor(4) as pool:
        awaited = [pool.submit(submit, api, id, wait=True) for _ in range(2)]
        ids = [submit(api, id)["id"] for _ in range(6)]
        ids += [future.result()["id"] for future in awaited]
    runs = [ended(api, each) for each in ids]
    assert {run["status"] for run in runs} == {"completed"}
    assert most_at_once(runs) == 2


def test_a_run_that_waits_gives_up_its_place(api: httpx.Client) -> None:
    id = workflow(api, [human("ask"), pause("after", "ask")], max_runs=1)
    first, second = submit(api, id), submit(api, id)
    for run in (first, second):
        until(lambda run=run: run_of(api, run["id"])["status"] == "waiting")
    for run in (first, second):
        (task,) = asked(api, run["id"])
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
    assert {ended(api, run["id"])["status"] for run in (first, second)} == {"completed"}


def test_held_runs_can_be_ended_and_paused(api: httpx.Client) -> None:
    id = workflow(api, [pause("a", seconds=0.9)], max_runs=1)
    first, held, paused, last = (submit(api, id) for _ in range(4))
    assert api.post(f"{API}/runs/{held['id']}/cancel").json()["status"] == "cancelled"
    assert api.post(f"{API}/runs/{paused['id']}/pause").json()["status"] == "paused"
    api.post(f"{API}/runs/{first['id']}/cancel")
    assert ended(api, last["id"])["status"] == "completed"
    api.post(f"{API}/runs/{paused['id']}/resume")
    assert ended(api, paused["id"])["status"] == "completed"


def test_the_run_with_the_higher_priority_starts_first(api: httpx.Client) -> None:
    id = workflow(api, [pause("a", seconds=0.3)], max_runs=1)
    submit(api, id)
    later, sooner = submit(api, id, priority=50), submit(api, id, priority=1)
    done = {run["id"]: ended(api, run["id"])["started_at"] for run in (later, sooner)}
    assert done[sooner["id"]] < done[later["id"]]


def test_a_rate_limits_how_many_runs_start_in_a_period(api: httpx.Client) -> None:
    id = workflow(api, [pause("a")], rate={"runs": 2, "per": "1s"})
    runs = [ended(api, submit(api, id)["id"]) for _ in range(2)]
    runs += [ended(api, run["id"]) for run in [submit(api, id) for _ in range(3)]]
    wanted = sorted(datetime.fromisoformat(run["starts_at"]) for run in runs)
    for first, third in zip(wanted, wanted[2:], strict=False):
        assert (third - first).total_seconds() >= 1
    for run in runs:
        assert run["started_at"] >= run["starts_at"]


def test_a_deduplication_key_has_one_unfinished_run_at_a_time(api: httpx.Client) -> None:
    nodes = [pause("a", seconds=0.5)]
    first = begin(api, nodes, wait=False, deduplication_key="nightly")
    second = begin(api, nodes, wait=False, deduplication_key="nightly")
    assert first["id"] == second["id"]
    ended(api, first["id"])
    third = begin(api, nodes, deduplication_key="nightly")
    assert (third["id"] != first["id"], third["status"]) == (True, "completed")


def test_all_processes_together_work_on_a_limited_number_of_runs(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    env = {"FLOWC_MAX_RUNS": "2", "FLOWC_POLL_SECONDS": "0.05"}
    with serving(tmp_path / "d", env) as (api, _):
        nodes = [pause("a", seconds=0.3)]
        with ThreadPoolExecutor(5) as pool:
            runs = list(pool.map(lambda _: begin(api, nodes), range(5)))
        assert most_at_once(runs) == 2


def test_waiting_runs_hold_no_slot(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with serving(tmp_path / "d", {"FLOWC_RUN_SLOTS": "2"}) as (api, _):
        with ThreadPoolExecutor(4) as pool:
            waiting = list(pool.map(lambda _: begin(api, [human("ask")], wait=False), range(50)))
        wanted = {"status": "waiting"}
        until(lambda: api.get(f"{API}/runs", params=wanted).json()["total"] == len(waiting))
        assert begin(api, [pause("a")])["status"] == "completed"
        assert ended(api, begin(api, [pause("a")], wait=False)["id"])["status"] == "completed"
