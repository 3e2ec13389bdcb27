"""Workflows and their versions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cachetools import LRUCache, TTLCache
from sqlalchemy import Table, bindparam, func, select
from sqlalchemy.orm import Session

from flowc.server.records.refused import Refused
from flowc.server.records.times import now
from flowc.server.store.database import Database, insertion, reading, writing
from flowc.server.store.prepared import Prepared
from flowc.server.store.tables import DefinitionRow, VersionRow, WorkflowRow


class WorkflowExists(Refused):
    """A workflow with this id already exists; use PUT to add a version of it."""


class NoSuchWorkflow(Refused):
    """The workflow or this version of it does not exist, or belongs to another tenant."""


@dataclass(frozen=True, slots=True)
class StoredWorkflow:
    """A workflow with its active version; `document` is the definition as its author wrote it."""

    id: str
    name: str
    version: int
    hash: str
    document: Any
    created_at: datetime
    updated_at: datetime


_WORKFLOWS: Table = WorkflowRow.metadata.tables["workflows"]
# Read at the start of every run.
_FIND = select(
    *(_WORKFLOWS.c[name] for name in ("name", "version", "created_at", "updated_at"))
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
        self.database, self._tenant = database, tenant
        self._known: Any = TTLCache(_STORED, _STORED_SECONDS)
        # Versions never change.
        self._versions: LRUCache[tuple[str, int], VersionRow] = LRUCache(_VERSIONS)
        # What was read of workflows, after how many writes.
        self._rows: LRUCache[str, tuple[int, tuple[Any, ...]]] = LRUCache(_VERSIONS)
        self._find = Prepared(_FIND, database.dialect)

    @writing
    def create(
        self, session: Session, id: str, name: str, hash: str, document: Any
    ) -> StoredWorkflow:
        """Store a new workflow as version 1, or the next version if its id was deleted before."""
        row = session.get(WorkflowRow, (self._tenant, id))
        if row is not None and row.deleted_at is None:
            raise WorkflowExists
        moment = now()
        if row is None:
            row = WorkflowRow(
                tenant=self._tenant,
                id=id,
                name=name,
                version=0,
                created_at=moment,
                updated_at=moment,
            )
            session.add(row)
        row.name, row.deleted_at = name, None
        return _stored(row, self._add_version(session, row, hash, document))

    @writing
    def replace(
        self, session: Session, id: str, name: str, hash: str, document: Any
    ) -> StoredWorkflow:
        """Store a definition as the newest version, unless it is the active one already."""
        row = self._row(session, id)
        version = self._version(session, row)
        if version.hash != hash or version.document != document:
            row.name = name
            version = self._add_version(session, row, hash, document)
        return _stored(row, version)

    async def get(self, id: str, number: int | None = None) -> StoredWorkflow:
        """Return a workflow in a version, or in the active one; raise NoSuchWorkflow."""
        name, active, created_at, updated_at = await self._found(id)
        key = (id, active if number is None else number)
        version = self._versions.get(key)
        if version is None:
            version = self._versions[key] = await self._read_version(*key)
        return StoredWorkflow(
            id, name, key[1], version.hash, version.document, created_at, updated_at
        )

    async def _found(self, id: str) -> tuple[Any, ...]:
        writes, row = self._rows.get(id, (-1, ()))
        if writes == self.database.writes and self.database.is_exclusive:
            return row
        writes, asked = self.database.writes, {"owner": self._tenant, "workflow": id}
        rows = await self.database.read_on_driver(lambda driver: self._find.fetch(driver, asked))
        if not rows:
            raise NoSuchWorkflow
        self._rows[id] = writes, rows[0]
        return rows[0]

    @reading
    def _read_version(self, session: Session, id: str, number: int) -> VersionRow:
        version = session.get(VersionRow, (self._tenant, id, number))
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
            found = session.get(VersionRow, (self._tenant, id, number))
        else:
            found = session.get(DefinitionRow, (self._tenant, hash))
        if found is None:
            raise NoSuchWorkflow
        return found.document

    @reading
    def versions(self, session: Session, id: str) -> Sequence[StoredWorkflow]:
        """Return every version of a workflow, newest first; raise NoSuchWorkflow."""
        row = self._row(session, id)
        versions = session.scalars(
            select(VersionRow)
            .where(VersionRow.tenant == self._tenant, VersionRow.workflow_id == id)
            .order_by(VersionRow.number.desc())
        )
        return [replace(_stored(row, v), updated_at=v.created_at) for v in versions]

    @reading
    def list(self, session: Session, limit: int, offset: int) -> tuple[list[StoredWorkflow], int]:
        """Return a page of workflows by id, and the number of all."""
        mine = (WorkflowRow.tenant == self._tenant, WorkflowRow.deleted_at.is_(None))
        total = session.scalar(select(func.count()).select_from(WorkflowRow).where(*mine))
        rows = session.execute(
            select(WorkflowRow, VersionRow)
            .join(
                VersionRow,
                (VersionRow.tenant == WorkflowRow.tenant)
                & (VersionRow.workflow_id == WorkflowRow.id)
                & (VersionRow.number == WorkflowRow.version),
            )
            .where(*mine)
            .order_by(WorkflowRow.id)
            .limit(limit)
            .offset(offset)
        )
        found = [_stored(row, version) for row, version in rows]
        return found, int(total or 0)

    @writing
    def delete(self, session: Session, id: str) -> None:
        """Delete a workflow; its versions remain for the runs that are pinned to them."""
        row = self._row(session, id)
        row.deleted_at = now()

    async def store_definition(self, hash: str, document: Any) -> None:
        """Store a definition that a run is pinned to, and that is no workflow's version."""
        if hash not in self._known:
            await self._store_now(hash, document)
            self._known[hash] = None

    @writing
    def _store_now(self, session: Session, hash: str, document: Any) -> None:
        self._insert_definition(session, hash, document, now())

    def _row(self, session: Session, id: str) -> WorkflowRow:
        row = session.get(WorkflowRow, (self._tenant, id))
        if row is None or row.deleted_at is not None:
            raise NoSuchWorkflow
        return row

    def _version(self, session: Session, row: WorkflowRow, number: int | None = None) -> VersionRow:
        version = session.get(
            VersionRow, (self._tenant, row.id, row.version if number is None else number)
        )
        if version is None:
            raise NoSuchWorkflow
        return version

    def _add_version(
        self, session: Session, row: WorkflowRow, hash: str, document: Any
    ) -> VersionRow:
        moment = now()
        self._insert_definition(session, hash, document, moment)
        row.version, row.updated_at = row.version + 1, moment
        session.flush()
        version = VersionRow(
            tenant=self._tenant,
            workflow_id=row.id,
            number=row.version,
            hash=hash,
            document=document,
            created_at=moment,
        )
        session.add(version)
        return version

    def _insert_definition(
        self, session: Session, hash: str, document: Any, moment: datetime
    ) -> None:
        row = {"tenant": self._tenant, "hash": hash, "document": document, "created_at": moment}
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
    )
