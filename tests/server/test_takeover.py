"""A process may take over a run that it works on itself, if it seemed to be dead."""

import asyncio
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from fakes.runs_api import pause
from flowc.compiler.node.registry import Registry
from flowc.server.process.process import open_process
from flowc.server.records.runs import ENDED
from flowc.server.settings import Settings


async def test_a_run_that_its_own_process_takes_over_is_completed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, poll_seconds=0.05, drain_seconds=0)
    async with AsyncExitStack() as stack:
        process = await open_process(settings, Registry.installed(), stack, works=True)
        nodes = [pause("a", seconds=0.3), pause("b", "a", seconds=0.3)]
        compiled = await process.workflows.compile({"nodes": nodes})
        run = await process.runs.submit(compiled, {}, is_awaited=True)
        [worker] = await process.runs.steering.workers()
        assert await process.runs.steering.requeue_of(worker) == 1
        while await process.stored_runs.status(run.id) not in ENDED:
            await asyncio.sleep(0.02)
        done = await process.stored_runs.get(run.id)
        assert (done.status, done.error) == ("completed", None)
        kinds = [event.kind for event in await process.stored_runs.events(run.id)]
        assert kinds[:4] == ["run.created", "run.started", "run.resumed", "run.started"]


@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_run_is_not_forgotten_if_the_connection_is_lost_while_it_is_created(
    is_stored: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path, poll_seconds=0.05, drain_seconds=0)
    async with AsyncExitStack() as stack:
        process = await open_process(settings, Registry.installed(), stack, works=True)
        compiled = await process.workflows.compile({"nodes": [pause("a")]})
        assert (await process.runs.execute(compiled, {})).status == "completed"
        database = process.runs.steering.database
        commit = database._commit

        def lost(driver: Any) -> None:
            monkeypatch.setattr(database, "_commit", commit)
            if is_stored:
                commit(driver)
            raise sqlite3.OperationalError("the connection is lost")

        monkeypatch.setattr(database, "_commit", lost)
        with pytest.raises(sqlite3.OperationalError):
            await process.runs.execute(compiled, {})
        while process.runs.segments is None or process.runs.segments.started:
            await asyncio.sleep(0.02)
        runs, total = await process.stored_runs.list(10, 0)
        assert total == 1 + is_stored
        for run in runs:
            while await process.stored_runs.status(run.id) != "completed":
                await asyncio.sleep(0.02)
