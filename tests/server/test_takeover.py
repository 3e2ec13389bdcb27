"""A process may take over a run that it works on itself, if it seemed to be dead."""

import asyncio
import sqlite3
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from fakes import loopback
from fakes.runs_api import pause
from flowc.compiler.node.registry import Registry
from flowc.server.engine.queue.retention import Retention
from flowc.server.process.process import open_process
from flowc.server.records.runs import ENDED
from flowc.server.settings import Settings
from flowc.server.store.database import Database
from flowc.server.store.parts import ListPart


async def test_a_run_that_its_own_process_takes_over_is_completed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, poll_seconds=0.05, drain_seconds=0)
    async with AsyncExitStack() as stack:
        process = await open_process(settings, Registry.installed(), stack, works=True)
        nodes = [pause("a", seconds=0.3), pause("b", "a", seconds=0.3)]
        compiled = await process.default.workflows.compile({"nodes": nodes})
        run = await process.default.runs.submit(compiled, {}, is_awaited=True)
        [worker] = await process.default.runs.steering.workers()
        assert await process.default.runs.steering.requeue_of(worker) == 1
        while await process.default.stored_runs.status(run.id) not in ENDED:
            await asyncio.sleep(0.02)
        done = await process.default.stored_runs.get(run.id)
        assert (done.status, done.error) == ("completed", None)
        kinds = [event.kind for event in await process.default.stored_runs.events(run.id)]
        assert kinds[:4] == ["run.created", "run.started", "run.resumed", "run.started"]


async def test_what_works_in_the_background_ends_before_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(_: Retention) -> None:
        while True:
            await asyncio.to_thread(time.sleep, 0.001)

    monkeypatch.setattr(Retention, "watch", ask)
    settings = Settings(data_dir=tmp_path, drain_seconds=0, keep_runs_days=1)
    async with AsyncExitStack() as stack:
        await open_process(settings, Registry.installed(), stack, works=True)
        await asyncio.sleep(0.05)


class LosesOneCommit:
    """A commit after which the connection is lost, once; it may have been stored all the same."""

    def __init__(self, database: Database, is_stored: bool) -> None:
        self._database, self._is_stored = database, is_stored
        self._commit, self.is_over = database._commit, False
        database._commit = self  # type: ignore[method-assign]

    def __call__(self, driver: Any) -> None:
        if self.is_over or self._is_stored:
            self._commit(driver)
        if not self.is_over:
            self.is_over = True
            raise sqlite3.OperationalError("the connection is lost")


@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_run_is_not_forgotten_if_the_connection_is_lost_while_it_is_created(
    is_stored: bool, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, poll_seconds=0.05, drain_seconds=0)
    async with AsyncExitStack() as stack:
        process = await open_process(settings, Registry.installed(), stack, works=True)
        compiled = await process.default.workflows.compile({"nodes": [pause("a")]})
        assert (await process.default.runs.execute(compiled, {})).status == "completed"
        LosesOneCommit(process.default.runs.steering.database, is_stored)
        with pytest.raises(sqlite3.OperationalError):
            await process.default.runs.submit(compiled, {}, is_awaited=True)
        while process.default.runs.segments is None or process.default.runs.segments.started:
            await asyncio.sleep(0.02)
        runs, total, _ = await process.default.stored_runs.list(ListPart(10))
        assert total == 1 + is_stored
        for run in runs:
            while await process.default.stored_runs.status(run.id) != "completed":
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_run_that_is_stored_with_what_it_did_is_stored_once(
    is_stored: bool, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, drain_seconds=0)
    async with AsyncExitStack() as stack:
        process = await open_process(settings, Registry.installed(), stack, works=True)
        compiled = await process.default.workflows.compile(
            {"nodes": [{"id": "a", "type": "template", "config": {"template": "x"}}]}
        )
        assert (await process.default.runs.execute(compiled, {})).status == "completed"
        lost = LosesOneCommit(process.default.runs.steering.database, is_stored)
        run = await process.default.runs.execute(compiled, {})
        assert (run.status, run.output["text"], lost.is_over) == ("completed", "x", True)
        kinds = [event.kind for event in await process.default.stored_runs.events(run.id)]
        ends = ["node.started", "node.completed", "run.completed"]
        assert kinds == ["run.created", "run.started", *ends]


async def test_a_run_that_cannot_be_stored_is_refused_before_it_does_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def answer(request: loopback.Request) -> loopback.Reply:
        calls.append(request.path)
        return loopback.reply_json("done")

    def full(driver: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with loopback.serving(answer) as service:
        allowed: Any = {"127.0.0.1/32": [service.port]}
        settings = Settings(data_dir=tmp_path, drain_seconds=0, egress_allow=allowed)
        async with AsyncExitStack() as stack:
            process = await open_process(settings, Registry.installed(), stack, works=True)
            call = {"id": "a", "type": "http", "config": {"url": service.url, "method": "POST"}}
            compiled = await process.default.workflows.compile({"nodes": [call]})
            assert (await process.default.runs.execute(compiled, {})).status == "completed"
            with monkeypatch.context() as patch:
                patch.setattr(process.default.runs.steering.database, "_commit", full)
                with pytest.raises(sqlite3.OperationalError):
                    await process.default.runs.execute(compiled, {})
            _, total, _ = await process.default.stored_runs.list(ListPart(10))
            assert (total, len(calls)) == (1, 1)


async def test_a_process_that_stops_waits_for_no_thread_of_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("dbos._dbos.dbos_logger.warning", said.append)
    async with AsyncExitStack() as stack:
        settings = Settings(data_dir=tmp_path, warm_models=False)
        await open_process(settings, Registry.installed(), stack, works=True)
    assert not said
