"""Kills a process that works on several runs at once, within a transaction with batches of several.

Before the commit, nothing of any run in the group is stored; after it, everything of each is, though
no run knows it. Another process completes all runs, and repeats nothing that is stored.
"""

import json
import random
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import create_engine, make_url, select

from chaos.child import Kill, Life, name_of
from chaos.matrix import Place, lived, require_same
from chaos.shapes import definition_of
from flowc.server.store.events import EVENTS, events_after
from flowc.server.store.tables import RunRow

# The runs of a process: none of them waits for a timer or for the queue.
CROWD = ("chain", "diamond", "branch", "loop by edges", "loop", "map", "sub-workflow", "approval")
# The fewest runs with events in the transaction in which the process dies.
LEAST = 3
# A process may have fewer commits with enough runs: then another one is tried.
ATTEMPTS = 5
# Before the rows, when only the runs' own rows are written, before the commit, and after it.
POINTS = (("group", False), ("rows", False), ("transaction", False), ("transaction", True))
_RUNS = RunRow.__table__.c


def undisturbed_crowd(place: Place, granularity: str) -> dict[str, Any]:
    """Return the results of the runs, by their shapes, and how often each step was done."""
    life = _life(place, granularity)
    assert lived(life)
    return _result(life)


def kills_in_crowd(seen: dict[str, int], chance: random.Random, share: float) -> Iterator[Kill]:
    """Yield a share of the kills at each point of the group commits, but at least one for each.

    They are in the first half of the commits with enough runs: not all processes have as many.
    """
    times = range(1, max(1, seen["group"] // 2) + 1)
    for step, is_after in POINTS:
        for time in [t for t in times if chance.random() < share] or [chance.choice(times)]:
            yield Kill(step, time, is_after)


def crowd_survives(place: Place, granularity: str, kill: Kill, calm: dict[str, Any]) -> int:
    """Kill the process of several runs, and let another complete them; return how many it hit.

    Those are the runs of the group. Return 0 if all processes ended before the moment of the kill.
    """
    where = f"crowd, {granularity}, {kill}"
    for _ in range(ATTEMPTS):
        life = _life(place, granularity)
        if not lived(replace(life, kill=kill)):
            return _completed(life, kill, calm, where)
    return 0


def _completed(life: Life, kill: Kill, calm: dict[str, Any], where: str) -> int:
    group: dict[str, list[str]] = dict(json.loads((life.folder / "killed.json").read_text()))
    assert len(group) >= LEAST, f"{where}: only {len(group)} runs were in the group"
    stored, log = _stored(life), life.folder / "side.log"
    _require_whole(group, stored, kill, where)
    before = log.read_text() if log.exists() else ""
    assert lived(life), where
    later = log.read_text().removeprefix(before)
    for shape, run in _result(life)["runs"].items():
        about, calm_run = f"{where}: {shape}", calm["runs"][shape]
        require_same(run, calm_run, about)
        _require_none_again(run, calm_run, stored.get(run["id"], []), later, about)
    shutil.rmtree(life.folder)
    return len(group)


def _life(place: Place, granularity: str) -> Life:
    settings, folder = place.new()
    name = uuid.uuid4().hex[:8]
    runs = {f"{name} {shape}": definition_of(shape, granularity) for shape in CROWD}
    return Life(settings, runs, folder, least=LEAST, seconds=0.01)


def _result(life: Life) -> dict[str, Any]:
    found = json.loads((life.folder / "result.json").read_text())
    runs = {key.partition(" ")[2]: run for key, run in found["runs"].items()}
    return {"runs": runs, "seen": found["seen"]}


def _stored(life: Life) -> dict[str, list[str]]:
    """Return what the dead process left in the database: the events of each run."""
    url = make_url(life.settings.database)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    engine, found = create_engine(url), dict[str, list[str]]()
    ours = select(_RUNS.id).where(_RUNS.idempotency_key.in_(life.runs))
    asked = events_after(*(EVENTS.c[name] for name in ("kind", "path", "node_id", "at")))
    with engine.connect() as connection:
        for run_id in connection.execute(ours).scalars().all():
            rows = connection.execute(asked, {"run": run_id, "after": 0})
            found[run_id] = [name_of(*event) for event in rows]
    engine.dispose()
    return found


def _require_whole(
    group: dict[str, list[str]], stored: dict[str, list[str]], kill: Kill, where: str
) -> None:
    """Check that a transaction is stored whole if it was committed, and otherwise not at all."""
    is_committed = kill == ("transaction", kill.time, True)
    for run_id, events in group.items():
        there = [event in stored.get(run_id, ()) for event in events]
        assert there == [is_committed] * len(events), f"{where}: {run_id} has {there} of {events}"


def _require_none_again(
    run: dict[str, Any], calm: dict[str, Any], stored: list[str], later: str, where: str
) -> None:
    """Check that no node is run again whose completion was stored when the process died.

    Except in bodies: there, whole turns and items are stored.
    """
    left = _completions(name_of(e["kind"], e["path"], e["node_id"], "") for e in calm["events"])
    left.subtract(_completions(stored))
    for line, begun in Counter(later.splitlines()).items():
        run_id, _, place = line.removeprefix("begin ").split("/", 2)
        if run_id == run["id"]:
            node, _, _ = place.rpartition("#")
            assert "/" in node or begun <= left[node], f"{where}: {node} was stored, and run again"


def _completions(events: Iterable[str]) -> Counter[str]:
    split = (event.split(" ") for event in events)
    return Counter(it for kind, it, *_ in split if kind == "node.completed" and "/" not in it)
