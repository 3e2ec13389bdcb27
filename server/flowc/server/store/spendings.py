"""How much have the runs of a workflow spent on models, and may they spend more?"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from flowc.compiler.definition import WorkflowBudget
from flowc.compiler.node.budget import BudgetExceeded, exceeded
from flowc.server.records.times import now
from flowc.server.store.database import Database, writing
from flowc.server.store.tables import SpendingRow

# Of several that begin at once, one does.
_BEGIN = text(
    "insert into spendings (tenant, workflow_id, period, cost, tokens)"
    " values (:owner, :workflow, :period, 0, 0) on conflict do nothing"
)
_PERIODS = {"day": "%Y-%m-%d", "month": "%Y-%m"}


@dataclass
class StoredLedger:
    """What one workflow's runs spend together, whichever processes work on them.

    What was set aside for a call during which a process died stays so until the time is over.
    """

    database: Database
    tenant: str
    workflow_id: str
    limits: WorkflowBudget

    @writing
    def reserve(self, session: Session, cost: float, tokens: float) -> None:
        """Set aside what a call comes to at the most; raise BudgetExceeded if it is not there."""
        row = self._row(session)
        most = {"cost": (row.cost, cost), "tokens": (row.tokens, tokens)}
        for name, (used, more) in most.items():
            limit = getattr(self.limits, name)
            if limit is not None and used + more > limit:
                what = f"workflow's budget per {self.limits.per}"
                raise BudgetExceeded(exceeded(what, name, limit, used, more))
        row.cost, row.tokens = row.cost + cost, row.tokens + tokens

    @writing
    def settle(self, session: Session, cost: float, tokens: float) -> None:
        """Count by how much a call came to more than was set aside."""
        row = self._row(session)
        row.cost, row.tokens = max(0.0, row.cost + cost), max(0.0, row.tokens + tokens)

    def _row(self, session: Session) -> SpendingRow:
        key = (self.tenant, self.workflow_id, now().strftime(_PERIODS[self.limits.per]))
        session.execute(_BEGIN, dict(zip(("owner", "workflow", "period"), key, strict=True)))
        row = session.get(SpendingRow, key, with_for_update=True, populate_existing=True)
        assert row is not None  # it was there, or is now
        return row
