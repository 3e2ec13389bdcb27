"""The node types that tenants have registered."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.server.records.refused import Refused
from flowc.server.records.remote_types import NewRemoteType, RegisteredType
from flowc.server.records.times import now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.tables import Table

# Most types of a tenant.
MOST = 500


class NoSuchRemoteType(Refused):
    """No type of this name is registered; built-in ones cannot be removed."""


class TooManyTypes(Refused):
    """The tenant has registered as many node types as it may; remove one."""


class RemoteTypeRow(Table):
    """A node type whose work a service elsewhere does."""

    __tablename__ = "remote_types"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    description: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text)
    health_url: Mapped[str | None] = mapped_column(Text)
    arguments: Mapped[Any]
    output: Mapped[Any]
    secret: Mapped[str] = mapped_column(String(128))
    timeout: Mapped[float]
    version: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int]
    registered_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


_FIELDS = tuple(each.name for each in fields(RegisteredType))


class StoredRemoteTypes:
    """One tenant's registered node types."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self._tenant = database, tenant

    @reading
    def all(self, session: Session) -> list[RegisteredType]:
        """Return all, sorted by name."""
        mine = select(RemoteTypeRow).where(RemoteTypeRow.tenant == self._tenant)
        return [_registered(row) for row in session.scalars(mine.order_by(RemoteTypeRow.name))]

    @reading
    def find(self, session: Session, name: str) -> RegisteredType | None:
        """Return a type; None if it is not registered."""
        row = session.get(RemoteTypeRow, (self._tenant, name))
        return _registered(row) if row is not None else None

    @writing
    def register(self, session: Session, new: NewRemoteType, by: str) -> RegisteredType:
        """Store a type, or replace the one of its name; raise TooManyTypes."""
        row = session.get(RemoteTypeRow, (self._tenant, new.name), with_for_update=True)
        moment = now()
        if row is None:
            known = session.scalars(
                select(RemoteTypeRow.name).where(RemoteTypeRow.tenant == self._tenant).limit(MOST)
            )
            if len(known.all()) >= MOST:
                raise TooManyTypes
            row = RemoteTypeRow(tenant=self._tenant, revision=0, created_at=moment)
            session.add(row)
        for name, value in asdict(new).items():
            setattr(row, name, value)
        row.revision += 1
        row.registered_by, row.updated_at = by, moment
        return _registered(row)

    @writing
    def remove(self, session: Session, name: str) -> None:
        """Delete a type; raise NoSuchRemoteType."""
        row = session.get(RemoteTypeRow, (self._tenant, name))
        if row is None:
            raise NoSuchRemoteType
        session.delete(row)


def _registered(row: RemoteTypeRow) -> RegisteredType:
    return RegisteredType(**{name: getattr(row, name) for name in _FIELDS})
