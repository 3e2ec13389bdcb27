"""Drafts: texts of definitions that authors work on, with or without errors."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.server.records.refused import Refused
from flowc.server.records.times import now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.parts import Listed, ListOrder, ListPart, total_of
from flowc.server.store.tables import Table


class NoSuchDraft(Refused):
    """The workflow has no draft."""


class DraftChanged(Refused):
    """The draft is not as the request's `If-Match` or `If-None-Match` says; read it again."""


class DraftText(NamedTuple):
    """The text of a draft, in a `format`: `yaml` or `json`.

    `base_version` is the version of the workflow that its author began with.
    """

    source: str
    format: str
    base_version: int | None = None


class Draft(NamedTuple):
    """A draft; it has another `revision` whenever it is stored again."""

    workflow_id: str
    revision: int
    text: DraftText
    author: str
    created_at: datetime
    updated_at: datetime


class DraftRow(Table):
    """What an author works on, to become a version of a workflow that may not exist yet."""

    __tablename__ = "drafts"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    revision: Mapped[int]
    source: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(String(8))
    base_version: Mapped[int | None]
    author: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


_ORDER = ListOrder(
    {"workflow_id": DraftRow.workflow_id, "updated_at": DraftRow.updated_at},
    DraftRow.workflow_id,
    "workflow_id",
)


class StoredDrafts:
    """One tenant's drafts, one of a workflow at most."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self._tenant = database, tenant

    @reading
    def get(self, session: Session, workflow_id: str) -> Draft:
        """Return the draft of a workflow; raise NoSuchDraft."""
        return _draft(self._row(session, workflow_id))

    @reading
    def list(self, session: Session, part: ListPart) -> Listed[Draft]:
        """Return drafts, by default by the ids of their workflows; raise BadPlace."""
        mine = DraftRow.tenant == self._tenant
        rows = session.scalars(_ORDER.select(select(DraftRow).where(mine), part)).all()
        found = [_draft(row) for row in rows[: part.limit]]
        return Listed(found, total_of(session, part, DraftRow, mine), _ORDER.next(part, rows))

    @writing
    def put(
        self,
        session: Session,
        workflow_id: str,
        text: DraftText,
        author: str,
        expected: frozenset[int] | None = None,
    ) -> Draft:
        """Store a draft; raise DraftChanged if its revision is not one of those `expected`.

        One that is not there has the revision 0.
        """
        key = (self._tenant, workflow_id)
        row, moment = session.get(DraftRow, key, with_for_update=True), now()
        _require(0 if row is None else row.revision, expected)
        if row is None:
            row = DraftRow(tenant=key[0], workflow_id=key[1], revision=0, created_at=moment)
            session.add(row)
        row.revision += 1
        row.source, row.format, row.base_version = text
        row.author, row.updated_at = author, moment
        return _draft(row)

    @writing
    def delete(
        self, session: Session, workflow_id: str, expected: frozenset[int] | None = None
    ) -> None:
        """Delete a draft; raise NoSuchDraft, or DraftChanged as `put` does."""
        # Locked: what another author stores meanwhile must not be deleted with it.
        row = self._row(session, workflow_id, is_locked=True)
        _require(row.revision, expected)
        session.delete(row)

    def _row(self, session: Session, workflow_id: str, *, is_locked: bool = False) -> DraftRow:
        key = (self._tenant, workflow_id)
        row = session.get(DraftRow, key, with_for_update=is_locked or None)
        if row is None:
            raise NoSuchDraft
        return row


def _require(revision: int, expected: frozenset[int] | None) -> None:
    if expected is not None and revision not in expected:
        raise DraftChanged


def _draft(row: Any) -> Draft:
    text = DraftText(row.source, row.format, row.base_version)
    return Draft(row.workflow_id, row.revision, text, row.author, row.created_at, row.updated_at)
