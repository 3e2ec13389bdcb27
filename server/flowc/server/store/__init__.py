"""What is stored: workflows, their versions, runs, threads, files. Every query is one tenant's."""

from flowc.server.store.database import Database
from flowc.server.store.local import open_local
from flowc.server.store.node_cache import StoredCache
from flowc.server.store.runs.stored_runs import StoredRuns
from flowc.server.store.workflows import NoSuchWorkflow, StoredWorkflow, StoredWorkflows

__all__ = [
    "Database",
    "NoSuchWorkflow",
    "StoredCache",
    "StoredRuns",
    "StoredWorkflow",
    "StoredWorkflows",
    "open_local",
]
