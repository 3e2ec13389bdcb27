"""Reads runs from the database that the settings name, with or without a server."""

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import wrong
from flowc.server.settings import is_sqlite
from flowc.server.store import open_local
from flowc.server.store.parts import ListPart
from flowc.server.store.runs.stored_runs import NoSuchRun, WantedInterrupts, WantedRuns


def has_database() -> bool:
    """Return whether the database exists: opening a missing SQLite file would create it."""
    url = read_settings().database
    return not is_sqlite(url) or Path(make_url(url).database or "").is_file()


class DatabaseRuns:
    """The runs in the database, as JSON; the database is never created here."""

    @property
    def place(self) -> str:
        """Where the runs are stored, for people."""
        settings = read_settings()
        return str(settings.data_dir) if is_sqlite(settings.database) else "the database"

    def runs(self, workflow: str | None, status: str | None, limit: int) -> list[dict[str, Any]]:
        """Return runs without their nodes, newest first."""
        return asyncio.run(_list(workflow, status, limit)) if has_database() else []

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run with its nodes; end the command if there is none."""
        found = asyncio.run(_get(run_id)) if has_database() else None
        return found if found is not None else wrong(f"There is no run {run_id!r} in {self.place}.")

    def interrupts(self, run_id: str) -> list[dict[str, Any]]:
        """Return what an existing run waits for, oldest first."""
        return asyncio.run(_interrupts(run_id))


async def _list(workflow: str | None, status: str | None, limit: int) -> list[dict[str, Any]]:
    async with open_local() as store:
        wanted = WantedRuns(workflow, statuses=[status] if status is not None else [])
        found = await store.runs.list(ListPart(limit), wanted)
        return [run.as_json() for run in found.items]


async def _get(run_id: str) -> dict[str, Any] | None:
    async with open_local() as store:
        try:
            return (await store.runs.get(run_id)).as_json()
        except NoSuchRun:
            return None


async def _interrupts(run_id: str) -> list[dict[str, Any]]:
    async with open_local() as store:
        found = await store.runs.interrupts(WantedInterrupts(run_id=run_id, status="waiting"))
        return [each.as_json() for each in found]
