"""The cases of one tenant's workflows, and how they ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from flowc.server.records.ids import new_run_id
from flowc.server.records.refused import Refused
from flowc.server.records.times import now
from flowc.server.store.case_rows import CaseListRow, CaseResultRow, delete_results
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.parts import Listed, ListOrder, ListPart, total_of
from flowc.server.store.tables import WorkflowRow
from flowc.server.store.workflows import NoSuchWorkflow

# As many results of a case stay.
KEPT_RESULTS = 100


class CasesChanged(Refused):
    """The cases are not as the request's `If-Match` or `If-None-Match` says; read them again."""


class StoredCaseList(NamedTuple):
    """The cases of a workflow, as their author wrote them; none has the revision 0.

    `source` is the text of the case file that was sent, if there was one.
    """

    revision: int
    cases: Sequence[Mapping[str, Any]]
    source: str | None = None
    author: str | None = None
    updated_at: datetime | None = None


CaseStatus = Literal["passed", "failed"]


class StoredResult(NamedTuple):
    """How a case ended with a version of its workflow; no problems if it passed."""

    name: str
    status: CaseStatus
    version: int
    problems: Sequence[str]
    seconds: float
    ran_at: datetime


_ORDER = ListOrder({"ran_at": CaseResultRow.ran_at}, CaseResultRow.id, "-ran_at")


class StoredCases:
    """The cases of one tenant's workflows: one list of a workflow."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self._tenant = database, tenant

    @reading
    def get(self, session: Session, workflow_id: str) -> StoredCaseList:
        """Return the cases of a workflow, which may be none; raise NoSuchWorkflow."""
        self._require_workflow(session, workflow_id)
        row = session.get(CaseListRow, (self._tenant, workflow_id))
        return StoredCaseList(0, []) if row is None else _list(row)

    @writing
    def put(
        self,
        session: Session,
        workflow_id: str,
        cases: Sequence[Mapping[str, Any]],
        source: str | None,
        author: str,
        expected: frozenset[int] | None = None,
    ) -> StoredCaseList:
        """Replace the cases of a workflow; the results of those that are gone are deleted.

        Raises NoSuchWorkflow, or CasesChanged if their revision is not one of those `expected`.
        """
        self._require_workflow(session, workflow_id, is_locked=True)
        row = session.get(CaseListRow, (self._tenant, workflow_id))
        if expected is not None and (0 if row is None else row.revision) not in expected:
            raise CasesChanged
        if row is None:
            row = CaseListRow(tenant=self._tenant, workflow_id=workflow_id, revision=0)
            session.add(row)
        row.revision += 1
        row.cases, row.source = [dict(each) for each in cases], source
        row.author, row.updated_at = author, now()
        delete_results(session, self._tenant, workflow_id, [each["name"] for each in cases])
        return _list(row)

    @reading
    def last_results(self, session: Session, workflow_id: str) -> dict[str, StoredResult]:
        """Return the newest result of each case that has run, by name."""
        newest = select(func.max(CaseResultRow.id)).where(*self._of(workflow_id))
        found = select(CaseResultRow).where(
            CaseResultRow.tenant == self._tenant,
            CaseResultRow.id.in_(newest.group_by(CaseResultRow.name)),
        )
        return {row.name: _result(row) for row in session.scalars(found)}

    @reading
    def results(
        self, session: Session, workflow_id: str, part: ListPart, name: str | None = None
    ) -> Listed[StoredResult]:
        """Return results, the newest first; raise NoSuchWorkflow or BadPlace."""
        self._require_workflow(session, workflow_id)
        mine = self._of(workflow_id, name)
        rows = session.scalars(_ORDER.select(select(CaseResultRow).where(*mine), part)).all()
        found = [_result(row) for row in rows[: part.limit]]
        return Listed(found, total_of(session, part, CaseResultRow, *mine), _ORDER.next(part, rows))

    @writing
    def add_results(
        self, session: Session, workflow_id: str, results: Sequence[StoredResult]
    ) -> None:
        """Store results; of each case, the newest hundred stay."""
        # A workflow that is deleted meanwhile has no results.
        self._require_workflow(session, workflow_id, is_locked=True)
        row = session.get(CaseListRow, (self._tenant, workflow_id))
        known = set() if row is None else {each["name"] for each in row.cases}
        for each in results:
            if each.name in known:
                about = {**each._asdict(), "problems": list(each.problems)}
                about |= {"tenant": self._tenant, "id": new_run_id(), "workflow_id": workflow_id}
                session.add(CaseResultRow(**about))
        session.flush()
        for each in results:
            old = (
                select(CaseResultRow.id)
                .where(*self._of(workflow_id, each.name))
                .order_by(CaseResultRow.id.desc())
                .offset(KEPT_RESULTS)
            )
            mine = (CaseResultRow.tenant == self._tenant) & CaseResultRow.id.in_(old)
            session.execute(delete(CaseResultRow).where(mine))

    def _of(self, workflow_id: str, name: str | None = None) -> tuple[Any, ...]:
        mine = (
            CaseResultRow.tenant == self._tenant,
            CaseResultRow.workflow_id == workflow_id,
        )
        return mine if name is None else (*mine, CaseResultRow.name == name)

    def _require_workflow(
        self, session: Session, workflow_id: str, *, is_locked: bool = False
    ) -> None:
        key = (self._tenant, workflow_id)
        row = session.get(WorkflowRow, key, with_for_update=is_locked or None)
        if row is None or row.deleted_at is not None:
            raise NoSuchWorkflow


def _list(row: CaseListRow) -> StoredCaseList:
    return StoredCaseList(row.revision, row.cases, row.source, row.author, row.updated_at)


def _result(row: Any) -> StoredResult:
    return StoredResult(*(getattr(row, name) for name in StoredResult._fields))
