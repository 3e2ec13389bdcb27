"""Sealed secrets: the database never has one that can be read."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, Text, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.server.records.refused import Refused
from flowc.server.records.secrets import SealedText, SecretBindings, SecretRecord
from flowc.server.records.times import now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.tables import Table


class NoSuchSecret(Refused):
    """The secret does not exist, or belongs to another tenant."""


class SecretRow(Table):
    """A sealed secret; the columns beside `sealed` show what is in it, and are not trusted."""

    __tablename__ = "secrets"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    version: Mapped[int]
    sealed: Mapped[str] = mapped_column(Text)
    key_id: Mapped[str] = mapped_column(String(16))
    hosts: Mapped[Any] = mapped_column(JSON)
    workflows: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(Text)


class StoredSecrets:
    """One tenant's sealed secrets."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self.tenant = database, tenant

    @writing
    def put(
        self,
        session: Session,
        name: str,
        seal: Callable[[int], SealedText],
        bindings: SecretBindings,
        by: str,
    ) -> SecretRecord:
        """Store a secret in its next version, which it is sealed for."""
        row, moment = session.get(SecretRow, (self.tenant, name), with_for_update=True), now()
        version = 1 if row is None else row.version + 1
        sealed = seal(version)
        if row is None:
            row = SecretRow(tenant=self.tenant, name=name, created_at=moment)
            session.add(row)
        row.version, row.sealed, row.key_id = version, sealed.text, sealed.key_id
        row.hosts, row.workflows = list(bindings.hosts), list(bindings.workflows)
        row.updated_at, row.updated_by = moment, by
        return _record(row)

    @reading
    def find(self, session: Session, name: str) -> tuple[int, str] | None:
        """Return the version of a secret and its sealed text; None if it does not exist."""
        row = session.get(SecretRow, (self.tenant, name))
        return None if row is None else (row.version, row.sealed)

    @reading
    def list(self, session: Session) -> "list[SecretRecord]":
        """Return the secrets by name, without their values."""
        mine = select(SecretRow).where(SecretRow.tenant == self.tenant)
        return [_record(row) for row in session.scalars(mine.order_by(SecretRow.name))]

    @writing
    def delete(self, session: Session, name: str) -> None:
        """Delete a secret; raise NoSuchSecret."""
        row = session.get(SecretRow, (self.tenant, name))
        if row is None:
            raise NoSuchSecret
        session.delete(row)

    @reading
    def sealed_by_others(
        self, session: Session, key_id: str, after: str, limit: int
    ) -> "Sequence[tuple[str, int, str]]":
        """Return name, version and sealed text of secrets that another key sealed, by name."""
        found = (
            select(SecretRow.name, SecretRow.version, SecretRow.sealed)
            .where(self._others(key_id), SecretRow.name > after)
            .order_by(SecretRow.name)
            .limit(limit)
        )
        return [(name, version, sealed) for name, version, sealed in session.execute(found)]

    @reading
    def count_sealed_by_others(self, session: Session, key_id: str) -> int:
        """Return how many secrets another key sealed."""
        counted = select(func.count()).select_from(SecretRow).where(self._others(key_id))
        return session.scalar(counted) or 0

    @writing
    def reseal(self, session: Session, name: str, before: str, sealed: SealedText) -> bool:
        """Replace a sealed text by another of the same secret, unless it was set meanwhile."""
        is_same = (SecretRow.tenant == self.tenant) & (SecretRow.name == name)
        found = session.execute(
            update(SecretRow)
            .where(is_same, SecretRow.sealed == before)
            .values(sealed=sealed.text, key_id=sealed.key_id)
            .returning(SecretRow.name)
        )
        return found.first() is not None

    def _others(self, key_id: str) -> Any:
        return (SecretRow.tenant == self.tenant) & (SecretRow.key_id != key_id)


class SecretTenants:
    """The tenants that have sealed secrets: only the operator's rotation looks at all of them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @reading
    def names(self, session: Session) -> list[str]:
        """Return the names of the tenants."""
        return list(session.scalars(select(SecretRow.tenant).distinct().order_by(SecretRow.tenant)))


def _record(row: SecretRow) -> SecretRecord:
    bindings = SecretBindings(tuple(row.hosts), tuple(row.workflows))
    return SecretRecord(
        row.name,
        row.version,
        bindings,
        row.key_id,
        row.created_at,
        row.updated_at,
        row.updated_by,
    )
