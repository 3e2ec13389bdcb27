"""Variables that outlive a run: those of threads, workflows and users."""

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Index, String, delete, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.compiler.node import Written
from flowc.nodes.services.lasting import VariableComparison
from flowc.server.records.times import now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.insertions import insertion
from flowc.server.store.tables import Table, ThreadRow


class VariableRow(Table):
    """A variable; with version 0 it is not stored yet."""

    __tablename__ = "variables"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    scope: Mapped[str] = mapped_column(String(16), primary_key=True)
    owner: Mapped[str] = mapped_column(String(256), primary_key=True)
    name: Mapped[str] = mapped_column(String(256), primary_key=True)
    version: Mapped[int]
    value: Mapped[Any]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(String(64))


class VariableWriteRow(Table):
    """A write that was made, so that it is not made again after a crash."""

    __tablename__ = "variable_writes"
    __table_args__ = (Index("variable_writes_by_time", "written_at"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    is_stored: Mapped[bool]
    current: Mapped[Any]
    written_at: Mapped[datetime]


class VariableOwner(NamedTuple):
    """What variables are of: a scope, and the id of a thread, a workflow or a user in it."""

    scope: str
    id: str


class StoredVariables:
    """One tenant's variables."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self._tenant = database, tenant

    @reading
    def read(
        self, session: Session, owner: VariableOwner, names: Collection[str]
    ) -> dict[str, Any]:
        """Return the values of those that are stored."""
        found = select(VariableRow).where(
            *self._own(owner), VariableRow.name.in_(names), VariableRow.version > 0
        )
        return {row.name: row.value for row in session.scalars(found)}

    @writing
    def write(
        self,
        session: Session,
        owner: VariableOwner,
        wanted: VariableComparison,
        id: str,
        run_id: str,
    ) -> Written:
        """Store values if the stored ones are those expected; with the same id, only once."""
        key = hashlib.sha256(id.encode()).hexdigest()
        if (known := session.get(VariableWriteRow, (self._tenant, key))) is not None:
            return Written(known.is_stored, known.current)
        rows = self._locked(session, owner, wanted.names)
        stored = {name: row.value for name, row in rows.items() if row.version > 0}
        written = wanted.against(stored)
        moment = now()
        for name, value in wanted.values.items() if written.is_stored else ():
            row = rows[name]
            row.value, row.version = value, row.version + 1
            row.updated_at, row.updated_by = moment, run_id
        session.add(
            VariableWriteRow(
                tenant=self._tenant,
                id=key,
                is_stored=written.is_stored,
                current=dict(written.current),
                written_at=moment,
            )
        )
        return written

    def _locked(
        self, session: Session, owner: VariableOwner, names: Collection[str]
    ) -> dict[str, VariableRow]:
        """Return the rows, in one order for all writers; those that are not stored are added."""
        found: dict[str, VariableRow] = {}
        for name in sorted(names):
            key = {"tenant": self._tenant, "scope": owner.scope, "owner": owner.id, "name": name}
            about = {"version": 0, "value": None, "updated_at": now(), "updated_by": ""}
            session.execute(
                insertion(session, VariableRow).values(**key, **about).on_conflict_do_nothing()
            )
            row = session.get(
                VariableRow, tuple(key.values()), with_for_update=True, populate_existing=True
            )
            assert row is not None  # it was added, or was there
            found[name] = row
        return found

    def _own(self, owner: VariableOwner) -> tuple[Any, ...]:
        row = VariableRow
        return row.tenant == self._tenant, row.scope == owner.scope, row.owner == owner.id


def delete_variables(session: Session, tenant: str, owner: VariableOwner) -> None:
    """Delete the variables of a thread, a workflow or a user."""
    row = VariableRow
    session.execute(
        delete(row).where(row.tenant == tenant, row.scope == owner.scope, row.owner == owner.id)
    )


def forget_variables(session: Session, moment: datetime) -> None:
    """Delete the writes that were made before a moment, and the variables of deleted threads."""
    session.execute(delete(VariableWriteRow).where(VariableWriteRow.written_at < moment))
    is_thread = (ThreadRow.tenant == VariableRow.tenant) & (ThreadRow.id == VariableRow.owner)
    session.execute(
        delete(VariableRow).where(
            VariableRow.scope == "thread",
            VariableRow.updated_at < moment,
            ~exists().where(is_thread),
        )
    )
