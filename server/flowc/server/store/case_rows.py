"""The tables of stored cases, and what is deleted of them with a workflow."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.server.store.tables import Table


class CaseListRow(Table):
    """The cases of a workflow; `source` is the text of a case file, if they came in one."""

    __tablename__ = "case_lists"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    revision: Mapped[int]
    cases: Mapped[Any]
    source: Mapped[str | None] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]


class CaseResultRow(Table):
    """How a case ended once."""

    __tablename__ = "case_results"
    __table_args__ = (Index("case_results_by_name", "tenant", "workflow_id", "name", "ran_at"),)

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    problems: Mapped[Any]
    seconds: Mapped[float]
    ran_at: Mapped[datetime]


def delete_cases(session: Session, tenant: str, workflow_id: str) -> None:
    """Delete the cases of a workflow, and their results."""
    mine = (CaseListRow.tenant == tenant) & (CaseListRow.workflow_id == workflow_id)
    session.execute(delete(CaseListRow).where(mine))
    delete_results(session, tenant, workflow_id)


def delete_results(
    session: Session, tenant: str, workflow_id: str, besides: Collection[str] = ()
) -> None:
    """Delete the results of the cases of a workflow, except those with some names."""
    mine = (CaseResultRow.tenant == tenant) & (CaseResultRow.workflow_id == workflow_id)
    gone = mine & CaseResultRow.name.not_in(besides) if besides else mine
    session.execute(delete(CaseResultRow).where(gone))
