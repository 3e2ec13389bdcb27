"""The built-in ingestion workflow is compiled once in a process."""

import asyncio
from pathlib import Path

import pytest

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.node.registry import Registry
from flowc.server.engine.driving import new_run
from flowc.server.store import Database, StoredWorkflows
from flowc.server.store.remote_types import StoredRemoteTypes
from flowc.server.workflows import compiled as module
from flowc.server.workflows.compiled import Workflows
from flowc.server.workflows.remote_types import TenantTypes


async def test_the_ingestion_workflow_is_compiled_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[CompiledWorkflow] = []
    compile_workflow = module.compile_workflow

    def counted(*args, **options):
        made.append(compile_workflow(*args, **options))
        return made[-1]

    monkeypatch.setattr(module, "compile_workflow", counted)
    database = await Database.open(f"sqlite:///{tmp_path}/flowc.db")
    types = TenantTypes(Registry.installed(), StoredRemoteTypes(database, "default"))
    workflows = Workflows(StoredWorkflows(database, "default"), types)

    found = await asyncio.gather(workflows.ingestion(), workflows.ingestion())
    run = await new_run(found[0], {"collection": "c", "urls": []})
    pinned = await workflows.pinned(run)
    await database.close()

    assert made == [found[0]]
    assert found[0] is found[1] is pinned
