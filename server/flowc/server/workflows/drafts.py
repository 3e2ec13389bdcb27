"""The drafts of one tenant's workflows: checked, and published as versions."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import Document, read_text
from flowc.compiler.reports.comparison import Change, compare
from flowc.server.store.drafts import DraftChanged, DraftText, StoredDrafts
from flowc.server.store.workflows import StoredWorkflows, VersionNotes
from flowc.server.workflows.compiled import GivenVersion, Published, Workflows


class Publication(NamedTuple):
    """A draft that was published, and whether its workflow is a new one."""

    published: Published
    is_new: bool


class DraftChanges(NamedTuple):
    """What differs between the active version of a workflow and its draft."""

    version: int
    hash: str
    changes: list[Change]


@dataclass(frozen=True)
class Drafts:
    """One tenant's drafts."""

    stored: StoredDrafts
    stored_workflows: StoredWorkflows
    workflows: Workflows

    async def diagnostics(self, workflow_id: str, text: DraftText) -> list[Diagnostic]:
        """Return what is wrong with a draft, also with one that cannot be read."""
        try:
            document = await _read(workflow_id, text)
        except DefinitionRefused as refused:
            return list(refused.diagnostics)
        return await self.workflows.check(document, workflow_id)

    async def changes(self, workflow_id: str) -> DraftChanges:
        """Return what would change in meaning if the draft were published.

        Raises NoSuchDraft, NoSuchWorkflow, or DefinitionRefused for a text that cannot be read.
        """
        draft = await self.stored.get(workflow_id)
        active = await self.stored_workflows.get(workflow_id)
        before = await self.workflows.compiled(active)
        after = await asyncio.to_thread(_definition, workflow_id, draft.text)
        return DraftChanges(active.version, before.hash, compare(before.workflow, after))

    async def publish(
        self,
        workflow_id: str,
        author: str,
        message: str | None,
        expected: frozenset[int] | None = None,
    ) -> Publication:
        """Store a draft as the newest version, and make that the active one.

        Raises NoSuchDraft, DraftChanged or DefinitionRefused; then the draft stays.
        """
        draft = await self.stored.get(workflow_id)
        if expected is not None and draft.revision not in expected:
            raise DraftChanged
        document = await _read(workflow_id, draft.text)
        notes = VersionNotes(draft.text.source, draft.text.format, author, message)
        given = GivenVersion(document, notes)
        is_new = not await self.stored_workflows.exists(workflow_id)
        if is_new:
            published = await self.workflows.create(document.data, workflow_id, given)
        else:
            published = await self.workflows.replace(workflow_id, document.data, given)
        # What its author has stored meanwhile stays a draft.
        with suppress(DraftChanged):
            await self.stored.delete(workflow_id, frozenset({draft.revision}))
        return Publication(published, is_new)


def _definition(workflow_id: str, text: DraftText) -> WorkflowDefinition:
    return read_definition(read_text(text.source, f"{workflow_id}.{text.format}"))


async def _read(workflow_id: str, text: DraftText) -> Document:
    return await asyncio.to_thread(read_text, text.source, f"{workflow_id}.{text.format}")
