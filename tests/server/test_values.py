"""A big value is stored once for a run, however many events and checkpoints it is in."""

import asyncio
import json
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from fakes.processes import new_database, serving, until
from fakes.runs_api import API, begin, ended, events_of, human, pause, require_orderly, run_of
from flowc.compiler.node.registry import Registry
from flowc.server.process.process import Process, open_process
from flowc.server.records.runs import RunRecord
from flowc.server.runs.run_options import RunOptions
from flowc.server.settings import Settings
from flowc.server.store.parts import ListPart
from flowc.server.store.values import LIMIT, Values, whole

MEGABYTE = 1_000_000
TABLES = ("events", "graph_archives", "graph_checkpoints", "graph_writes", "run_values", "runs")


class Wrapped(NamedTuple):
    """As LangGraph wraps the value of a channel."""

    value: Any


def template(id: str, of: str, *after: str) -> dict[str, Any]:
    config = {"template": "{{" + of + "}}"}
    return {"id": id, "type": "template", "depends_on": list(after), "config": config}


CHAIN = [
    template("a", "input.text"),
    template("b", "a.output.text", "a"),
    template("c", "b.output.text", "b"),
]


@pytest.mark.parametrize(
    "value",
    [
        {"output": {"text": "x" * LIMIT + "y", "n": 3}, "same": ["x" * LIMIT + "y"]},
        {"output": {"rows": [{"n": n, "f": n / 7, "is": None} for n in range(1_000)]}},
        {"output": {f"k{n}": "x" * 100 for n in range(100)}},
        {"outputs": Wrapped({"a": {"text": "Grüße \ud800\x00" * LIMIT}, "b": {"n": 1}})},
        {"items": [list(range(5_000)), list(range(5_000)), "short"]},
        {"tuple": ("x" * 2 * LIMIT, {1: "y" * 2 * LIMIT}), "big": "z" * 2 * LIMIT},
    ],
)
def test_a_value_is_whole_again_after_its_parts_were_stored_apart(value: Any) -> None:
    values, before = Values(), repr(value)
    parted, refs = values.part(value)
    assert refs is not None
    assert repr(value) == before
    assert whole(parted, refs, values.new) == value


def test_equal_parts_are_one_value_wherever_they_are() -> None:
    values, big = Values(), "x" * MEGABYTE
    for place in ({"input": big}, {"output": {"text": big, "n": 1}}, {"a": [1, big]}):
        parted, _ = values.part(place)
        assert len(repr(parted)) < 100
    assert list(values.new.values()) == [json.dumps(big)]
    values.settle(is_stored=True)
    values.part({"again": big})
    assert values.new == {}


def test_what_was_not_stored_is_handed_in_again() -> None:
    values, big = Values(), "x" * MEGABYTE
    values.part([big])
    values.settle(is_stored=False)
    values.part([big])
    assert len(values.new) == 1


def test_small_values_are_left_as_they_are() -> None:
    small = {"text": "x" * LIMIT, "rows": list(range(100))}
    assert Values().part(small) == (small, None)


@dataclass
class ListPlace:
    """A process that works on runs, and its database."""

    process: Process
    url: str
    file: Path

    async def submit(self, nodes: list[Any], input: Any) -> RunRecord:
        compiled = await self.process.default.workflows.compile({"nodes": nodes})
        return await self.process.default.runs.submit(compiled, input, is_awaited=True)

    async def run(self, nodes: list[Any], input: Any) -> RunRecord:
        compiled = await self.process.default.workflows.compile({"nodes": nodes})
        done = await self.process.default.runs.execute(compiled, input)
        return await self.process.default.stored_runs.get(done.id)

    async def ask(self, query: str) -> Any:
        database = self.process.default.runs.steering.database
        return await database.read(lambda session: session.scalar(text(query)))

    async def size(self) -> int:
        """Return the bytes of what runs have stored."""
        if self.file.exists():
            named = ", ".join(f"'{name}'" for name in TABLES)
            query = f"select sum(pgsize) from dbstat where name in ({named})"
        else:
            query = f"select {' + '.join(f'pg_total_relation_size({n!r})' for n in TABLES)}"
        return int(await self.ask(query))


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ListPlace]:
    file = tmp_path / "flowc.db"
    url = f"sqlite:///{file}"
    if request.param == "postgres":
        url = new_database(request.getfixturevalue("postgres"))["FLOWC_DATABASE_URL"]
    settings = Settings(data_dir=tmp_path, database_url=url, poll_seconds=0.05, drain_seconds=0)
    async with AsyncExitStack() as stack:
        process = await open_process(settings, Registry.installed(), stack, works=True)
        yield ListPlace(process, url, file)


async def test_a_megabyte_through_three_templates_is_stored_once(place: ListPlace) -> None:
    big, before = secrets.token_hex(MEGABYTE // 2), await place.size()
    done = await place.run(CHAIN, {"text": big})
    assert (done.status, done.error) == ("completed", None)
    assert await place.size() - before < 1.2 * MEGABYTE
    assert await place.ask("select count(*) from run_values") == 1
    # And everything is there for those who read it.
    assert done.input == {"text": big}
    assert done.output == {"text": big}
    assert [done.nodes[id].output for id in "abc"] == [{"text": big}] * 3
    outputs = [
        event.data["output"]
        for event in await place.process.default.stored_runs.events(done.id)
        if event.kind == "node.completed"
    ]
    assert outputs == [{"text": big}] * 3
    [listed], *_ = await place.process.default.stored_runs.list(ListPart(10))
    assert (listed.input, listed.output) == (done.input, done.output)


async def test_a_long_list_is_stored_once(place: ListPlace) -> None:
    rows = [{"n": n, "name": f"row {n}"} for n in range(20_000)]
    nodes = [
        {
            "id": "a",
            "type": "transform",
            "config": {"data": "{{input.rows}}", "expression": "data"},
        },
        {
            "id": "b",
            "type": "end",
            "depends_on": ["a"],
            "config": {"output": {"all": "{{a.output}}"}},
        },
    ]
    done = await place.run(nodes, {"rows": rows})
    assert (done.error, done.output) == (None, {"all": rows})
    assert await place.ask("select count(*) from run_values") == 1
    assert await place.size() < 2 * len(json.dumps(rows))


async def test_a_run_that_fails_finds_its_big_values_again_when_it_is_retried(
    place: ListPlace,
) -> None:
    big = secrets.token_hex(MEGABYTE // 2)
    message = "There are {{b.output.text | length}} characters."
    refuse = {
        "id": "refuse",
        "type": "fail",
        "depends_on": ["b"],
        "config": {"message": message},
    }
    failed = await place.run([*CHAIN[:2], refuse], {"text": big})
    assert failed.status == "failed"
    assert await place.ask("select count(*) from graph_archives") == 1
    await place.process.default.runs.steering.retry("default", failed.id)
    stored = place.process.default.stored_runs
    while len([e for e in await stored.events(failed.id) if e.kind == "run.failed"]) < 2:
        await asyncio.sleep(0.02)
    again = await stored.get(failed.id)
    assert again.error is not None
    assert again.error["message"] == f"There are {MEGABYTE} characters."
    assert [again.nodes[id].runs for id in ("a", "b")] == [1, 1]
    assert again.nodes["b"].output == {"text": big}
    assert await place.size() < 2 * MEGABYTE


async def test_a_queued_run_has_its_big_input(place: ListPlace) -> None:
    big = secrets.token_hex(MEGABYTE // 2)
    compiled = await place.process.default.workflows.compile({"nodes": CHAIN})
    run = await place.process.default.runs.submit(
        compiled, {"text": big}, options=RunOptions(idempotency_key="k")
    )
    stored = place.process.default.stored_runs
    while await stored.status(run.id) != "completed":
        await asyncio.sleep(0.02)
    assert (await stored.get(run.id)).output == {"text": big}
    assert await place.ask("select count(*) from run_values") == 1


def test_big_values_survive_the_end_of_a_process(tmp_path: Path, database: dict[str, str]) -> None:
    big = secrets.token_hex(MEGABYTE // 2)
    nodes = [*CHAIN[:2], human("ask", "b"), pause("w", "ask", seconds=0.5), *CHAIN[2:]]
    nodes[-1] = template("c", "b.output.text", "w")
    quick = {**database, "FLOWC_TAKEOVER_SECONDS": "1"}
    with serving(tmp_path / "d", quick) as (api, process):
        run = begin(api, nodes, input={"text": big})
        assert run["status"] == "waiting"
        [task] = api.get(f"{API}/interrupts", params={"run_id": run["id"]}).json()
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
        until(lambda: run_of(api, run["id"])["nodes"].get("w", {}).get("status") == "running")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving(tmp_path / "d", quick) as (api, _):
        done = ended(api, run["id"])
        assert (done["status"], done["output"]) == ("completed", {"text": big})
        assert [done["nodes"][id]["output"] for id in "abc"] == [{"text": big}] * 3
        assert [done["nodes"][id]["runs"] for id in "abc"] == [1, 1, 1]
        require_orderly(events_of(api, run["id"]))
