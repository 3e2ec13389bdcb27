"""The database of this machine, opened for a command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.settings import Settings
from flowc.server.store.database import Database
from flowc.server.store.runs.stored_runs import StoredRuns
from flowc.server.store.workflows import StoredWorkflows


@dataclass(frozen=True)
class LocalData:
    """The workflows and runs of the tenant that all data of a server belongs to."""

    workflows: StoredWorkflows
    runs: StoredRuns


@asynccontextmanager
async def open_local() -> AsyncIterator[LocalData]:
    """Open the database that the settings name."""
    database = await Database.open(Settings().database)
    try:
        yield LocalData(
            StoredWorkflows(database, DEFAULT_TENANT), StoredRuns(database, DEFAULT_TENANT)
        )
    finally:
        await database.close()
