"""The sessions and tickets of browsers, of all tenants."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.server.access.grants import Grant
from flowc.server.access.scopes import ApiScope
from flowc.server.records.times import now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.tables import Table

_LISTS = ("names", "groups")
# As many sessions and tickets a caller may have; those that end first are ended for more.
_MOST_SESSIONS, _MOST_TICKETS = 100, 1_000


class GrantRow(Table):
    """A session or ticket, by the hash of its secret.

    `scopes` are separated by blanks; `names` and `groups` are JSON.
    """

    __tablename__ = "grants"
    __table_args__ = (
        Index("grants_by_end", "expires_at"),
        Index("grants_by_holder", "tenant", "holder", "expires_at"),
    )

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    holder: Mapped[str] = mapped_column(String(300))
    scopes: Mapped[str] = mapped_column(Text)
    names: Mapped[str] = mapped_column(Text)
    groups: Mapped[str] = mapped_column(Text)
    workflow_id: Mapped[str | None] = mapped_column(String(128))
    key_id: Mapped[str | None] = mapped_column(String(12))
    session: Mapped[str | None] = mapped_column(String(64))
    run_id: Mapped[str | None] = mapped_column(String(64))
    expires_at: Mapped[datetime]
    holder_expires_at: Mapped[datetime | None]


class StoredGrants:
    """Sessions and tickets that have not expired."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @writing
    def add(self, session: Session, grant: Grant) -> None:
        """Store a grant, and delete those that have expired or are too many."""
        session.execute(delete(GrantRow).where(GrantRow.expires_at <= now()))
        session.add(_row(grant))
        session.flush()
        is_ticket, most = GrantRow.run_id.is_not(None), _MOST_TICKETS
        if grant.run_id is None:
            is_ticket, most = GrantRow.run_id.is_(None), _MOST_SESSIONS
        mine = (GrantRow.tenant == grant.tenant) & (GrantRow.holder == grant.holder)
        kept = select(GrantRow.digest).where(mine, is_ticket).order_by(GrantRow.expires_at.desc())
        over = session.scalars(kept.offset(most)).all()
        session.execute(delete(GrantRow).where(GrantRow.digest.in_(over)))

    @reading
    def session_of(self, session: Session, digest: str) -> Grant | None:
        """Return a session; None if there is none, or it is over."""
        row = session.get(GrantRow, digest)
        grant = None if row is None else _grant(row)
        is_valid = grant is not None and grant.run_id is None and grant.expires_at > now()
        return grant if is_valid else None

    @reading
    def sessions(self, session: Session, tenant: str) -> list[Grant]:
        """Return the sessions of a tenant that are not over, those that end last first."""
        mine = (GrantRow.tenant == tenant) & GrantRow.run_id.is_(None)
        found = select(GrantRow).where(mine, GrantRow.expires_at > now())
        return [_grant(row) for row in session.scalars(found.order_by(GrantRow.expires_at.desc()))]

    @writing
    def end_all(self, session: Session, tenant: str, holder: str) -> int:
        """End all sessions of a caller, with their tickets; return how many sessions there were."""
        mine = (GrantRow.tenant == tenant) & (GrantRow.holder == holder)
        ended = session.scalars(delete(GrantRow).where(mine).returning(GrantRow.run_id)).all()
        return sum(each is None for each in ended)

    @writing
    def use_up(self, session: Session, digest: str) -> Grant | None:
        """Return a ticket, which no one can use again then, also in another process."""
        used = delete(GrantRow).where(GrantRow.digest == digest, GrantRow.run_id.is_not(None))
        row = session.scalars(used.returning(GrantRow)).first()
        grant = None if row is None else _grant(row)
        return grant if grant is not None and grant.expires_at > now() else None

    @writing
    def end(self, session: Session, digest: str) -> None:
        """End a session, with its tickets."""
        mine = (GrantRow.digest == digest) | (GrantRow.session == digest)
        session.execute(delete(GrantRow).where(mine))


def _row(grant: Grant) -> GrantRow:
    values = grant._asdict()
    lists = {name: json.dumps(values[name]) for name in _LISTS}
    return GrantRow(**{**values, **lists, "scopes": " ".join(grant.scopes)})


def _grant(row: GrantRow) -> Grant:
    values: dict[str, Any] = {name: getattr(row, name) for name in Grant._fields}
    lists = {name: tuple(json.loads(values[name])) for name in _LISTS}
    return Grant(**{**values, **lists, "scopes": tuple(map(ApiScope, row.scopes.split()))})
