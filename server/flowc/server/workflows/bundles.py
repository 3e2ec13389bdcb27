"""Workflows leave and come in bundles: with those that they run, checked before any is stored."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, has_errors
from flowc.compiler.reading.documents import Document, read_text
from flowc.server.records.bundles import BundleAction, BundledWorkflow
from flowc.server.store.workflows import StoredWorkflows, VersionNotes
from flowc.server.workflows.compiled import GivenVersion, Published, Workflows


class PlannedWorkflow(NamedTuple):
    """What an import does with a workflow, and what is wrong or odd with it.

    `version` is the active version that is there, and after an import the one that was stored.
    """

    id: str
    action: BundleAction
    version: int | None
    diagnostics: Sequence[Diagnostic]


@dataclass(frozen=True)
class Bundles:
    """One tenant's workflows, as bundles."""

    stored_workflows: StoredWorkflows
    workflows: Workflows

    async def exported(self, id: str, number: int | None = None) -> list[BundledWorkflow]:
        """Return a workflow after those that it runs, each once; raise NoSuchWorkflow.

        The version is the active one if no number is given, as it is for those that it runs
        without naming a version.
        """
        found: dict[str, BundledWorkflow] = {}
        await self._collect(id, number, found)
        return list(found.values())

    async def _collect(
        self, id: str, number: int | None, found: dict[str, BundledWorkflow]
    ) -> None:
        stored = await self.stored_workflows.with_text(id, number)
        compiled = await self.workflows.compiled(stored)
        for (used, _), definition in compiled.uses.items():
            if used != id and used not in found and definition is not None:
                await self._collect(used, int(definition.version), found)
        labels = await self.stored_workflows.labels(id)
        source, format = stored.text
        found[id] = BundledWorkflow(id, source, format, stored.notes.message, labels)

    async def plan(self, bundle: Sequence[BundledWorkflow]) -> list[PlannedWorkflow]:
        """Return what an import would do, with the diagnostics of all; nothing is stored."""
        documents: dict[str, Document] = {}
        unreadable: dict[str, Sequence[Diagnostic]] = {}
        for each in bundle:
            try:
                documents[each.id] = await _read(each)
            except DefinitionRefused as refused:
                unreadable[each.id] = refused.diagnostics
        planned: list[PlannedWorkflow] = []
        for each in bundle:
            problems = unreadable.get(each.id)
            if problems is None:
                problems = await self.workflows.check(documents[each.id], each.id, documents)
            action, version = await self._action(each)
            planned.append(PlannedWorkflow(each.id, action, version, problems))
        return planned

    async def _action(self, given: BundledWorkflow) -> tuple[BundleAction, int | None]:
        if not await self.stored_workflows.exists(given.id):
            return "create", None
        stored = await self.stored_workflows.with_text(given.id)
        is_same = stored.text == (given.source, given.format)
        return "unchanged" if is_same else "change", stored.version

    async def store(self, bundle: Sequence[BundledWorkflow], author: str) -> list[PlannedWorkflow]:
        """Store the workflows of a bundle that are new or changed, if none of all has an error.

        Labels are added to those that are there. Raises DefinitionRefused with the errors of all;
        also if one is refused only when it is stored, as another author has changed a workflow.
        """
        planned = await self.plan(bundle)
        found = [problem for each in planned for problem in each.diagnostics]
        if has_errors(found):
            raise DefinitionRefused([each for each in found if each.severity == "error"])
        done = {each.id: each for each in planned}
        left = [each for each in bundle if done[each.id].action != "unchanged"]
        while left:
            left = await self._store_some(left, done, author)
        for each in bundle:
            if each.labels:
                known = await self.stored_workflows.labels(each.id)
                await self.stored_workflows.set_labels(each.id, {**known, **each.labels})
        return list(done.values())

    async def _store_some(
        self, left: Sequence[BundledWorkflow], done: dict[str, PlannedWorkflow], author: str
    ) -> list[BundledWorkflow]:
        """Store workflows; return those that run one that is not stored yet."""
        refused: list[BundledWorkflow] = []
        for each in left:
            try:
                stored = (await self._store(each, done[each.id].action, author)).stored
            except DefinitionRefused:
                refused.append(each)
                if len(refused) == len(left):
                    raise
            else:
                done[each.id] = done[each.id]._replace(version=stored.version)
        return refused

    async def _store(self, given: BundledWorkflow, action: BundleAction, author: str) -> Published:
        document = await _read(given)
        notes = VersionNotes(given.source, given.format, author, given.message)
        version = GivenVersion(document, notes)
        if action == "create":
            return await self.workflows.create(document.data, given.id, version)
        return await self.workflows.replace(given.id, document.data, version)


async def _read(given: BundledWorkflow) -> Document:
    return await asyncio.to_thread(read_text, given.source, f"{given.id}.{given.format}")
