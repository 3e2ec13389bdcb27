"""What a server holds after many runs, half of them failed, and what they cost on disk.

`python -m bench.growth --runs 10000` prints the rows, and the bytes of each table and index. The
runs are short, so that what is stored beside their contents weighs most.
"""

import argparse
import json
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import contestants, works
from bench.contestants import Contestant, Load, answering
from bench.measuring import Row, show
from bench.works import Work
from fakes.processes import until

RUNS, FIRST = 10_000, 1_000
CLIENTS = 8
# Runs of one work that follow each other.
BATCH = 50
# Runs before the first size is taken.
WARM = 200
BROKEN = "def process(text):\n    return {'words': text['none']}\n"
# Keys of the JSON that clients get of an event, in the order of the columns selected below.
EVENT_KEYS = ("number", "kind", "node_id", "path", "data", "at")
# Of the times, their number of characters is what counts.
EVENTS = (
    "select id % (1 << 32), kind, node_id, path, data,"
    " strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch') || '.000000Z' from events"
)
PARTS = "select name, sum(pgsize) from dbstat group by name order by 2 desc"


@dataclass(frozen=True)
class Growth:
    """What was measured: after the first runs, at the end, and after retention."""

    runs: int
    memory: tuple[float, float]
    files: tuple[int, int]
    # Of the database in bytes: at the start, at the end, without old runs.
    sizes: tuple[int, int, int]
    # Bytes of the inputs, outputs and errors, and of the events.
    contents: tuple[int, int]
    parts: Sequence[tuple[str, int]]

    def rows(self) -> list[Row]:
        grown, held = self.sizes[1] - self.sizes[0], sum(self.contents)
        name = f"{self.runs:,} runs, half of them failed"
        return [
            Row(f"{name}, memory, beside after {FIRST:,}", self.memory[1], self.memory[0], "MB", 1.1),
            Row(f"{name}, open files, beside after {FIRST:,}", self.files[1], self.files[0], "files", 1.1),
            Row(f"{name}, SQLite, beside inputs, outputs and events", grown / self.runs,
                held / self.runs, "bytes a run", 1.2),
            Row(f"{name}, SQLite after retention, beside before all", self.sizes[2] / 1e6,
                self.sizes[0] / 1e6, "MB", 1.2),
        ]  # fmt: skip


def measure(runs: int) -> Growth:
    """Measure a number of runs, beside the first thousand of them."""
    with tempfile.TemporaryDirectory() as name, contestants.stub() as stub:
        folder = Path(name)
        env = contestants.settings_of_ours(folder, stub)
        file = folder / "data" / "flowc.db"
        with _serving(folder, env) as server, contestants.load() as load:
            chats = _store(server)
            _send(load, server, chats, WARM)
            start, before = _size(file), _contents(file)
            _send(load, server, chats, min(FIRST, runs))
            first = server.memory(), server.open_files()
            _send(load, server, chats, runs - FIRST)
            last = server.memory(), server.open_files()
        end, after = _size(file), _contents(file)
        parts = _parts(file)
        kept = _size_after_retention(folder, env, file)
    return Growth(
        runs=runs,
        memory=(first[0], last[0]),
        files=(first[1], last[1]),
        sizes=(start, end, kept),
        contents=(after[0] - before[0], after[1] - before[1]),
        parts=parts,
    )


@contextmanager
def _serving(folder: Path, env: dict[str, str]) -> Iterator[Contestant]:
    server = contestants.start_ours(folder, env)
    try:
        answering(server, "/health")
        yield server
    finally:
        server.stop()


def _store(server: Contestant) -> list[tuple[Work, str]]:
    """Store a chat and two that fail; return the turns of runs, with what their answers contain."""
    mapped = {"text": "{{ask.output.text}}"}
    refuse = {"type": "fail", "config": {"message": "There is no answer."}}
    fault = {"type": "code", "config": {"code": BROKEN, "input_mapping": mapped}}
    chats = [
        (works.chat(), '"status":"completed"'),
        (_with_last("refused", refuse), '"status":"failed"'),
        (_with_last("broken", fault), '"status":"failed"'),
    ]
    for work, _ in chats:
        contestants.store(server, work)
    done, refused, broken = chats
    return [done, refused, done, broken]


def _with_last(name: str, node: dict[str, Any]) -> Work:
    """Return the chat with another node in the place of its code."""
    chat = works.chat()
    nodes = [
        {"id": each["id"], **node} if each["id"] == "count" else each
        for each in chat.definition["nodes"]
    ]
    return Work(name, {**chat.definition, "nodes": nodes}, chat.input)


def _send(load: Load, server: Contestant, chats: Sequence[tuple[Work, str]], runs: int) -> None:
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Running", total=runs)
        for batch in range(0, runs, BATCH):
            work, proof = chats[batch // BATCH % len(chats)]
            load.send(server.job(work, min(BATCH, runs - batch), CLIENTS, proof=proof))
            progress.advance(task, BATCH)


def _size(file: Path) -> int:
    """Return the bytes of the database, with what is in its log."""
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        until(lambda: _is_copied(connection))
    return file.stat().st_size


def _is_copied(connection: sqlite3.Connection) -> bool:
    _, logged, copied = connection.execute("pragma wal_checkpoint(passive)").fetchone()
    return bool(logged == copied)


def _contents(file: Path) -> tuple[int, int]:
    """Return the bytes of all inputs, outputs and errors, and of all events as clients get them."""
    with closing(sqlite3.connect(file)) as connection:
        (own,) = connection.execute(
            "select sum(length(cast(input || output || error as blob))) from runs"
        ).fetchone()
        events = sum(map(_bytes_of, connection.execute(EVENTS)))
    return int(own or 0), events


def _bytes_of(row: Sequence[Any]) -> int:
    event = dict(zip(EVENT_KEYS, row, strict=True))
    text = json.dumps({**event, "data": json.loads(event["data"])}, separators=(",", ":"))
    return len(text.encode())


def _parts(file: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(file)) as connection:
        return [(str(name), int(size)) for name, size in connection.execute(PARTS)]


def _size_after_retention(folder: Path, env: dict[str, str], file: Path) -> int:
    # A fraction of a second, in days.
    with (
        _serving(folder, {**env, "FLOWC_KEEP_RUNS_DAYS": "0.000001"}),
        closing(sqlite3.connect(file, timeout=30)) as connection,
    ):
        until(lambda: connection.execute("select count(*) from runs").fetchone() == (0,))
        until(lambda: connection.execute("pragma freelist_count").fetchone() == (0,))
    return _size(file)


def rows() -> list[Row]:
    """Measure as `make bench` does."""
    return measure(RUNS).rows()


def _show_parts(growth: Growth) -> None:
    table = Table("part of the database", "bytes a run")
    for name, size in growth.parts[:16]:
        table.add_row(name, f"{size / (growth.runs + WARM):,.1f}")
    table.add_row("held: inputs, outputs, errors", f"{growth.contents[0] / growth.runs:,.1f}")
    table.add_row("held: events", f"{growth.contents[1] / growth.runs:,.1f}")
    Console(width=100).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    growth = measure(parser.parse_args().runs)
    _show_parts(growth)
    show(growth.rows())


if __name__ == "__main__":
    main()
