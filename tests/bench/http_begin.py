"""How soon servers begin, what they hold while they idle, and what they write."""

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from bench import contestants, works
from bench.arena import Arena
from bench.contestants import Contestant, answering, client_of
from bench.measuring import Row
from fakes.places import MODELS, WORKFLOWS
from fakes.processes import until

HAND = "beside LangGraph by hand with litellm"
# Runs whose bytes on disk are counted, so many that pages of files do not matter.
RUNS = 300
NOWHERE = subprocess.DEVNULL
Start = Callable[[], Contestant]


def submitted(arena: Arena) -> list[Row]:
    """Measure when the node of a run begins that was submitted without waiting."""
    kinds = ["sqlite", *(["postgres"] if arena.postgres else [])]
    found = list[Row]()
    for kind in kinds:
        server = arena.ours(kind)
        arena.contest(server, works.one(), 0)
        delay = statistics.median(_delays(arena, server))
        name = f"submitted without waiting, node begins, {kind}, p50, beside 10 ms"
        found.append(Row(name, delay, 10.0, "wall ms", 1.0))
    return found


def _delays(arena: Arena, server: Contestant) -> Iterator[float]:
    """Yield the milliseconds from each run's creation to the start of its node."""
    body = '{"input": {"name": "Ada"}, "wait": false}'
    job = server.job(works.one(), 40, body=body, proof='"id":', pause=0.15)
    runs = [json.loads(answer) for answer in arena.load.send(job)["answers"]]
    time.sleep(1)
    with client_of(server) as client:
        for run in runs:
            events = client.get(f"/api/v1/runs/{run['id']}/logs").json()["events"]
            began = next(event["at"] for event in events if event["kind"] == "node.started")
            yield (_moment(began) - _moment(run["created_at"])) * 1e3


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def starts(arena: Arena) -> list[Row]:
    """Measure the time to the first answers, and the memory of an idle server."""
    with tempfile.TemporaryDirectory() as name, _prepared(Path(name), arena) as (ours, theirs):
        times: list[list[tuple[float, ...]]] = [[], []]
        for round_ in range(min(arena.rounds, 3) + 1):
            for found, start in zip(times, (ours, theirs), strict=True):
                taken = _first_answers(arena, start)
                # The first start reads files from the disk.
                if round_:
                    found.append(taken)
        (fresh, used), (fresh_hand, used_hand) = (_memory(arena, start) for start in (ours, theirs))
    (health, answer, cpu), (_, hand, hand_cpu) = (
        [*map(statistics.median, zip(*t, strict=True))] for t in times
    )
    return [
        Row("process start to /health, beside 1.5 s", health, 1.5, "wall s", 1.0),
        Row(f"process start to the first W1 answer, {HAND}", answer, hand, "wall s", 1.0),
        Row(f"process start to the first W1 answer, cost, {HAND}", cpu, hand_cpu, "CPU s"),
        Row(f"idle memory after the start, all processes, {HAND}", fresh, fresh_hand, "MB", 1.0),
        Row(f"idle memory after 20 runs of W1, all processes, {HAND}", used, used_hand, "MB", 1.0),
    ]


@contextmanager
def _prepared(folder: Path, arena: Arena) -> Iterator[tuple[Start, Start]]:
    """Store W1 on flowc's disk, and yield what starts flowc, and what starts its rival."""
    env = contestants.settings_of_ours(folder, arena.stub)

    def ours() -> Contestant:
        return contestants.start_ours(folder, env)

    def theirs() -> Contestant:
        return contestants.start_rival("litellm", folder, arena.stub, None)

    server = ours()
    answering(server, "/health")
    contestants.store(server, works.chat())
    server.stop()
    yield ours, theirs


def _first_answers(arena: Arena, start: Start) -> tuple[float, ...]:
    """Return the seconds from a process's start to `/health` and to the answer of W1; its CPU."""
    started = time.perf_counter()
    server = start()
    answering(server, "/health")
    health = time.perf_counter() - started
    arena.load.send(server.job(works.chat(), 1))
    answer, cpu = time.perf_counter() - started, server.cpu()
    server.stop()
    return health, answer, cpu


def _memory(arena: Arena, start: Start) -> tuple[float, float]:
    """Return the MB of a server that had no request yet, and of one that had some."""
    server = start()
    answering(server, "/health")
    time.sleep(6)
    fresh = server.memory()
    arena.load.send(server.job(works.chat(), 20))
    time.sleep(3)
    used = server.memory()
    server.stop()
    return fresh, used


def disk(arena: Arena) -> list[Row]:
    """Measure how much the database files grow with each run of W1."""
    with tempfile.TemporaryDirectory() as name, _prepared(Path(name), arena) as starting:
        folder = Path(name)
        files = (folder / "data", folder)
        ours, theirs = (
            _growth(arena, start, where) for start, where in zip(starting, files, strict=True)
        )
    return [Row("bytes on disk, per run of W1, SQLite, beside LangGraph by hand", ours, theirs,
                "bytes", 1.0)]  # fmt: skip


def _growth(arena: Arena, start: Start, folder: Path) -> float:
    server = start()
    answering(server, "/health")
    arena.load.send(server.job(works.chat(), 20))
    time.sleep(1)
    before = _size(folder)
    arena.load.send(server.job(works.chat(), RUNS))
    time.sleep(1)
    growth = (_size(folder) - before) / RUNS
    server.stop()
    return growth


def _size(folder: Path) -> int:
    """Return the bytes of a folder's database files, with all that is in their logs."""
    files = list(folder.glob("*.db"))
    assert files, folder
    for file in files:
        until(lambda file=file: _is_in_file(file))
    return sum(file.stat().st_size for file in files)


def _is_in_file(file: Path) -> bool:
    """Copy a database's log to its file, and return whether nothing of it is left."""
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        _, logged, copied = connection.execute("pragma wal_checkpoint(passive)").fetchone()
    return bool(logged == copied)


def commands(arena: Arena) -> list[Row]:
    """Measure commands on this machine, with the workflow and the input that `make run` has."""
    file = str(WORKFLOWS / "customer_support.yaml")
    given = '{"message": "A technical problem: the app crashes when I log in."}'
    times = range(min(arena.rounds, 5))
    check = statistics.median(_cpu_of("check", file) for _ in times)
    run = statistics.median(_cpu_of("run", file, "--input", given) for _ in times)
    return [
        Row("flowc check of a file, beside 0.5 s", check, 0.5, "CPU s", 1.0),
        Row("flowc run of the README's example, offline, beside 1.2 s", run, 1.2, "CPU s", 1.0),
    ]


def _cpu_of(*arguments: str) -> float:
    """Return the seconds of CPU that a command took, with its children."""
    env = {**os.environ, "FLOWC_MODELS_FILE": str(MODELS)}
    command = [sys.executable, "-m", "flowc.server", *arguments]
    process = subprocess.Popen(command, env=env, stdout=NOWHERE, stderr=NOWHERE)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return usage.ru_utime + usage.ru_stime
