"""Measures the cost of waiting runs, and how soon a watcher receives an event.

In real processes: a server on SQLite, and a server and a worker on PostgreSQL.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bench.measuring import Row
from fakes.processes import Process, new_database, serving, start, until

API = "/api/v1"
WAITING = 1_000
SECONDS = 20.0
ASK = {"nodes": [{"id": "ask", "type": "human"}]}
# Nodes that end one after another, far enough apart for each event to be written by itself.
STEPS = {
    "nodes": [
        {
            "id": f"n{i}",
            "type": "wait",
            "config": {"for": 0.1},
            "depends_on": [f"n{i - 1}"] if i else [],
        }
        for i in range(30)
    ]
}


@contextmanager
def _processes(folder: Path, url: str | None) -> Iterator[tuple[httpx.Client, list[Process]]]:
    if url is None:
        with serving(folder / "d") as (api, process):
            yield api, [process]
        return
    env = new_database(url)
    with serving(folder / "api", env, "--no-worker") as (api, process):
        worker = start(folder / "w", ["worker"], env)
        try:
            yield api, [process, worker]
        finally:
            worker.terminate()
            worker.wait(timeout=40)


def _cpu(processes: list[Process]) -> float:
    """Return the seconds of CPU that processes have used."""
    used = 0
    for process in processes:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        used += int(fields[11]) + int(fields[12])
    return used / 100


def _threads(processes: list[Process]) -> int:
    return sum(len(list(Path(f"/proc/{p.pid}/task").iterdir())) for p in processes)


def _idle(processes: list[Process]) -> float:
    time.sleep(3)
    before = _cpu(processes)
    time.sleep(SECONDS)
    return 100 * (_cpu(processes) - before) / SECONDS


def _ask(api: httpx.Client, count: int) -> None:
    body = {"definition": ASK, "wait": False}

    def begin(_: int) -> None:
        response = api.post(f"{API}/workflows/execute", json=body)
        # With the health report, which says for example why the database cannot be used.
        assert response.is_success, f"{response.text} {api.get('/health').text}"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(begin, range(count)))
    wanted = {"status": "waiting", "limit": 1}

    def are_waiting() -> bool:
        return bool(api.get(f"{API}/runs", params=wanted).json()["total"] >= count)

    until(are_waiting)


def _delays(api: httpx.Client) -> list[float]:
    """Return the delay of each event of a run over SSE, in milliseconds."""
    body = {"definition": STEPS, "wait": False}
    run = api.post(f"{API}/workflows/execute", json=body).json()["id"]
    delays: list[float] = []
    with api.stream("GET", f"{API}/runs/{run}/events", timeout=60) as response:
        for line in response.iter_lines():
            if line.startswith("data:"):
                event: Any = json.loads(line.removeprefix("data:"))
                if event["kind"] == "node.started":
                    emitted = datetime.fromisoformat(event["at"])
                    delays.append((datetime.now(UTC) - emitted).total_seconds() * 1e3)
    return delays[1:]


def rows(kind: str, url: str | None) -> list[Row]:
    """Measure on one database."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        api, processes = stack.enter_context(_processes(folder, url))
        idle = _idle(processes)
        delay = statistics.median(_delays(api))
        # The first requests create the thread pools, which do not grow afterwards.
        _ask(api, 50)
        threads = _threads(processes)
        _ask(api, WAITING)
        waiting, more = _idle(processes), _threads(processes) - threads
    who = "one process" if url is None else "server and worker"
    return [
        Row(f"idle CPU, {kind}, {who}", idle, 5.0, "% of a core", 1.0),
        Row(f"the same with {WAITING:,} waiting runs", waiting, 5.0, "% of a core", 1.0),
        Row(f"threads more for {WAITING:,} waiting runs, {kind}", float(more), 8.0, "threads", 1.0),
        Row(f"event to watcher over SSE, {kind}, {who}, p50", delay, 50.0, "wall ms", 100.0),
    ]
