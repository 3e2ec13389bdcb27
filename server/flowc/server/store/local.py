"""The database of this machine, opened for a command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from flowc.server.settings import Settings
from flowc.server.store.database import Database
from flowc.server.store.runs.stored_runs import StoredRuns
from flowc.server.store.workflows import StoredWorkflows

# All data belongs to one tenant.
TENANT = "default"


@dataclass(frozen=True)
class LocalData:
    """The workflows and runs of one tenant."""

    workflows: StoredWorkflows
    runs: StoredRuns


@asynccontextmanager
async def open_local() -> AsyncIterator[LocalData]:
    """Open the database that the settings name."""
    database = await Database.open(Settings().database)
    try:
        yield LocalData(StoredWorkflows(database, TENANT), StoredRuns(database, TENANT))
    finally:
        await database.close()
