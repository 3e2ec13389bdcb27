"""Kills a run at one moment after another, and checks the run that another process completes."""

import json
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from chaos.child import Kill, Life, live
from chaos.shapes import QUEUED, definition_of, window_of
from flowc.server.settings import Settings

LIMIT_SECONDS = 60


class RepeatedTooMuch(AssertionError):
    """More nodes were run again than can have ended without being stored, if the disk is quick."""


@dataclass(frozen=True)
class Place:
    """Where a round of runs is stored: each in files of its own, or all in one PostgreSQL database."""

    folder: Path
    url: str | None = None

    def own(self) -> "Place":
        """Return this place, on PostgreSQL with a new database."""
        if self.url is None:
            return self
        name = f"chaos_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        return replace(self, url=make_url(self.url).set(database=name).render_as_string(False))

    def new(self) -> tuple[Settings, Path]:
        """Return settings for a new run, and a folder for its result."""
        folder = self.folder / uuid.uuid4().hex[:12]
        folder.mkdir(parents=True)
        template = self.folder / "template.db"
        if self.url is None and template.exists():
            shutil.copy(template, folder / "flowc.db")
        settings = Settings(
            data_dir=folder,
            database_url=self.url,
            poll_seconds=0.05,
            drain_seconds=0,
            takeover_seconds=1.0,
        )
        return settings, folder


def lived(life: Life) -> bool:
    """Run a life in a process of its own; return whether it ended by itself.

    The process is a fork, since starting an interpreter takes longer than the run.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            log = os.open(life.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            live(life)
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    until = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status in {0, 9}, (life.folder / "log").read_text()[-3000:]
            return status == 0
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise AssertionError(f"{life.kill}: no end; {(life.folder / 'log').read_text()[-3000:]}")


def undisturbed(place: Place, shape: str, granularity: str) -> dict[str, Any]:
    """Return the result of a run whose process is not killed."""
    settings, folder = place.new()
    definition = definition_of(shape, granularity)
    key = uuid.uuid4().hex
    assert lived(Life(settings, {key: definition}, folder, shape in QUEUED))
    if place.url is None and not (place.folder / "template.db").exists():
        _store_template(place, folder)
    result = json.loads((folder / "result.json").read_text())
    return {**result["runs"][key], "seen": result["seen"]}


def _store_template(place: Place, folder: Path) -> None:
    """Store an empty database that has its tables, for all later runs to copy."""
    import sqlite3

    with sqlite3.connect(folder / "flowc.db") as database:
        database.execute("pragma wal_checkpoint(truncate)")
        database.execute("pragma foreign_keys = off")
        for table in ("events", "interrupts", "signals", "runs", "workflow_status",
                      "operation_outputs", "definitions"):  # fmt: skip
            database.execute(f"delete from {table}")
    database.close()
    shutil.copy(folder / "flowc.db", place.folder / "template.db")


def kills(seen: dict[str, int]) -> Iterator[Kill]:
    """Yield a kill before and a kill after every durable step of an undisturbed run."""
    for step, times in seen.items():
        for turn in range(1, times + 1):
            yield Kill(step, turn, False)
            yield Kill(step, turn, True)


def survives(place: Place, shape: str, granularity: str, kill: Kill, calm: dict[str, Any]) -> bool:
    """Kill a run's process once, let another resume the run, and compare it with the undisturbed run.

    Return False if the run ended before the moment of the kill.
    """
    settings, folder = place.new()
    key = uuid.uuid4().hex
    life = Life(settings, {key: definition_of(shape, granularity)}, folder, shape in QUEUED)
    if lived(replace(life, kill=kill)):
        return False
    where = f"{shape}, {granularity}, {kill}"
    assert lived(life), where
    found = json.loads((folder / "result.json").read_text())["runs"][key]
    require_same(found, calm, where)
    _require_once((folder / "side.log").read_text(), window_of(shape, granularity), where)
    shutil.rmtree(folder)
    return True


def require_same(found: dict[str, Any], calm: dict[str, Any], where: str) -> None:
    """Check that a run ended as the undisturbed one, with events in order and without gaps."""
    ends = [(run["status"], run["output"]) for run in (calm, found)]
    assert ends[0] == ends[1], (
        f"{where}: {ends[1]} instead of {ends[0]}, {found['events'][-1]['data']}"
    )
    _require_orderly(found["events"], where)
    _require_complete(found["events"], calm["events"], where)


def _require_orderly(events: list[dict[str, Any]], where: str) -> None:
    numbers = [event["number"] for event in events]
    assert numbers == list(range(1, len(events) + 1)), f"{where}: events {numbers}"
    begun: Counter[str] = Counter()
    for event in events:
        place = _place(event)
        if event["kind"] == "node.started":
            begun[place] += 1
        elif event["kind"] in {"node.completed", "node.failed"}:
            assert begun[place] > 0, f"{where}: {place} ended before it began"
    assert events[-1]["kind"] == "run.completed", f"{where}: ends with {events[-1]['kind']}"


def _require_complete(events: list[dict[str, Any]], calm: list[dict[str, Any]], where: str) -> None:
    """Check that each event of the undisturbed run was emitted, and its creation and end once."""
    emitted = Counter((e["kind"], _place(e)) for e in events)
    for kind, place in {(e["kind"], _place(e)) for e in calm}:
        assert emitted[kind, place] >= 1, f"{where}: no {kind} of {place}"
    for kind in ("run.created", "run.completed"):
        assert emitted[kind, "None"] == 1, f"{where}: {kind}"


def _require_once(side_log: str, window: int, where: str) -> None:
    """Check that only work that had ended without being stored was done again."""
    ends = Counter(line for line in side_log.splitlines() if line.startswith("end"))
    again = sum(count - 1 for count in ends.values())
    if again > window:
        raise RepeatedTooMuch(f"{where}: {again} nodes finished again, not {window} or fewer")


def _place(event: dict[str, Any]) -> str:
    return f"{event['path']}{event['node_id']}"
