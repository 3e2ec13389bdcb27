"""The workflows of one tenant: stored, and compiled once."""

import asyncio
import re
import unicodedata
import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from flowc.compiler.compile import CompiledWorkflow, compile_workflow
from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.documents import Document, from_data
from flowc.compiler.reading.library import Library, StoredDefinition
from flowc.server.records.refused import Refused
from flowc.server.records.runs import RunRecord
from flowc.server.store.workflows import NoSuchWorkflow, StoredWorkflow, StoredWorkflows
from flowc.server.workflows.builtin import INGEST

MAX_COMPILED = 256
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


class CannotRebuild(Refused):
    """The definition that the run started with cannot be compiled any more."""

    code = "definition-lost"

    def __init__(self, why: str) -> None:
        super().__init__(problems=[why])
        self.message = str(self)


class Published(NamedTuple):
    """A workflow that was stored just now, compiled."""

    stored: StoredWorkflow
    compiled: CompiledWorkflow


class Workflows:
    """One tenant's workflows; a definition is compiled before it is stored."""

    def __init__(self, stored_workflows: StoredWorkflows, registry: Registry) -> None:
        self._stored_workflows, self._registry = stored_workflows, registry
        self._compiled: OrderedDict[tuple[str, int], CompiledWorkflow] = OrderedDict()
        self._pinned: OrderedDict[str, CompiledWorkflow] = OrderedDict()
        self._ingestion: CompiledWorkflow | None = None
        self._compiling_ingestion = asyncio.Lock()

    async def create(
        self, document: Any, id: str | None, sent: Document | None = None
    ) -> Published:
        """Store a new workflow; raise DefinitionRefused or WorkflowExists.

        The lines of problems are those of the text that was `sent`.
        """
        compiled = await self.compile(document, id, sent)
        workflow = compiled.workflow
        chosen = id or workflow.id or _id_from(workflow)
        stored = await self._stored_workflows.create(
            chosen, workflow.title, workflow.hash, document
        )
        return Published(stored, compiled)

    async def replace(self, id: str, document: Any, sent: Document | None = None) -> Published:
        """Store a definition as the newest version; raise DefinitionRefused or NoSuchWorkflow."""
        await self._stored_workflows.get(id)
        compiled = await self.compile(document, id, sent)
        workflow = compiled.workflow
        stored = await self._stored_workflows.replace(id, workflow.title, workflow.hash, document)
        return Published(stored, compiled)

    async def compile(
        self, document: Any, id: str | None = None, sent: Document | None = None
    ) -> CompiledWorkflow:
        """Compile a definition from data; raise DefinitionRefused.

        It uses the newest versions of stored workflows that it runs without naming a version. The
        lines of problems are those of the text that was `sent`.
        """
        return await self._compile(sent or from_data(document), id, self._find)

    async def compile_to_run(self, document: Any, sent: Document | None) -> CompiledWorkflow:
        """Compile a definition that is run, and not stored as a workflow; raise DefinitionRefused.

        Failures of its runs in this process have the lines of the text that was `sent`.
        """
        compiled = await self.compile(document, sent=sent)
        if sent is not None:
            self._remember(_pin(compiled.hash, None, None), compiled)
        return compiled

    async def _compile(
        self,
        document: Document,
        id: str | None,
        find: Callable[[str, str | None], Coroutine[Any, Any, StoredDefinition | None]],
    ) -> CompiledWorkflow:
        loop = asyncio.get_running_loop()

        def find_here(id: str, version: str | None) -> StoredDefinition | None:
            # The compiler runs in a thread of its own, and the store on the event loop.
            return asyncio.run_coroutine_threadsafe(find(id, version), loop).result()

        return await asyncio.to_thread(
            compile_workflow, document, self._registry, library=Library(find_here), id=id
        )

    async def ingestion(self) -> CompiledWorkflow:
        """Return the built-in ingestion workflow; it is compiled once, at its first use."""
        async with self._compiling_ingestion:
            if self._ingestion is None:
                self._ingestion = await self.compile(INGEST)
        # So that a worker of this process does not compile it again.
        self._remember(_pin(self._ingestion.hash, None, None), self._ingestion)
        return self._ingestion

    async def pinned(self, run: RunRecord) -> CompiledWorkflow:
        """Return the definition that a run started with, compiled; raise CannotRebuild."""
        key = _pin(run.hash, run.workflow_id, run.version)
        known = self._pinned.get(key) or await self._rebuilt(run)
        self._remember(key, known)
        return known

    def _remember(self, key: str, compiled: CompiledWorkflow) -> None:
        self._pinned[key] = compiled
        self._pinned.move_to_end(key)
        if len(self._pinned) > MAX_COMPILED:
            self._pinned.popitem(last=False)

    async def _rebuilt(self, run: RunRecord) -> CompiledWorkflow:
        used = {(str(id), asked): version for id, asked, version in run.uses}

        async def find(id: str, version: str | None) -> StoredDefinition | None:
            return await self._find_kept(id, used.get((id, version), version))

        try:
            document = await self._stored_workflows.document(run.workflow_id, run.version, run.hash)
            compiled = await self._compile(from_data(document), run.workflow_id, find)
        except (NoSuchWorkflow, DefinitionRefused) as problem:
            raise CannotRebuild(str(problem)) from None
        if compiled.hash != run.hash:
            raise CannotRebuild("This version of flowc reads it differently; start a new run.")
        return compiled

    async def _find_kept(self, id: str, version: str | None) -> StoredDefinition | None:
        """Return a version of a workflow, even if the workflow is deleted."""
        if version is None or not _NUMBER.fullmatch(version):
            return None
        try:
            document = await self._stored_workflows.document(id, int(version), "")
        except NoSuchWorkflow:
            return None
        return StoredDefinition(id, version, from_data(document))

    async def compiled(self, stored: StoredWorkflow) -> CompiledWorkflow:
        """Return a stored workflow, compiled; again only if a workflow that it uses changed."""
        # Not by its hash: documents that mean the same may have their nodes in different places.
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
        """Return whether no workflow that it uses without naming a version has a newer one."""
        for (id, asked), used in compiled.uses.items():
            if asked is None:
                newest = await self._find(id, None)
                if newest is None or used is None or newest.version != used.version:
                    return False
        return True

    async def _find(self, id: str, version: str | None) -> StoredDefinition | None:
        if version is not None and not _NUMBER.fullmatch(version):
            return None
        try:
            found = await self._stored_workflows.get(
                id, int(version) if version is not None else None
            )
        except NoSuchWorkflow:
            return None
        return StoredDefinition(id, str(found.version), from_data(found.document))


def _pin(hash: str, workflow_id: str | None, version: int | None) -> str:
    # Not the hash alone: documents that mean the same may have their nodes in different places.
    return f"{hash}/{workflow_id}/{version}"


def _id_from(workflow: WorkflowDefinition) -> str:
    """Return an id made from a workflow's name, with random letters so that it is free."""
    plain = unicodedata.normalize("NFKD", workflow.title).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60] or "workflow"
    return f"{words}-{uuid.uuid4().hex[:8]}"
