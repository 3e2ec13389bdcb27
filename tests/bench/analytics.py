"""How long figures and lists take over a million runs: of 90 days, 50 workflows, four callers.

`python -m bench.analytics` prints the rows. The rollups are written as folding writes them; the
last runs are tallies that are not folded on PostgreSQL: as if 200 runs a second had ended. One more
workflow has a single run, the oldest: what looks for it must not look through all others.
"""

import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from bench.measuring import Row, postgres_server, show
from fakes.processes import new_database, serving
from flowc.server.app import API
from flowc.server.records.durations import Durations
from flowc.server.records.tallies import NodeTally, RunTally, TallySubject
from flowc.server.records.times import now
from flowc.server.store.analytics.figures import hour_of
from flowc.server.store.analytics.rollups import (
    DAY,
    HOUR,
    MODEL_TOTALS,
    NODE_TOTALS,
    WORKFLOW_TOTALS,
    Rollup,
    Sums,
)
from flowc.server.store.database import Database
from flowc.server.store.tables import DefinitionRow, VersionRow, WorkflowRow
from flowc.server.store.tallies import put_tally

RUNS, DAYS, WORKFLOWS, NODES = 1_000_000, 90, 50, 5
MODELS, CALLERS = ("", "openai/gpt-5", "openai/gpt-5-mini"), 4
UNFOLDED = 1_000
BAR_MS, REPEATS = 200.0, 15
TENANT = "default"
ASKED = {
    "workflows": "/analytics/workflows?days=90",
    "jobs": "/analytics/jobs?days=90",
    "stats": "/workflows/analytics/stats?days=90",
    "performance": "/workflows/analytics/performance?days=90",
    "trends by day": "/workflows/analytics/trends?days=90",
    "trends by hour": "/workflows/analytics/trends?days=7&interval=hour",
    "cost": "/workflows/analytics/cost?days=90",
    "jobs of a workflow": "/analytics/jobs?days=90&workflow_id=workflow-7",
    "jobs of a rare workflow": "/analytics/jobs?days=90&workflow_id=rare",
    "list of workflows": "/workflows?limit=200&fields=id,name,updated_at",
    "list of workflows with figures": "/workflows?limit=200&include=stats&fields=id",
    "list of runs": "/runs?limit=50&fields=id,status",
    "list of runs of a rare workflow": "/runs?limit=50&fields=id,status&workflow_id=rare",
}
# Both databases have these functions; the oldest run is that of the rare workflow.
_NUMBERS = {
    "sqlite": "with recursive numbers(n) as"
    " (select 1 union all select n + 1 from numbers where n < :runs)",
    "postgresql": "with numbers as (select generate_series(1, cast(:runs as integer)) as n)",
}
_MOMENT = {
    "sqlite": "datetime('now', '-' || (n * :seconds) || ' seconds') || '.000000'",
    "postgresql": "now() - n * :seconds * interval '1 second'",
}
_RUNS = """
insert into runs (id, key, tenant, workflow_id, version, hash, uses, status, input, output, error,
  usage, priority, started_by, segment, attempt, epoch, events, created_at, started_at, finished_at)
{numbers} select 'run-' || n, n, :tenant,
  case when n = :runs then 'rare' else 'workflow-' || (n % :workflows) end,
  1, 'hash', '[]', case when n % 10 = 0 then 'failed' else 'completed' end, :given, :given, 'null',
  '{{}}', 10, 'caller-' || (n % 4), 1, 1, 1, 9, {moment}, {moment}, {moment} from numbers
"""
# Runs of a workflow in an hour.
_HOURLY = RUNS / (DAYS * DAY * WORKFLOWS)
Filled = Iterator[tuple[Rollup, dict[str, Any]]]


def rows(kind: str, url: str | None) -> list[Row]:
    """Measure each route on SQLite, or in a new database of a PostgreSQL server."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        data.mkdir()
        env = {} if url is None else new_database(url)
        asyncio.run(_fill(env.get("FLOWC_DATABASE_URL", f"sqlite:///{data}/flowc.db")))
        # Without a worker, the tallies stay; on SQLite, the server folds them meanwhile.
        with serving(data, env, *(["--no-worker"] if env else [])) as (client, _):
            return [
                Row(f"{what} of {RUNS:,} runs, {kind}, p50, beside {BAR_MS:.0f} ms",
                    _median(client, path), BAR_MS, "wall ms", 1.0)
                for what, path in ASKED.items()
            ]  # fmt: skip


def _median(client: httpx.Client, path: str) -> float:
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        client.get(f"{API}{path}").raise_for_status()
        taken.append((time.perf_counter() - started) * 1e3)
    return statistics.median(taken)


async def _fill(url: str) -> None:
    database = await Database.open(url)
    for workflow in range(WORKFLOWS):
        chosen = random.Random(workflow)
        found = list(_rows(f"workflow-{workflow}", chosen))
        for rollup in (WORKFLOW_TOTALS, NODE_TOTALS, MODEL_TOTALS):
            mine = [row for of, row in found if of is rollup]
            await database.write(
                lambda session, r=rollup, m=mine: session.execute(insert(r.table), m)
            )
    await database.write(_put_tallies)
    await database.write(_put_workflows)
    await database.write(_put_runs)
    await database.write(lambda session: session.execute(text("analyze")))
    await database.close()
    if url.startswith("postgresql"):
        # It does so by itself, a minute after rows were written.
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("vacuum")


def _put_workflows(session: Session) -> None:
    about = {"tenant": TENANT, "hash": "hash", "document": {"nodes": []}, "created_at": now()}
    session.execute(insert(DefinitionRow), [about])
    ids = ["rare", *(f"workflow-{number}" for number in range(WORKFLOWS))]
    named = [
        {"tenant": TENANT, "id": id, "name": id, "version": 1, "newest": 1, "updated_at": now()}
        for id in ids
    ]
    session.execute(insert(WorkflowRow), [{**each, "created_at": now()} for each in named])
    versions = [{**about, "workflow_id": id, "number": 1} for id in ids]
    session.execute(insert(VersionRow), versions)


def _put_runs(session: Session) -> None:
    dialect = session.get_bind().dialect.name
    statement = _RUNS.format(numbers=_NUMBERS[dialect], moment=_MOMENT[dialect])
    seconds = DAYS * DAY * 3_600 / RUNS
    given = {"runs": RUNS, "workflows": WORKFLOWS, "tenant": TENANT, "seconds": seconds}
    # As long as a question and its answer.
    words = json.dumps({"text": "word " * 40})
    session.execute(text(statement), {**given, "given": words})


def _rows(workflow: str, chosen: random.Random) -> Filled:
    first = hour_of(now().date() - timedelta(days=DAYS - 1))
    for day in range(first, first + DAYS * DAY, DAY):
        total = Sums()
        for hour in range(day, day + DAY):
            runs = int(_HOURLY + chosen.random())
            sums = _sums(chosen, runs, runs)
            total.add(sums)
            yield _row(WORKFLOW_TOTALS, (HOUR, hour, workflow), sums)
        yield _row(WORKFLOW_TOTALS, (DAY, day, workflow), total)
        runs = int(total.of("runs"))
        for node in range(NODES):
            sums = _sums(chosen, runs, min(runs, 60))
            yield _row(NODE_TOTALS, (day, workflow, f"node-{node}"), sums)
        for model in MODELS:
            for caller in range(CALLERS):
                used = Sums({name: amount / CALLERS for name, amount in total.amounts.items()})
                yield _row(MODEL_TOTALS, (day, workflow, model, f"caller-{caller}"), used)


def _row(rollup: Rollup, key: tuple[Any, ...], sums: Sums) -> tuple[Rollup, dict[str, Any]]:
    named = dict(zip(rollup.keys, (TENANT, *key), strict=True))
    return rollup, {**named, **sums.written(rollup)}


def _sums(chosen: random.Random, runs: int, timed: int) -> Sums:
    durations = Durations()
    for milliseconds in _durations(chosen, timed):
        durations.add(milliseconds)
    failed = runs // 10
    counts = {"runs": runs, "failed": failed, "completed": runs - failed, "failed_attempts": failed}
    usage = {"calls": runs, "prompt_tokens": 900 * runs, "total_tokens": 1_000 * runs}
    return Sums({**counts, **usage, "cost": 0.001 * runs}, durations)


def _durations(chosen: random.Random, count: int) -> Iterable[float]:
    return (chosen.lognormvariate(6, 1) for _ in range(count))


def _put_tallies(session: Any) -> None:
    for number in range(UNFOLDED):
        node = NodeTally()
        node.runs, node.durations = 1, Durations(1, 400.0, 400.0, {"35": 1})
        nodes = {f"node-{at}": node for at in range(NODES)}
        usage = {("openai/gpt-5", name): 9.0 for name in ("calls", "total_tokens", "cost")}
        workflow, caller = f"workflow-{number % WORKFLOWS}", f"caller-{number % CALLERS}"
        subject = TallySubject(workflow, caller, "completed", now(), now())
        put_tally(session, TENANT, RunTally(nodes=nodes, usage=usage).as_json(subject))


def main() -> None:
    postgres = postgres_server()
    for kind, url in (("sqlite", None), *([("postgres", postgres)] if postgres else [])):
        show(rows(kind, url))


if __name__ == "__main__":
    main()
