"""Runs survive the end of their processes, and new versions of their workflows."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes import loopback
from fakes.processes import PATIENCE, serving, start, until
from fakes.runs_api import (
    API,
    asked,
    begin,
    ended,
    events_of,
    human,
    pause,
    require_orderly,
    run_of,
)


def test_a_waiting_run_survives_its_process(tmp_path: Path, database: dict[str, str]) -> None:
    nodes = [pause("a"), human("ask", "a"), pause("b", "ask", seconds=3), pause("c", "b")]
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


def test_a_working_run_resumes_after_kill_9(tmp_path: Path, database: dict[str, str]) -> None:
    inner = {"nodes": [pause("w", seconds=0.5)]}
    config = {"items": list(range(6)), "max_parallel": 1, "body": inner}
    each = {"id": "each", "type": "map", "depends_on": ["a"], "config": config}
    body = {"definition": {"nodes": [pause("a"), each, pause("c", "each")]}, "wait": False}
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
        # Work that the process had begun when it died is done again: one item and its map, and
        # perhaps an item that had ended a moment before.
        again = counts.pop("each.w") - 6
        assert (counts, again in {1, 2}) == ({"a": 1, "each": 2, "c": 1}, True)
        require_orderly(events_of(api, id))


def test_check_upgrade_reports_which_runs_a_new_version_could_take_over(tmp_path: Path) -> None:
    ship = {"nodes": [pause("a"), human("ask", "a"), pause("b", "ask")]}
    later = {"nodes": [pause("a"), human("ask", "a"), pause("b", "ask", seconds=0.5)]}
    other = {"nodes": [pause("a"), human("ask", "a", title="Else?"), pause("b", "ask")]}
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
        # The run itself continues with the version that it began with.
        (verdict,) = verdicts()
        assert verdict["reasons"] == ["The node 'ask' was changed, and the run waits in it."]
        (task,) = asked(api, run["id"])
        assert task["data"]["title"] == "Please decide"
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
        done = ended(api, run["id"])
        assert (done["status"], done["version"]) == ("completed", 1)


def test_old_runs_are_deleted_when_they_have_ended_but_not_while_they_wait(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with serving(tmp_path / "d", database) as (api, _):
        over = begin(api, [pause("a")])
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
        assert second.wait(timeout=PATIENCE) == 2
    assert "FLOWC_DATABASE_URL" in (tmp_path / "d.log").read_text()
    alone: subprocess.Popen[bytes] = start(tmp_path / "d", ["worker"])
    assert alone.wait(timeout=PATIENCE) == 2


@pytest.mark.parametrize("granularity", ["auto", "fused"])
def test_a_retried_run_asks_its_open_question_again(
    tmp_path: Path, database: dict[str, str], granularity: str
) -> None:
    answers = iter([loopback.Reply(status=500), *[loopback.reply_json([1])] * 9])
    with loopback.serving(lambda request: next(answers)) as service:
        env = {**database, "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{service.port}"}
        call = {"id": "call", "type": "http", "depends_on": ["one"], "config": {"url": service.url}}
        nodes = [human("one"), human("two"), call, {**pause("end", "two", "call"), "join": "all"}]
        with serving(tmp_path / "d", env) as (api, _):
            run = begin(api, nodes, definition={"settings": {"granularity": granularity}})
            tasks = {task["node_id"]: task["id"] for task in asked(api, run["id"])}
            api.post(f"{API}/interrupts/{tasks['one']}/answer", json={"answer": "approve"})
            assert ended(api, run["id"])["status"] == "failed"
            assert asked(api, run["id"]) == []
            api.post(f"{API}/runs/{run['id']}/retry")
            (again,) = until(lambda: asked(api, run["id"]))
            assert again["id"] == tasks["two"]
            until(lambda: run_of(api, run["id"])["status"] == "waiting")
            api.post(f"{API}/interrupts/{again['id']}/answer", json={"answer": "approve"})
            done = ended(api, run["id"])
            assert (done["status"], done["nodes"]["call"]["runs"]) == ("completed", 2)
            require_orderly(events_of(api, run["id"]))
