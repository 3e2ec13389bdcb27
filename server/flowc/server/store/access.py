"""API keys, values that all processes share, and the log of who did what."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String, Text, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.server.access.api_keys import ApiKey, new_pepper
from flowc.server.access.audit import Act, AuditEntry
from flowc.server.access.scopes import ApiScope, CallerRole, scopes_of
from flowc.server.records.refused import Refused
from flowc.server.records.times import now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.insertions import insertion
from flowc.server.store.tables import Table

# The PostgreSQL channel on which other processes are notified of revoked keys.
KEYS_CHANNEL = "flowc_keys"
_PEPPER = "key pepper"


class NoSuchKey(Refused):
    """The API key does not exist, or belongs to another tenant."""


class ApiKeyRow(Table):
    """An API key, without the key itself; `scopes` are separated by blanks, `groups` is JSON."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("api_keys_by_tenant", "tenant", "created_at"),)

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(Text)
    scopes: Mapped[str] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(String(16))
    workflow_id: Mapped[str | None] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(String(64))
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    groups: Mapped[str] = mapped_column(Text)


class ServerValueRow(Table):
    """A value that all processes of a database share."""

    __tablename__ = "server_values"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class AuditRow(Table):
    """One act of a caller; rows are only ever added. `details` is JSON."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("audit_log_by_tenant", "tenant", "id"),)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    tenant: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    caller: Mapped[str] = mapped_column(Text)
    act: Mapped[str] = mapped_column(String(64))
    details: Mapped[str] = mapped_column(Text)
    status: Mapped[int]
    address: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(64))


class StoredKeys:
    """The API keys of all tenants: a key names its tenant, not the other way round."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @writing
    def pepper(self, session: Session) -> str:
        """Return the pepper that all processes hash keys with; the first call makes it."""
        row = insertion(session, ServerValueRow).values(name=_PEPPER, value=new_pepper())
        session.execute(row.on_conflict_do_nothing())
        return session.get_one(ServerValueRow, _PEPPER).value

    @writing
    def add(self, session: Session, key: ApiKey) -> None:
        """Store a new key."""
        session.add(_row(key))

    @writing
    def add_first(self, session: Session, key: ApiKey) -> bool:
        """Store a key if there is none yet; return whether it was stored."""
        is_first = not _has_any(session)
        if is_first:
            session.add(_row(key))
        return is_first

    @reading
    def has_any(self, session: Session) -> bool:
        """Return whether there is a key, of any tenant."""
        return _has_any(session)

    @reading
    def find(self, session: Session, id: str) -> ApiKey | None:
        """Return a key by its id, also one that is over."""
        row = session.get(ApiKeyRow, id)
        return None if row is None else _key(row)

    @reading
    def list(self, session: Session, tenant: str) -> "list[ApiKey]":
        """Return the keys of a tenant, newest first, also those that are over."""
        mine = select(ApiKeyRow).where(ApiKeyRow.tenant == tenant)
        return [_key(row) for row in session.scalars(mine.order_by(ApiKeyRow.created_at.desc()))]

    @writing
    def revoke(self, session: Session, tenant: str, id: str) -> ApiKey:
        """End a key at once, in all processes; raise NoSuchKey."""
        row = session.get(ApiKeyRow, id)
        if row is None or row.tenant != tenant:
            raise NoSuchKey
        still = ApiKeyRow.revoked_at.is_(None)
        session.execute(update(ApiKeyRow).where(ApiKeyRow.id == id, still).values(revoked_at=now()))
        if session.get_bind().dialect.name == "postgresql":
            session.execute(select(func.pg_notify(KEYS_CHANNEL, id)))
        session.refresh(row)
        return _key(row)


class StoredAudit:
    """The log of who did what, of all tenants."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @writing
    def add(self, session: Session, tenant: str, act: Act) -> None:
        """Add an entry."""
        given = {**act._asdict(), "details": json.dumps(act.details)}
        session.add(AuditRow(tenant=tenant, at=now(), **given))

    @reading
    def list(
        self, session: Session, tenant: str, before: int | None, limit: int
    ) -> "list[AuditEntry]":
        """Return entries of a tenant, newest first, older than the one with a number."""
        mine = select(AuditRow).where(AuditRow.tenant == tenant)
        if before is not None:
            mine = mine.where(AuditRow.id < before)
        return [
            _entry(row) for row in session.scalars(mine.order_by(AuditRow.id.desc()).limit(limit))
        ]


def _has_any(session: Session) -> bool:
    return session.scalar(select(ApiKeyRow.id).limit(1)) is not None


def _row(key: ApiKey) -> ApiKeyRow:
    return ApiKeyRow(
        **{**key._asdict(), "scopes": " ".join(key.scopes), "groups": json.dumps(key.groups)}
    )


def _key(row: ApiKeyRow) -> ApiKey:
    # A role may have more scopes by now.
    scopes = (
        scopes_of(CallerRole(row.role))
        if row.role
        else {_SCOPES[each] for each in row.scopes.split()}
    )
    values: dict[str, Any] = {name: getattr(row, name) for name in ApiKey._fields}
    groups = tuple(json.loads(row.groups))
    return ApiKey(**{**values, "scopes": tuple(sorted(scopes)), "groups": groups})


def _entry(row: AuditRow) -> AuditEntry:
    act = Act(row.caller, row.act, json.loads(row.details), row.status, row.address, row.request_id)
    return AuditEntry(row.id, row.at, act)


_SCOPES = {scope.value: scope for scope in ApiScope}
