"""Runs that wait, that are watched and steered, and that outlive the processes that work on them."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from processes import serving, start, until
from websockets.sync.client import connect

API = "/api/v1"


def code(id: str, *after: str, seconds: float = 0.01) -> dict[str, Any]:
    """A node that takes some time, in the process if it is short."""
    return {"id": id, "type": "wait", "depends_on": list(after), "config": {"for": seconds}}


def human(id: str, *after: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "type": "human", "depends_on": list(after), "config": config}


def _new_database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Name a database of a test's own, in the environment of the server."""
    if request.param == "sqlite":
        return {}
    url, name = request.getfixturevalue("postgres"), f"d{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return {"FLOWC_DATABASE_URL": url.replace("/postgres?", f"/{name}?")}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared(request: pytest.FixtureRequest) -> dict[str, str]:
    return _new_database(request)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    return _new_database(request)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, shared: dict[str, str]) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("data") / "d", shared) as (client, _):
        yield client


def begin(api: httpx.Client, nodes: list[Any], **more: Any) -> dict[str, Any]:
    body = {"definition": {"nodes": nodes, **more.pop("definition", {})}, **more}
    response = api.post(f"{API}/workflows/execute", json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


def run_of(api: httpx.Client, id: str) -> dict[str, Any]:
    return dict(api.get(f"{API}/runs/{id}").json())


def ended(api: httpx.Client, id: str, seconds: float = 30) -> dict[str, Any]:
    def look() -> Any:
        run = run_of(api, id)
        return run if run["status"] in {"completed", "failed", "cancelled"} else None

    return dict(until(look, seconds))


def asked(api: httpx.Client, run_id: str) -> list[dict[str, Any]]:
    return list(api.get(f"{API}/interrupts", params={"run_id": run_id}).json())


def events_of(api: httpx.Client, id: str) -> list[dict[str, Any]]:
    return list(api.get(f"{API}/runs/{id}/logs", params={"limit": 1000}).json()["events"])


def require_orderly(events: list[dict[str, Any]]) -> None:
    """Hold that numbers have no gaps, and that no node ends more often than it began."""
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    begun: Counter[str] = Counter()
    for event in events:
        place = f"{event['path']}{event['node_id']}"
        if event["kind"] == "node.started":
            begun[place] += 1
        elif event["kind"] in {"node.completed", "node.failed"}:
            begun[place] -= 1
            assert begun[place] >= 0


def test_a_person_is_asked_and_answers(api: httpx.Client) -> None:
    nodes = [
        human("ask", title="Ship {{input.n}}?", form={"note": "string"}, choices=["yes", "no"])
    ]
    run = begin(api, nodes, input={"n": 3})
    assert (run["status"], run["nodes"]["ask"]["status"]) == ("waiting", "waiting")
    (task,) = asked(api, run["id"])
    assert (task["kind"], task["status"], task["data"]["title"]) == ("human", "open", "Ship 3?")
    path = f"{API}/interrupts/{task['id']}/answer"
    refused = api.post(path, json={"answer": {"choice": "perhaps", "note": "Hm."}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "answer-refused")
    answer = {"choice": "yes", "note": "Fine."}
    for _ in range(2):
        given = api.post(path, json={"answer": answer})
        assert (given.status_code, given.json()["status"]) == (200, "answered")
    other = api.post(path, json={"answer": {"choice": "no", "note": "No."}})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "not-answerable")
    done = ended(api, run["id"])
    assert done["output"] == {**answer, "timed_out": False}
    assert asked(api, run["id"]) == []
    assert api.post(f"{API}/interrupts/nobody/answer", json={"answer": "x"}).status_code == 404
    require_orderly(events_of(api, run["id"]))


def test_two_people_answer_at_the_same_time(api: httpx.Client) -> None:
    nodes = [human("one"), human("two"), {**code("end", "one", "two"), "join": "all"}]
    run = begin(api, nodes)
    tasks = asked(api, run["id"])

    def answer(task: Any) -> int:
        path = f"{API}/interrupts/{task['id']}/answer"
        return api.post(path, json={"answer": "approve"}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(answer, tasks)) == [200, 200]
    done = ended(api, run["id"])
    assert done["status"] == "completed"
    assert {node["runs"] for node in done["nodes"].values()} == {1}


def test_a_signal_counts_before_the_wait_and_after(api: httpx.Client) -> None:
    def paid(id: str, key: str, *after: str) -> dict[str, Any]:
        config = {"signal": "paid", "key": key}
        return {"id": id, "type": "wait", "depends_on": list(after), "config": config}

    run = begin(
        api, [paid("first", "{{input.n}}"), paid("second", "{{input.n}}", "first")], input={"n": 7}
    )
    assert run["status"] == "waiting"
    assert api.post(f"{API}/signals", json={"name": "paid", "key": "8"}).json() == {"runs": 0}
    body = {"name": "paid", "key": "7", "data": 1, "id": f"one-{run['id'][:8]}"}
    assert api.post(f"{API}/signals", json=body).json() == {"runs": 1}
    assert api.post(f"{API}/signals", json=body).json() == {"runs": 0}
    api.post(f"{API}/signals", json={**body, "data": 2, "id": f"two-{run['id'][:8]}"})
    done = ended(api, run["id"])
    assert [done["nodes"][n]["output"]["data"] for n in ("first", "second")] == [1, 2]


def test_one_run_signals_another(api: httpx.Client) -> None:
    waiting = begin(api, [{"id": "w", "type": "wait", "config": {"signal": "go"}}])
    begin(api, [{"id": "e", "type": "emit", "config": {"signal": "go", "data": [1]}}])
    assert ended(api, waiting["id"])["output"]["data"] == [1]


def test_time_passes_without_a_worker_being_held(api: httpx.Client) -> None:
    started = time.monotonic()
    run = begin(api, [code("a", seconds=1.5), code("b", "a")])
    assert run["status"] == "waiting"
    done = ended(api, run["id"])
    assert (done["status"], done["output"]) == ("completed", {"waited": 0.01})
    assert time.monotonic() - started >= 1.5


@pytest.mark.parametrize("default", [True, False])
def test_a_question_whose_time_is_over(api: httpx.Client, default: bool) -> None:
    config = {"timeout": 1, **({"default": "reject"} if default else {})}
    run = begin(api, [human("ask", **config)])
    done = ended(api, run["id"])
    if default:
        assert done["output"] == {"choice": "reject", "timed_out": True}
    else:
        assert done["error"]["code"] == "timeout"


def test_a_run_is_queued_with_a_key_once(api: httpx.Client) -> None:
    body = {"definition": {"nodes": [code("a")]}, "wait": False, "priority": 1}
    headers = {"Idempotency-Key": "the same"}
    path = f"{API}/workflows/execute"
    runs = [api.post(path, json=body, headers=headers).json() for _ in range(3)]
    assert len({run["id"] for run in runs}) == 1
    assert runs[0]["status"] == "pending"
    assert ended(api, runs[0]["id"])["status"] == "completed"


def test_a_run_is_cancelled_while_a_node_is_at_work(api: httpx.Client) -> None:
    inner = {"nodes": [code("w", seconds=0.9)]}
    config = {"items": list(range(40)), "max_parallel": 1, "body": inner}
    slow = {"id": "m", "type": "map", "config": config}
    body = {"definition": {"nodes": [slow]}, "wait": False}
    id = api.post(f"{API}/workflows/execute", json=body).json()["id"]
    until(lambda: run_of(api, id)["nodes"])
    asked_at = time.monotonic()
    cancelled = api.post(f"{API}/runs/{id}/cancel").json()
    assert (cancelled["status"], cancelled["error"]["code"]) == ("cancelled", "cancelled")
    count = len(events_of(api, id))
    time.sleep(2.5)
    assert len(events_of(api, id)) == count
    assert time.monotonic() - asked_at < 10
    assert api.post(f"{API}/runs/{id}/cancel").status_code == 200


def test_a_run_is_paused_and_goes_on(api: httpx.Client) -> None:
    nodes = [code("a", seconds=0.5), code("b", "a", seconds=0.5), code("c", "b", seconds=0.5)]
    body = {"definition": {"nodes": nodes}, "wait": False}
    id = api.post(f"{API}/workflows/execute", json=body).json()["id"]
    until(lambda: run_of(api, id)["nodes"])
    api.post(f"{API}/runs/{id}/pause")
    paused = until(lambda: (run := run_of(api, id))["status"] == "paused" and run)
    assert "c" not in paused["nodes"]
    assert api.post(f"{API}/runs/{id}/pause").json()["status"] == "paused"
    assert api.post(f"{API}/runs/{id}/resume").status_code == 200
    done = ended(api, id)
    assert {node["runs"] for node in done["nodes"].values()} == {1}
    conflict = api.post(f"{API}/runs/{id}/resume")
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "not-possible")
    require_orderly(events_of(api, id))


def test_a_failed_run_is_tried_again_from_where_it_failed(api: httpx.Client) -> None:
    missing = {
        "id": "b",
        "type": "http",
        "depends_on": ["a"],
        "config": {"url": "http://127.0.0.1:9/"},
    }
    run = begin(api, [code("a"), missing])
    assert run["status"] == "failed"
    assert api.post(f"{API}/runs/{run['id']}/retry").status_code == 200
    again = until(lambda: (r := run_of(api, run["id"]))["nodes"]["b"]["runs"] == 2 and r)
    assert again["nodes"]["a"]["runs"] == 1


def test_events_are_streamed_and_taken_up_again(api: httpx.Client) -> None:
    run = begin(api, [code("a"), human("ask", "a"), code("b", "ask")])
    path = f"{API}/runs/{run['id']}/events"
    first: list[dict[str, Any]] = []
    with api.stream("GET", path) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("data:"):
                first.append(json.loads(line.removeprefix("data:")))
            if first and first[-1]["kind"] == "run.waiting":
                break
    (task,) = asked(api, run["id"])
    api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
    rest: list[dict[str, Any]] = []
    with api.stream("GET", path, headers={"Last-Event-ID": str(first[-1]["number"])}) as response:
        rest += [
            json.loads(line.removeprefix("data:"))
            for line in response.iter_lines()
            if line.startswith("data:")
        ]
    assert [*first, *rest] == events_of(api, run["id"])
    assert rest[-1]["kind"] == "run.completed"
    require_orderly([*first, *rest])
    assert api.get(f"{API}/runs/nobody/events").status_code == 404


def test_events_come_over_a_websocket_and_by_long_poll(api: httpx.Client) -> None:
    run = begin(api, [code("a")])
    url = str(api.base_url).replace("http", "ws", 1) + f"{API}/runs/{run['id']}/ws"
    with connect(url) as socket:
        told = [json.loads(message) for message in socket]
    assert told == events_of(api, run["id"])
    logs = f"{API}/runs/{run['id']}/logs"
    page = api.get(logs, params={"after": 2, "limit": 2, "wait": 5}).json()
    assert ([e["number"] for e in page["events"]], page["is_over"]) == ([3, 4], False)
    end = api.get(logs, params={"after": len(told), "wait": 5}).json()
    assert (end["events"], end["is_over"], end["status"]) == ([], True, "completed")


def test_what_waits_outlives_the_process(tmp_path: Path, database: dict[str, str]) -> None:
    nodes = [code("a"), human("ask", "a"), code("b", "ask", seconds=1.2), code("c", "b")]
    with serving(tmp_path / "d", database) as (api, process):
        run = begin(api, nodes)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving(tmp_path / "d", database) as (api, process):
        (task,) = asked(api, run["id"])
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
        until(lambda: run_of(api, run["id"])["nodes"].get("b", {}).get("status") == "waiting")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving(tmp_path / "d", database) as (api, _):
        done = ended(api, run["id"])
        assert done["status"] == "completed"
        assert {name: node["runs"] for name, node in done["nodes"].items()} == dict.fromkeys(
            ("a", "ask", "b", "c"), 1
        )
        require_orderly(events_of(api, run["id"]))


def test_a_run_that_was_at_work_goes_on_after_kill_9(
    tmp_path: Path, database: dict[str, str]
) -> None:
    inner = {"nodes": [code("w", seconds=0.5)]}
    config = {"items": list(range(6)), "max_parallel": 1, "body": inner}
    each = {"id": "each", "type": "map", "depends_on": ["a"], "config": config}
    body = {"definition": {"nodes": [code("a"), each, code("c", "each")]}, "wait": False}
    quick = {**database, "FLOWC_TAKEOVER_SECONDS": "1"}
    with serving(tmp_path / "d", quick) as (api, process):
        id = api.post(f"{API}/workflows/execute", json=body).json()["id"]
        until(lambda: run_of(api, id)["nodes"].get("each.w", {}).get("runs", 0) >= 3)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving(tmp_path / "d", quick) as (api, _):
        done = ended(api, id)
        assert done["status"] == "completed"
        counts = {name: node["runs"] for name, node in done["nodes"].items()}
        # What was at work when the process died is done again: one item, and the map round it;
        # and perhaps an item that had ended a moment before.
        again = counts.pop("each.w") - 6
        assert (counts, again in {1, 2}) == ({"a": 1, "each": 2, "c": 1}, True)
        require_orderly(events_of(api, id))


def test_runs_are_begun_by_a_schedule(api: httpx.Client) -> None:
    api.post(f"{API}/workflows", json={"id": "tick", "definition": {"nodes": [code("a")]}})
    path = f"{API}/schedules"
    every = {"id": "often", "workflow_id": "tick", "cron": "* * * * * *", "timezone": "Asia/Tokyo"}
    made = api.post(path, json=every)
    assert (made.status_code, made.json()["paused"]) == (201, False), made.text
    assert api.post(path, json=every).status_code == 409
    for wrong in ({"cron": "nonsense"}, {"timezone": "Nowhere"}):
        assert api.post(path, json={**every, "id": "other", **wrong}).status_code == 409
    assert api.post(path, json={**every, "id": "x", "workflow_id": "none"}).status_code == 404

    def runs() -> int:
        return int(api.get(f"{API}/runs", params={"workflow_id": "tick"}).json()["total"])

    until(lambda: runs() >= 2)
    assert api.post(f"{path}/often/pause").json()["paused"] is True
    time.sleep(6)
    count = runs()
    time.sleep(2)
    assert runs() == count
    api.post(f"{path}/often/trigger")
    until(lambda: runs() == count + 1)
    window = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:04Z"}
    begun = [api.post(f"{path}/often/backfill", json=window).json()["runs"] for _ in range(2)]
    assert begun[0] == 3
    until(lambda: runs() == count + 4)
    assert [schedule["id"] for schedule in api.get(path).json()] == ["often"]
    assert api.delete(f"{path}/often").status_code == 204
    assert api.get(f"{path}/often").status_code == 404
    time.sleep(1)
    assert runs() == count + 4


def test_the_history_tells_every_time_a_node_ran(api: httpx.Client) -> None:
    inner = {"nodes": [code("w")]}
    each = {"id": "each", "type": "map", "config": {"items": [1, 2], "body": inner}}
    run = begin(api, [each, code("end", "each")])
    history = api.get(f"{API}/runs/{run['id']}/history").json()
    ran = Counter((e["node_id"], e["status"]) for e in history)
    assert ran == {("each", "completed"): 1, ("w", "completed"): 2, ("end", "completed"): 1}
    assert all(e["started_at"] <= e["finished_at"] and e["attempts"] for e in history)


def test_what_a_new_version_could_take_over(tmp_path: Path) -> None:
    ship = {"nodes": [code("a"), human("ask", "a"), code("b", "ask")]}
    later = {"nodes": [code("a"), human("ask", "a"), code("b", "ask", seconds=0.5)]}
    other = {"nodes": [code("a"), human("ask", "a", title="Else?"), code("b", "ask")]}
    data = tmp_path / "d"
    with serving(data) as (api, _):
        api.post(f"{API}/workflows", json={"id": "ship", "definition": ship})
        run = api.post(f"{API}/workflows/ship/execute").json()
        assert run["status"] == "waiting"
        api.put(f"{API}/workflows/ship", json=later)
    command = [sys.executable, "-m", "flowc.server", "runs", "check-upgrade", "ship", "--json"]
    env = {**os.environ, "FLOWC_DATA_DIR": str(data)}

    def verdicts() -> Any:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        return json.loads(done.stdout)

    (verdict,) = verdicts()
    assert (verdict["run_id"], verdict["can_take_over"]) == (run["id"], True)
    with serving(data) as (api, _):
        api.put(f"{API}/workflows/ship", json=other)
        # The run itself goes on with what it began with.
        (verdict,) = verdicts()
        assert verdict["reasons"] == ["The node 'ask' was changed, and the run waits in it."]
        (task,) = asked(api, run["id"])
        assert task["data"]["title"] == "Please decide"
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
        done = ended(api, run["id"])
        assert (done["status"], done["version"]) == ("completed", 1)


def test_runs_that_ended_long_ago_are_forgotten_and_none_that_waits(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with serving(tmp_path / "d", database) as (api, _):
        over = begin(api, [code("a")])
        waiting = begin(api, [human("ask")])
    # A fraction of a second, in days.
    brief = {**database, "FLOWC_KEEP_RUNS_DAYS": "0.000001"}
    with serving(tmp_path / "d", brief) as (api, _):
        until(lambda: api.get(f"{API}/runs/{over['id']}").status_code == 404)
        assert run_of(api, waiting["id"])["status"] == "waiting"
        (task,) = asked(api, waiting["id"])
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
        assert ended(api, waiting["id"])["status"] == "completed"


def test_a_second_process_on_the_same_file_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "d"):
        second = start(tmp_path / "d", ["serve", "--port", "0"])
        assert second.wait(timeout=30) == 2
    assert "FLOWC_DATABASE_URL" in (tmp_path / "d.log").read_text()
    alone: subprocess.Popen[bytes] = start(tmp_path / "d", ["worker"])
    assert alone.wait(timeout=30) == 2
