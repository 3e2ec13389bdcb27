"""The workflows of one tenant: stored, and compiled once."""

import asyncio
import re
import unicodedata
import uuid
from collections.abc import Callable, Collection, Coroutine, Mapping, MutableMapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from cachetools import LRUCache

from flowc.compiler.check import check_workflow
from flowc.compiler.compile import CompiledWorkflow, compile_workflow
from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.documents import Document, from_data
from flowc.compiler.reading.library import Library, StoredDefinition
from flowc.server.records.refused import Refused
from flowc.server.records.runs import RunRecord
from flowc.server.records.workflow_names import version_number
from flowc.server.store.workflows import (
    NewVersion,
    NoSuchWorkflow,
    StoredWorkflow,
    StoredWorkflows,
    VersionNotes,
    WorkflowTag,
)
from flowc.server.workflows.builtin import INGEST
from flowc.server.workflows.remote_types import TenantTypes

MAX_COMPILED = 512
# Compiled workflows by their tenants and what else tells them apart.
KnownWorkflows = MutableMapping[tuple[Any, ...], CompiledWorkflow]
_Find = Callable[[str, str | None], Coroutine[Any, Any, StoredDefinition | None]]
T = TypeVar("T")
_INGESTION = ("ingestion",)


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


class GivenVersion(NamedTuple):
    """What a request has beside a definition: what was `sent`, with its lines, and notes."""

    sent: Document | None = None
    notes: VersionNotes = VersionNotes()


_NOTHING = GivenVersion()


def known_workflows() -> KnownWorkflows:
    """Return what remembers the workflows of a process that were used last, compiled."""
    return LRUCache(MAX_COMPILED)


class Workflows:
    """One tenant's workflows; a definition is compiled before it is stored.

    Those that are `known` are those of all tenants of the process.
    """

    def __init__(
        self,
        stored_workflows: StoredWorkflows,
        types: TenantTypes,
        known: KnownWorkflows | None = None,
    ) -> None:
        self._stored_workflows, self.types = stored_workflows, types
        self._known = known_workflows() if known is None else known
        self._tenant = stored_workflows.tenant
        self._compiling_ingestion = asyncio.Lock()

    async def create(
        self, document: Any, id: str | None, given: GivenVersion = _NOTHING
    ) -> Published:
        """Store a new workflow; raise DefinitionRefused or WorkflowExists.

        The lines of problems are those of the text that was sent.
        """
        compiled = await self.compile(document, id, given.sent)
        workflow = compiled.workflow
        chosen = id or workflow.id or _id_from(workflow)
        new = NewVersion(workflow.name or chosen, workflow.hash, document, given.notes)
        stored = await self._stored_workflows.create(chosen, new)
        return Published(stored, compiled)

    async def replace(
        self,
        id: str,
        document: Any,
        given: GivenVersion = _NOTHING,
        expected: Collection[WorkflowTag] | None = None,
    ) -> Published:
        """Store a definition as the newest version, and make that the active one.

        Raises DefinitionRefused, NoSuchWorkflow or WorkflowChanged.
        """
        await self._stored_workflows.get(id)
        compiled = await self.compile(document, id, given.sent)
        workflow = compiled.workflow
        new = NewVersion(workflow.name or id, workflow.hash, document, given.notes)
        stored = await self._stored_workflows.replace(id, new, expected)
        return Published(stored, compiled)

    async def activate(
        self, id: str, number: int, expected: Collection[WorkflowTag] | None = None
    ) -> Published:
        """Make a version the active one; raise DefinitionRefused if it is not valid any more."""
        compiled = await self.compiled(await self._stored_workflows.get(id, number))
        title = compiled.workflow.name or id
        stored = await self._stored_workflows.activate(id, title, number, expected)
        return Published(stored, compiled)

    async def compile(
        self, document: Any, id: str | None = None, sent: Document | None = None
    ) -> CompiledWorkflow:
        """Compile a definition from data; raise DefinitionRefused.

        It uses the newest versions of stored workflows that it runs without naming a version. The
        lines of problems are those of the text that was `sent`.
        """
        return await self._compile(sent or from_data(document), id, self._find)

    async def check(
        self,
        document: Document,
        id: str | None = None,
        others: Mapping[str, Document] = MappingProxyType({}),
    ) -> list[Diagnostic]:
        """Return all diagnostics of a definition, also those of one that cannot be stored.

        It may run the `others`, by id, as if they were the newest versions of stored workflows.
        """
        registry = await self.types.registry()

        async def find(id: str, version: str | None) -> StoredDefinition | None:
            if version is None and id in others:
                return StoredDefinition(id, "0", others[id])
            return await self._find(id, version)

        return await self._with_library(
            lambda library: check_workflow(document, registry, library, id), find
        )

    async def compiler_work(self, work: Callable[[Registry, Library], T]) -> T:
        """Return the result of work of the compiler, which is done in a thread.

        It gets the node types of the tenant, and its stored workflows.
        """
        registry = await self.types.registry()
        return await self._with_library(partial(work, registry), self._find)

    async def compile_to_run(self, document: Any, sent: Document | None) -> CompiledWorkflow:
        """Compile a definition that is run, and not stored as a workflow; raise DefinitionRefused.

        Failures of its runs in this process have the lines of the text that was `sent`.
        """
        compiled = await self.compile(document, sent=sent)
        if sent is not None:
            self._known[self._pin(compiled.hash)] = compiled
        return compiled

    async def _compile(
        self,
        document: Document,
        id: str | None,
        find: _Find,
    ) -> CompiledWorkflow:
        registry = await self.types.registry()
        return await self._with_library(
            lambda library: compile_workflow(document, registry, library=library, id=id), find
        )

    async def _with_library(self, work: Callable[[Library], T], find: _Find) -> T:
        """Do work of the compiler in a thread, with the stored workflows."""
        loop = asyncio.get_running_loop()

        def find_here(id: str, version: str | None) -> StoredDefinition | None:
            # The compiler runs in a thread of its own, and the store on the event loop.
            return asyncio.run_coroutine_threadsafe(find(id, version), loop).result()

        return await asyncio.to_thread(work, Library(find_here))

    async def ingestion(self) -> CompiledWorkflow:
        """Return the built-in ingestion workflow, compiled."""
        async with self._compiling_ingestion:
            known = self._known.get(_INGESTION) or await self.compile(INGEST)
        # So that a worker of this process does not compile it again.
        self._known[_INGESTION] = self._known[self._pin(known.hash)] = known
        return known

    async def pinned(self, run: RunRecord) -> CompiledWorkflow:
        """Return the definition that a run started with, compiled; raise CannotRebuild."""
        key = self._pin(run.hash, run.workflow_id, run.version)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = await self._rebuilt(run)
        return known

    def _pin(
        self, hash: str, workflow_id: str | None = None, version: int | None = None
    ) -> tuple[Any, ...]:
        # Not the hash alone: documents that mean the same may have their nodes in different places.
        return ("pinned", self._tenant, hash, workflow_id, version)

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
        number = version_number(version)
        if version is None or number is None:
            return None
        try:
            document = await self._stored_workflows.document(id, number, "")
        except NoSuchWorkflow:
            return None
        return StoredDefinition(id, version, from_data(document))

    async def compiled(self, stored: StoredWorkflow) -> CompiledWorkflow:
        """Return a stored workflow, compiled; again only if something that it uses changed."""
        # Not by its hash: documents that mean the same may have their nodes in different places.
        key = ("stored", self._tenant, stored.id, stored.version)
        known = self._known.get(key)
        if known is None or not await self._is_current(known):
            known = self._known[key] = await self.compile(stored.document, stored.id)
        return known

    async def _is_current(self, compiled: CompiledWorkflow) -> bool:
        """Return whether no workflow or registered type that it uses has a newer version.

        Those whose version it names do not count.
        """
        if not await self.types.are_current(compiled.plan):
            return False
        for (id, asked), used in compiled.uses.items():
            if asked is None:
                newest = await self._find(id, None)
                if newest is None or used is None or newest.version != used.version:
                    return False
        return True

    async def _find(self, id: str, version: str | None) -> StoredDefinition | None:
        number = version_number(version)
        if version is not None and number is None:
            return None
        try:
            found = await self._stored_workflows.get(id, number)
        except NoSuchWorkflow:
            return None
        return StoredDefinition(id, str(found.version), from_data(found.document))


def _id_from(workflow: WorkflowDefinition) -> str:
    """Return an id made from a workflow's name, with random letters so that it is free."""
    plain = unicodedata.normalize("NFKD", workflow.title).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60] or "workflow"
    return f"{words}-{uuid.uuid4().hex[:8]}"
