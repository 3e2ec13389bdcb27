"""What does the server do with workflows: keep them, compile them once, run them?"""

import asyncio
import re
import unicodedata
import uuid
from collections import OrderedDict
from typing import Any

from flowc.compiler.compile import CompiledWorkflow, compile_workflow
from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.documents import from_data
from flowc.compiler.library import Library, Stored
from flowc.compiler.registry import Registry
from flowc.server.checkpoints import Saver
from flowc.server.host import Host
from flowc.server.records import RunRecord
from flowc.server.runs import drive, new_run
from flowc.server.settings import Settings
from flowc.server.store import NoSuchWorkflow, StoredRuns, StoredWorkflow, StoredWorkflows

MAX_COMPILED = 256
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


class Workflows:
    """One tenant's workflows, compiled when they come in."""

    def __init__(self, store: StoredWorkflows, registry: Registry) -> None:
        self._store, self._registry = store, registry
        self._compiled: OrderedDict[tuple[str, int], CompiledWorkflow] = OrderedDict()

    async def create(self, document: Any, id: str | None) -> StoredWorkflow:
        """Keep a new workflow; raise DefinitionRefused or WorkflowExists."""
        compiled = await self.compile(document, id)
        workflow = compiled.workflow
        chosen = id or workflow.id or _id_from(workflow)
        return await self._store.create(chosen, workflow.title, workflow.hash, document)

    async def replace(self, id: str, document: Any) -> StoredWorkflow:
        """Make a definition the newest version; raise DefinitionRefused or NoSuchWorkflow."""
        await self._store.get(id)
        compiled = await self.compile(document, id)
        workflow = compiled.workflow
        return await self._store.replace(id, workflow.title, workflow.hash, document)

    async def compile(self, document: Any, id: str | None = None) -> CompiledWorkflow:
        """Compile a definition from data; raise DefinitionRefused.

        The stored workflows that it runs without naming a version are taken in their newest.
        """
        loop = asyncio.get_running_loop()

        def find(id: str, version: str | None) -> Stored | None:
            # The compiler works in a thread of its own, and the store on the loop.
            return asyncio.run_coroutine_threadsafe(self._find(id, version), loop).result()

        return await asyncio.to_thread(
            compile_workflow, from_data(document), self._registry, library=Library(find), id=id
        )

    async def compiled(self, stored: StoredWorkflow) -> CompiledWorkflow:
        """Return a kept workflow, compiled; each version is compiled once for those it uses."""
        # Not by its hash: versions that mean the same may stand differently in their documents.
        key = (stored.id, stored.version)
        known = self._compiled.get(key)
        if known is None or not await self._uses_the_newest(known):
            known = await self.compile(stored.document, stored.id)
            self._compiled[key] = known
            if len(self._compiled) > MAX_COMPILED:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return known

    async def _uses_the_newest(self, compiled: CompiledWorkflow) -> bool:
        """Say whether the workflows it uses without naming a version have no newer one."""
        for (id, asked), used in compiled.uses.items():
            if asked is None:
                newest = await self._find(id, None)
                if newest is None or used is None or newest.version != used.version:
                    return False
        return True

    async def _find(self, id: str, version: str | None) -> Stored | None:
        if version is not None and not _NUMBER.fullmatch(version):
            return None
        try:
            found = await self._store.get(id, int(version) if version is not None else None)
        except NoSuchWorkflow:
            return None
        return Stored(id, str(found.version), from_data(found.document))


class Runs:
    """One tenant's runs: those that are under way here, and those that are kept."""

    def __init__(
        self,
        store: StoredRuns,
        workflows: StoredWorkflows,
        host: Host,
        saver: Saver,
        settings: Settings,
    ) -> None:
        self._store, self._workflows = store, workflows
        self._host, self._saver, self._settings = host, saver, settings
        self._active: dict[str, RunRecord] = {}

    async def execute(
        self, compiled: CompiledWorkflow, given: Any, stored: StoredWorkflow | None = None
    ) -> RunRecord:
        """Run a workflow to its end; raise InputRefused if the input does not fit."""
        run = new_run(
            compiled,
            given,
            workflow_id=stored.id if stored else None,
            version=stored.version if stored else None,
        )
        if stored is None:
            await self._workflows.keep_definition(run.hash, compiled.document.data)
        await self._store.save(run)
        self._active[run.id] = run
        try:
            await drive(
                compiled, run, self._host, saver=self._saver, max_steps=self._settings.max_steps
            )
        finally:
            await asyncio.shield(self._store.save(run))
            del self._active[run.id]
        return run

    async def get(self, id: str) -> RunRecord:
        """Return a run as it is now; raise NoSuchRun."""
        return self._active.get(id) or await self._store.get(id)


def _id_from(workflow: WorkflowDefinition) -> str:
    """Make an id of a workflow's name, with a few random letters so that it is free."""
    plain = unicodedata.normalize("NFKD", workflow.title).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60] or "workflow"
    return f"{words}-{uuid.uuid4().hex[:8]}"
