"""Figures of runs are what the runs did: counted when they end, folded, and kept when runs go."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from fakes.processes import new_database
from flowc.compiler.running.events import (
    NODE_COMPLETED,
    NODE_FAILED,
    NODE_STARTED,
    NODE_USED,
    RUN_RESUMED,
    Event,
)
from flowc.server.engine.queue.folding import Folding
from flowc.server.engine.queue.retention import Retention
from flowc.server.records.durations import PERCENTILE_ERROR, Durations
from flowc.server.records.ids import new_run_id
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.store.analytics.figures import Figures, Span
from flowc.server.store.analytics.folding import Rollups
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
from flowc.server.store.runs.batches import Batch, Pending, RunEnd
from flowc.server.store.runs.claims import Claim, Claims
from flowc.server.store.runs.steering import RunStart, Steering
from flowc.server.store.runs.writer import Writer
from flowc.server.store.tallies import TALLIES

FIRST = date(2026, 3, 1)
TENANTS = ("acme", "zenith")
WORKFLOWS = ("support", "invoices", None)
CALLERS = ("key of ci", "ann", None)
MODELS = ("openai/gpt-5", "offline/echo")
STATUSES = ("completed", "completed", "completed", "failed", "cancelled")
# Both databases get these; the ends of many of them are one transaction.
RUNS = 2_000


@dataclass
class Counted:
    """A database of its own, with a writer, and what is written to it."""

    database: Database
    writer: Writer
    chosen: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def steering(self) -> Steering:
        nothing: Any = None
        return Steering(self.database, nothing, self.writer)

    @property
    def folding(self) -> Folding:
        return Folding(self.database, 400)

    def figures(self, tenant: str = "acme") -> Figures:
        return Figures(self.database, tenant)

    async def begun(self, tenant: str = "acme", **about: Any) -> RunRecord:
        given = {"workflow_id": "support", "version": 1, "hash": "h", "input": {}, **about}
        run = RunRecord(id=new_run_id(), **given)
        await self.steering.create(tenant, run, RunStart(worker="w", is_awaited=True))
        return run

    async def end(self, tenant: str, run: RunRecord, events: Iterable[RunEvent] = ()) -> None:
        """End a run as its record says, after events which are applied to it here."""
        happened, begun = list(events), set(run.nodes)
        for event in happened:
            if event.node_id is not None and event.node_id not in begun:
                run.apply(RunEvent.of(NODE_STARTED.of_node(event.node_id, {"type": "llm"})))
                begun.add(event.node_id)
            run.apply(event)
        end = _end(run, happened[-1].at if happened else now())
        await self.writer.commit(Batch(run.id, tenant, 1, Pending(happened), end=end))

    async def tallies(self) -> int:
        query = select(func.count()).select_from(TALLIES)
        return int(await self.database.read(lambda session: session.scalar(query)) or 0)


def _end(run: RunRecord, at: datetime) -> RunEnd:
    """Return the end of a run at some time, as `RunEnd.of` ends it now."""
    event = RunEvent.of(run.ended(()), at)
    run.finished_at = at
    run.apply(event)
    names = ("status", "output", "error", "usage", "finished_at")
    return RunEnd(event, {name: getattr(run, name) for name in names}, run.tallied(at))


@pytest.fixture(params=["sqlite", "postgres"])
async def counted(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Counted]:
    # A database of its own: tallies of all tenants are folded.
    is_sqlite = request.param == "sqlite"
    made = {} if is_sqlite else new_database(request.getfixturevalue("postgres"))
    database = await Database.open(made.get("FLOWC_DATABASE_URL", f"sqlite:///{tmp_path}/d.db"))
    found = Counted(database, Writer(database))
    yield found
    found.writer.close()
    await database.close()


@dataclass
class Made:
    """What one run did, as the reference counts it."""

    tenant: str
    workflow: str
    caller: str
    status: str
    at: datetime
    took: float
    # Each with its name, duration, whether it failed, its failed attempts, model and usage.
    nodes: list[tuple[str, float, bool, int, str, dict[str, float]]]


def _made(chosen: random.Random) -> Made:
    begin = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    at = begin + timedelta(minutes=chosen.randrange(3 * 24 * 60))
    nodes = []
    for place in range(chosen.randrange(1, 4)):
        failed = chosen.random() < 0.2
        attempts = chosen.randrange(1, 4)
        calls, model = chosen.randrange(3), chosen.choice([*MODELS, ""])
        usage = {"calls": calls, "prompt_tokens": 7 * calls, "total_tokens": 9 * calls}
        used = {**usage, "cost": 0.25 * calls, "latency_ms": 5.0} if calls else {}
        took = round(chosen.lognormvariate(3, 2), 3)
        nodes.append((f"n{place}", took, failed, attempts - (not failed), model, used))
    return Made(
        chosen.choice(TENANTS),
        chosen.choice(WORKFLOWS) or "",
        chosen.choice(CALLERS) or "",
        chosen.choice(STATUSES),
        at,
        chosen.lognormvariate(5, 2),
        nodes,
    )


def _events(made: Made) -> list[RunEvent]:
    found: list[Event] = []
    for name, took, failed, failed_attempts, model, usage in made.nodes:
        about: Any = {"usage": usage, "duration_ms": took}
        if model and usage:
            about["model"] = model
        if failed:
            problem = {"code": "c", "message": "m", "at": {}, "attempts": failed_attempts}
            failure: Any = {**problem, **about}
            found.append(NODE_FAILED.of_node(name, failure))
        else:
            result = {"output": 1, "branch": None, "cached": False}
            completion: Any = {**result, "attempts": failed_attempts + 1, **about}
            found.append(NODE_COMPLETED.of_node(name, completion))
    return [RunEvent.of(event, made.at) for event in found]


async def _write(counted: Counted, made: Made) -> None:
    started = {"workflow_id": made.workflow or None, "started_by": made.caller or None}
    run = await counted.begun(made.tenant, **started, created_at=made.at)
    run.tally.begun_at = made.at - timedelta(milliseconds=made.took)
    run.status = made.status  # type: ignore[assignment]
    await counted.end(made.tenant, run, _events(made))


async def _written(counted: Counted, count: int) -> list[Made]:
    made = [_made(counted.chosen) for _ in range(count)]
    for first in range(0, count, 100):
        await asyncio.gather(*(_write(counted, each) for each in made[first : first + 100]))
    return made


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[ceil(share * len(values)) - 1]


def _agrees(found: Durations, values: list[float]) -> None:
    assert found.timed == len(values)
    assert found.total_ms == pytest.approx(sum(values), abs=0.01 * len(values))
    assert found.longest_ms == pytest.approx(max(values), abs=0.01)
    for share in (0.5, 0.95, 0.99):
        wanted = _percentile(values, share)
        # Moments are stored in microseconds.
        close = pytest.approx(wanted, rel=PERCENTILE_ERROR + 1e-3, abs=0.01)
        assert found.percentile_ms(share) == close


SPAN = Span(FIRST, FIRST + timedelta(days=2))


async def _check(counted: Counted, made: list[Made]) -> None:
    """Compare all figures with those that are computed from what runs did."""
    for tenant in TENANTS:
        mine = [each for each in made if each.tenant == tenant]
        for workflow in ("", "support", "invoices"):
            await _check_workflow(counted.figures(tenant), workflow, mine)
        await _check_nodes(counted.figures(tenant), mine)
        await _check_models(counted.figures(tenant), mine)
        await _check_hours(counted.figures(tenant), mine)


async def _check_workflow(figures: Figures, workflow: str, made: list[Made]) -> None:
    mine = [each for each in made if each.workflow == workflow]
    found = await figures.totals(WORKFLOW_TOTALS, SPAN._replace(workflow_id=workflow))
    [sums] = found.values()
    assert sums.of("runs") == len(mine) > 100
    wanted = Counter(each.status for each in mine)
    assert {s: sums.of(s) for s in wanted} == wanted
    usages = [usage for each in mine for *_, usage in each.nodes]
    assert sums.of("cost") == pytest.approx(sum(usage.get("cost", 0) for usage in usages))
    assert sums.of("total_tokens") == sum(usage.get("total_tokens", 0) for usage in usages)
    _agrees(sums.durations, [each.took for each in mine])


async def _check_nodes(figures: Figures, made: list[Made]) -> None:
    durations: dict[Any, list[float]] = defaultdict(list)
    failed, attempts = Counter[Any](), Counter[Any]()
    for each in made:
        for name, took, is_failed, failed_attempts, *_ in each.nodes:
            durations[each.workflow, name].append(took)
            failed[each.workflow, name] += is_failed
            attempts[each.workflow, name] += failed_attempts
    found = await figures.totals(NODE_TOTALS, SPAN, ("workflow_id", "node"))
    assert found.keys() == durations.keys()
    for key, sums in found.items():
        assert (sums.of("failed"), sums.of("failed_attempts")) == (failed[key], attempts[key])
        _agrees(sums.durations, durations[key])
    averages = {key: sum(values) / len(values) for key, values in durations.items()}
    slowest = await figures.slowest_nodes(SPAN, 3)
    assert list(slowest) == sorted(averages, key=lambda key: -averages[key])[:3]
    for key, sums in slowest.items():
        _agrees(sums.durations, durations[key])


async def _check_models(figures: Figures, made: list[Made]) -> None:
    calls, runs = Counter[Any](), Counter[Any]()
    for each in made:
        runs[each.workflow, each.caller] += 1
        for *_, model, usage in each.nodes:
            calls[each.workflow, model, each.caller] += int(usage.get("calls", 0))
    found = await figures.totals(MODEL_TOTALS, SPAN, ("workflow_id", "model", "started_by"))
    assert {key: sums.of("calls") for key, sums in found.items() if sums.of("calls")} == +calls
    ended = Counter[Any]()
    for (workflow, _, caller), sums in found.items():
        ended[workflow, caller] += int(sums.of("runs"))
    assert ended == runs


async def _check_hours(figures: Figures, made: list[Made]) -> None:
    for width in (HOUR, DAY):
        wanted = Counter(int(each.at.timestamp() // 3600) // width * width for each in made)
        found = await figures.totals(WORKFLOW_TOTALS, SPAN, ("start",), width=width)
        assert {start: sums.of("runs") for (start,), sums in found.items()} == wanted


async def test_the_figures_are_those_computed_from_the_runs_before_and_after_folding(
    counted: Counted,
) -> None:
    made = await _written(counted, RUNS)
    assert await counted.tallies() == RUNS
    await _check(counted, made)
    # A part of them is folded: the rest is still counted.
    assert await Rollups(counted.database).fold() > 0
    await _check(counted, made)
    await counted.folding.fold()
    assert await counted.tallies() == 0
    await _check(counted, made)
    # More of the same hours is added to the rows.
    made += await _written(counted, 300)
    await counted.folding.fold()
    await _check(counted, made)


async def test_runs_of_other_days_are_not_counted(counted: Counted) -> None:
    made = await _written(counted, 200)
    await counted.folding.fold()
    made += await _written(counted, 50)
    second = FIRST + timedelta(days=1)
    mine = [each for each in made if each.tenant == "acme" and each.at.date() == second]
    sums = await _total(counted, WORKFLOW_TOTALS, Span(second, second))
    assert sums.of("runs") == len(mine) > 0
    later = FIRST + timedelta(days=3)
    assert (await _total(counted, WORKFLOW_TOTALS, Span(later, later))).of("runs") == 0


async def _total(counted: Counted, rollup: Rollup, span: Span | None = None) -> Sums:
    found = await counted.figures().totals(rollup, span or _today())
    return found[()]


def _today() -> Span:
    # A day more on each side: the test may run at midnight.
    return Span(now().date() - timedelta(days=1), now().date() + timedelta(days=1))


async def test_ends_of_one_workflow_in_several_processes_are_all_counted_while_they_are_folded(
    counted: Counted,
) -> None:
    other = await Database.open(counted.database.url)
    second = Counted(other, Writer(other))
    folding = asyncio.create_task(_fold_often([counted, second]))
    ends = [_end_one(each) for _ in range(150) for each in (counted, second)]
    await asyncio.gather(*ends)
    folding.cancel()
    await asyncio.gather(folding, return_exceptions=True)
    before = await _total(counted, WORKFLOW_TOTALS)
    await counted.folding.fold()
    after = await _total(counted, WORKFLOW_TOTALS)
    assert before.of("runs") == after.of("runs") == after.of("completed") == 300
    assert (await _total(counted, NODE_TOTALS)).of("runs") == 300
    second.writer.close()
    await other.close()


async def _end_one(counted: Counted) -> None:
    run = await counted.begun()
    run.status = "completed"
    await counted.end("acme", run, [RunEvent.of(_completed("n", {}))])


async def _fold_often(each: list[Counted]) -> None:
    while True:
        await asyncio.gather(*(Rollups(one.database).fold() for one in each))


def _completed(node: str, usage: dict[str, float], **more: Any) -> Event:
    done = {"output": 1, "branch": None, "usage": usage, "attempts": 1, "duration_ms": 2.0}
    data: Any = {**done, "cached": False, **more}
    return NODE_COMPLETED.of_node(node, data)


async def test_two_processes_never_fold_the_same_tallies(counted: Counted) -> None:
    await asyncio.gather(*(_end_one(counted) for _ in range(50)))
    other = await Database.open(counted.database.url)
    folded = await asyncio.gather(*(Rollups(d).fold() for d in (counted.database, other)))
    await Rollups(counted.database).fold()
    assert sum(folded) == 50
    assert (await _total(counted, WORKFLOW_TOTALS)).of("runs") == 50
    await other.close()


async def test_a_retried_run_counts_for_each_of_its_ends_and_its_usage_once(
    counted: Counted,
) -> None:
    run = await counted.begun()
    run.status = "failed"
    problem = {"code": "c", "message": "m", "at": {}, "attempts": 2, "duration_ms": 1.0}
    data: Any = {**problem, "usage": {"calls": 2}, "model": "m"}
    failed = NODE_FAILED.of_node("n", data)
    await counted.end("acme", run, [RunEvent.of(failed)])
    events = (RUN_RESUMED.of_run({"reason": "retried"}), _completed("n", {"calls": 1}))
    run.status = "completed"
    await counted.end("acme", run, map(RunEvent.of, events))
    total = await _total(counted, WORKFLOW_TOTALS)
    names = ("runs", "failed", "completed", "retried", "calls")
    assert [total.of(name) for name in names] == [2, 1, 1, 1, 3]
    node = await _total(counted, NODE_TOTALS)
    names = ("runs", "failed", "failed_attempts")
    assert [node.of(name) for name in names] == [2, 1, 2]


async def test_a_node_that_asked_several_models_counts_for_each(counted: Counted) -> None:
    run = await counted.begun()
    run.status = "completed"
    usage = {"calls": 3, "cost": 0.6}
    models = {"a": {"calls": 1, "cost": 0.1}, "b": {"calls": 1, "cost": 0.2}}
    used = NODE_USED.of_node("n", {"usage": {"calls": 1, "cost": 0.1}, "model": "a"})
    events = [used, _completed("n", usage, models=models)]
    await counted.end("acme", run, map(RunEvent.of, events))
    assert run.usage["calls"] == 3
    found = await counted.figures().totals(MODEL_TOTALS, _today(), ("model",))
    costs = {model: round(sums.of("cost"), 9) for (model,), sums in found.items()}
    assert costs == {"a": 0.1, "b": 0.2, "": 0.3}


async def test_what_a_cut_off_node_used_is_counted_after_the_end(counted: Counted) -> None:
    run = await counted.begun(started_by="ann")
    run.apply(RunEvent.of(NODE_STARTED.of_node("n", {"type": "llm"})))
    run.apply(RunEvent.of(NODE_USED.of_node("n", {"usage": {"calls": 1}, "model": "m"})))
    nothing: Any = _NoQueue()
    steering = Steering(counted.database, nothing, counted.writer)
    await steering.end("acme", run.id, "cancelled", {"code": "cancelled", "message": "Enough."})
    claims = Claims(counted.database, nothing, counted.writer)
    await claims.count_cut_off(Claim(run, "acme", 1, 1))
    total = await _total(counted, WORKFLOW_TOTALS)
    assert [total.of(name) for name in ("runs", "cancelled", "calls")] == [1, 1, 1]
    found = await counted.figures().totals(MODEL_TOTALS, _today(), ("model", "started_by"))
    assert found["m", "ann"].of("calls") == 1


class _NoQueue:
    """A queue that no one works on."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


async def test_names_that_postgresql_does_not_take_are_counted(counted: Counted) -> None:
    run = await counted.begun()
    run.status, run.started_by = "completed", "\0ann\ud800" + "x" * 500
    await counted.end("acme", run, [RunEvent.of(_completed("n", {"calls": 1}, model="\0m"))])
    await counted.folding.fold()
    found = await counted.figures().totals(MODEL_TOTALS, _today(), ("model", "started_by"))
    assert found["m", "ann?" + "x" * 196].of("calls") == 1


async def test_figures_stay_when_runs_are_deleted_and_go_when_they_are_old(
    counted: Counted,
) -> None:
    await _written(counted, 50)
    await counted.folding.fold()
    before = await _total(counted, WORKFLOW_TOTALS, SPAN)
    nothing: Any = _ForgottenQueue()
    assert await Retention(counted.steering, nothing, 0.001).prune() == 50
    assert await _total(counted, WORKFLOW_TOTALS, SPAN) == before
    age = (now().date() - FIRST).days
    await Folding(counted.database, age + 1).prune()
    assert await _total(counted, WORKFLOW_TOTALS, SPAN) == before
    await Folding(counted.database, age - 5).prune()
    assert (await _total(counted, WORKFLOW_TOTALS, SPAN)).of("runs") == 0
    for table in ("workflow_totals", "node_totals", "model_totals"):
        query = text(f"select count(*) from {table}")
        assert await counted.database.read(lambda session, q=query: session.scalar(q)) == 0


class _ForgottenQueue:
    """A queue without entries."""

    async def forget(self, run_ids: list[str]) -> None: ...


def test_a_percentile_is_as_near_as_promised() -> None:
    chosen = random.Random(3)
    for spread in (0.1, 1.0, 4.0):
        found, values = Durations(), [chosen.lognormvariate(4, spread) for _ in range(997)]
        for value in values:
            found.add(value)
        for share in (0.01, 0.5, 0.95, 0.99, 1.0):
            wanted = _percentile(values, share)
            assert found.percentile_ms(share) == pytest.approx(wanted, rel=PERCENTILE_ERROR + 1e-4)
    assert Durations().percentile_ms(0.5) is None
