"""Workflows and their versions."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from cachetools import LRUCache, TTLCache
from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from flowc.server.records.refused import Refused
from flowc.server.records.times import now
from flowc.server.store.case_rows import delete_cases
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.insertions import insertion
from flowc.server.store.lasting import VariableOwner, delete_variables
from flowc.server.store.parts import Listed, ListPart, total_of
from flowc.server.store.prepared import Prepared
from flowc.server.store.tables import DefinitionRow, VersionRow, WorkflowRow
from flowc.server.store.wanted_workflows import (
    ALL_WORKFLOWS,
    WORKFLOW_ORDER,
    WantedWorkflows,
    conditions_of,
)


class WorkflowExists(Refused):
    """A workflow with this id already exists; use PUT to add a version of it."""


class NoSuchWorkflow(Refused):
    """The workflow or this version of it does not exist, or belongs to another tenant."""


class WorkflowChanged(Refused):
    """The workflow is not as the request's `If-Match` or `If-None-Match` says; read it again."""


@dataclass(frozen=True, slots=True)
class VersionNotes:
    """What is known of a version: the text that was sent, and who stored it, and why."""

    source: str | None = None
    format: str | None = None
    author: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class StoredWorkflow:
    """A workflow in a version, by default its active one.

    `document` is the definition as its author wrote it; `active` is the version that runs use, and
    `newest` the last one.
    """

    id: str
    name: str
    version: int
    hash: str
    document: Any
    created_at: datetime
    updated_at: datetime
    active: int
    newest: int
    notes: VersionNotes = VersionNotes()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> tuple[str, str]:
        """The text of the version as it was sent, or made from the definition, and its format."""
        if self.notes.source is not None:
            return self.notes.source, self.notes.format or "json"
        return json.dumps(self.document, ensure_ascii=False, indent=2) + "\n", "json"


class WorkflowTag(NamedTuple):
    """What changes whenever a workflow does: its active and its newest version."""

    active: int
    newest: int


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to store; `hash` is of what the document means."""

    name: str
    hash: str
    document: Any
    notes: VersionNotes = VersionNotes()


_WORKFLOWS: Table = WorkflowRow.metadata.tables["workflows"]
# Read at the start of every run.
_FIND = select(
    *(_WORKFLOWS.c[name] for name in ("name", "version", "created_at", "updated_at", "newest"))
).where(
    _WORKFLOWS.c.tenant == bindparam("owner"),
    _WORKFLOWS.c.id == bindparam("workflow"),
    _WORKFLOWS.c.deleted_at.is_(None),
)
# As many versions stay in memory.
_VERSIONS = 256
# As many definitions that were stored within this time are not stored again. Retention deletes none
# that was stored within a day.
_STORED, _STORED_SECONDS = 1_024, 600.0


class StoredWorkflows:
    """One tenant's workflows."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self.tenant = database, tenant
        self._known: Any = TTLCache(_STORED, _STORED_SECONDS)
        # What a version means never changes.
        self._versions: LRUCache[tuple[str, int], VersionRow] = LRUCache(_VERSIONS)
        # What was read of workflows, after how many writes.
        self._rows: LRUCache[str, tuple[int, tuple[Any, ...]]] = LRUCache(_VERSIONS)
        self._find = Prepared(_FIND, database.dialect)

    @writing
    def create(self, session: Session, id: str, new: NewVersion) -> StoredWorkflow:
        """Store a new workflow as version 1, or the next version if its id was deleted before."""
        row = session.get(WorkflowRow, (self.tenant, id))
        if row is not None and row.deleted_at is None:
            raise WorkflowExists
        moment = now()
        if row is None:
            row = WorkflowRow(
                tenant=self.tenant,
                id=id,
                name=new.name,
                version=0,
                newest=0,
                created_at=moment,
                updated_at=moment,
            )
            session.add(row)
        row.name, row.deleted_at = new.name, None
        return _stored(row, self._add_version(session, row, new))

    @writing
    def replace(
        self,
        session: Session,
        id: str,
        new: NewVersion,
        expected: Collection[WorkflowTag] | None = None,
    ) -> StoredWorkflow:
        """Store a definition as the newest version, unless it is the active one already.

        Raises NoSuchWorkflow, or WorkflowChanged if it is none of what is `expected`.
        """
        row = self._row(session, id, is_locked=True)
        _require(row, expected)
        version = self._version(session, row)
        if not _is_same(version, new):
            row.name = new.name
            version = self._add_version(session, row, new)
        elif version.source is None:
            # It is the first that has a text: the version does not differ.
            version.source, version.format = new.notes.source, new.notes.format
        return _stored(row, version)

    @writing
    def activate(
        self,
        session: Session,
        id: str,
        name: str,
        number: int,
        expected: Collection[WorkflowTag] | None = None,
    ) -> StoredWorkflow:
        """Make a version the active one; raise what `replace` raises."""
        row = self._row(session, id, is_locked=True)
        _require(row, expected)
        version = self._version(session, row, number)
        row.name, row.version, row.updated_at = name, number, now()
        return _stored(row, version)

    async def get(self, id: str, number: int | None = None) -> StoredWorkflow:
        """Return a workflow in a version, or in the active one; raise NoSuchWorkflow."""
        name, active, created_at, updated_at, newest = await self._found(id)
        key = (id, active if number is None else number)
        version = self._versions.get(key)
        if version is None:
            version = self._versions[key] = await self._read_version(*key)
        return StoredWorkflow(
            id,
            name,
            key[1],
            version.hash,
            version.document,
            created_at,
            updated_at,
            active,
            newest,
            _notes(version),
        )

    async def with_text(self, id: str, number: int | None = None) -> StoredWorkflow:
        """Return what `get` does, with the text of the version, which another process may add."""
        _, active, *_ = await self._found(id)
        self._versions.pop((id, active if number is None else number), None)
        return await self.get(id, number)

    async def exists(self, id: str) -> bool:
        """Return whether there is a workflow with this id."""
        try:
            await self._found(id)
        except NoSuchWorkflow:
            return False
        return True

    async def _found(self, id: str) -> tuple[Any, ...]:
        writes, row = self._rows.get(id, (-1, ()))
        if writes == self.database.writes and self.database.is_exclusive:
            return row
        writes, asked = self.database.writes, {"owner": self.tenant, "workflow": id}
        rows = await self.database.read_on_driver(lambda driver: self._find.fetch(driver, asked))
        if not rows:
            raise NoSuchWorkflow
        self._rows[id] = writes, rows[0]
        return rows[0]

    @reading
    def _read_version(self, session: Session, id: str, number: int) -> VersionRow:
        version = session.get(VersionRow, (self.tenant, id, number))
        if version is None:
            raise NoSuchWorkflow
        return version

    @reading
    def document(self, session: Session, id: str | None, number: int | None, hash: str) -> Any:
        """Return a version's document, even if its workflow is deleted; or a definition by hash.

        Raises NoSuchWorkflow.
        """
        found: VersionRow | DefinitionRow | None
        if id is not None and number is not None:
            found = session.get(VersionRow, (self.tenant, id, number))
        else:
            found = session.get(DefinitionRow, (self.tenant, hash))
        if found is None:
            raise NoSuchWorkflow
        return found.document

    @reading
    def versions(self, session: Session, id: str) -> Sequence[StoredWorkflow]:
        """Return every version of a workflow, newest first; raise NoSuchWorkflow."""
        row = self._row(session, id)
        versions = session.scalars(
            select(VersionRow)
            .where(VersionRow.tenant == self.tenant, VersionRow.workflow_id == id)
            .order_by(VersionRow.number.desc())
        )
        return [replace(_stored(row, v), updated_at=v.created_at) for v in versions]

    @reading
    def list(
        self, session: Session, part: ListPart, wanted: WantedWorkflows = ALL_WORKFLOWS
    ) -> Listed[StoredWorkflow]:
        """Return workflows in their active versions, by default by id; raise BadPlace."""
        alive = WorkflowRow.deleted_at.is_(None)
        mine = (WorkflowRow.tenant == self.tenant, alive, *conditions_of(wanted))
        joined = select(WorkflowRow, VersionRow).join(
            VersionRow,
            (VersionRow.tenant == WorkflowRow.tenant)
            & (VersionRow.workflow_id == WorkflowRow.id)
            & (VersionRow.number == WorkflowRow.version),
        )
        rows = session.execute(WORKFLOW_ORDER.select(joined.where(*mine), part)).all()
        found = [_stored(row, version) for row, version in rows[: part.limit]]
        return Listed(
            found,
            total_of(session, part, WorkflowRow, *mine),
            WORKFLOW_ORDER.next(part, [row for row, _ in rows]),
        )

    @reading
    def labels(self, session: Session, id: str) -> dict[str, str]:
        """Return the labels of a workflow; raise NoSuchWorkflow."""
        return dict(self._row(session, id).labels)

    @writing
    def set_labels(self, session: Session, id: str, labels: Mapping[str, str]) -> None:
        """Replace the labels of a workflow; raise NoSuchWorkflow."""
        self._row(session, id, is_locked=True).labels = dict(labels)

    @writing
    def delete(
        self, session: Session, id: str, expected: Collection[WorkflowTag] | None = None
    ) -> None:
        """Delete a workflow and its cases; its versions remain for runs that are pinned to them.

        Raises what `replace` raises.
        """
        row = self._row(session, id, is_locked=True)
        _require(row, expected)
        row.deleted_at = now()
        delete_cases(session, self.tenant, id)
        delete_variables(session, self.tenant, VariableOwner("workflow", id))

    async def store_definition(self, hash: str, document: Any) -> None:
        """Store a definition that a run is pinned to, and that is no workflow's version."""
        if hash not in self._known:
            await self._store_now(hash, document)
            self._known[hash] = None

    @writing
    def _store_now(self, session: Session, hash: str, document: Any) -> None:
        self._insert_definition(session, hash, document, now())

    def _row(self, session: Session, id: str, *, is_locked: bool = False) -> WorkflowRow:
        row = session.get(WorkflowRow, (self.tenant, id), with_for_update=is_locked or None)
        if row is None or row.deleted_at is not None:
            raise NoSuchWorkflow
        return row

    def _version(self, session: Session, row: WorkflowRow, number: int | None = None) -> VersionRow:
        version = session.get(
            VersionRow, (self.tenant, row.id, row.version if number is None else number)
        )
        if version is None:
            raise NoSuchWorkflow
        return version

    def _add_version(self, session: Session, row: WorkflowRow, new: NewVersion) -> VersionRow:
        moment, notes = now(), new.notes
        self._insert_definition(session, new.hash, new.document, moment)
        row.version = row.newest = row.newest + 1
        row.updated_at = moment
        session.flush()
        version = VersionRow(
            tenant=self.tenant,
            workflow_id=row.id,
            number=row.version,
            hash=new.hash,
            document=new.document,
            source=notes.source,
            format=notes.format,
            author=notes.author,
            message=notes.message,
            created_at=moment,
        )
        session.add(version)
        return version

    def _insert_definition(
        self, session: Session, hash: str, document: Any, moment: datetime
    ) -> None:
        row = {"tenant": self.tenant, "hash": hash, "document": document, "created_at": moment}
        new = insertion(session, DefinitionRow).values(row)
        keys = ["tenant", "hash"]
        session.execute(new.on_conflict_do_update(index_elements=keys, set_={"created_at": moment}))


def _stored(row: WorkflowRow, version: VersionRow) -> StoredWorkflow:
    return StoredWorkflow(
        row.id,
        row.name,
        version.number,
        version.hash,
        version.document,
        row.created_at,
        row.updated_at,
        row.version,
        row.newest,
        _notes(version),
        row.labels,
    )


def _notes(version: VersionRow) -> VersionNotes:
    return VersionNotes(version.source, version.format, version.author, version.message)


def _is_same(version: VersionRow, new: NewVersion) -> bool:
    """Return whether a version has the same definition, and no other text."""
    text = new.notes.source
    has_other_text = text is not None and version.source is not None and text != version.source
    means_the_same = version.hash == new.hash and version.document == new.document
    return means_the_same and not has_other_text


def _require(row: WorkflowRow, expected: Collection[WorkflowTag] | None) -> None:
    if expected is not None and (row.version, row.newest) not in expected:
        raise WorkflowChanged
