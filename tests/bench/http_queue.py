"""How fast workers drain a queue of submitted runs on PostgreSQL."""

import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from bench import contestants, works
from bench.arena import Arena
from bench.contestants import client_of
from bench.measuring import Row
from fakes import processes

RUNS = 2_000
PAGE = 200


def draining(arena: Arena) -> list[Row]:
    """Measure one worker, and two: how many runs a second they end."""
    if arena.postgres is None:
        return []
    one, two = _rate(arena, 1), _rate(arena, 2)
    name = f"queue of {RUNS:,} runs of one node, PostgreSQL"
    return [Row(f"{name}, 2 workers beside 1", two, one, "runs/s", more_is_better=True)]


def _rate(arena: Arena, workers: int) -> float:
    """Return the runs a second that workers end, submitted before they start.

    Between the first and the last tenth of the runs, when all workers have started and all are busy.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = arena.database()
        server = stack.enter_context(contestants.ours(arena.stub, database, "--no-worker"))
        contestants.store(server, works.one())
        body = '{"input": {"name": "Ada"}, "wait": false}'
        arena.load.send(server.job(works.one(), RUNS, 8, body=body, proof='"id":'))
        env = {**contestants.settings_of_ours(folder, arena.stub), **database}
        for number in range(workers):
            worker = processes.start(folder / f"w{number}", ["worker"], env)
            stack.callback(worker.wait)
            stack.callback(worker.terminate)
        client = stack.enter_context(client_of(server))
        while _completed(client, limit=1)["total"] < RUNS:
            time.sleep(0.5)
        pages = [_completed(client, limit=PAGE, offset=n) for n in range(0, RUNS, PAGE)]
    ends = sorted(
        datetime.fromisoformat(run["finished_at"]).timestamp()
        for page in pages
        for run in page["items"]
    )
    first, last = RUNS // 10, RUNS - RUNS // 10
    return (last - first) / (ends[last] - ends[first])


def _completed(client: httpx.Client, **query: int) -> dict[str, Any]:
    asked: dict[str, Any] = {"status": "completed", **query}
    return dict(client.get("/api/v1/runs", params=asked).json())
