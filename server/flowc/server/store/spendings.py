"""What the runs of a workflow have spent on models in a day or month."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from flowc.compiler.definition import WorkflowBudget
from flowc.compiler.node.budget import BudgetExceeded, exceeded
from flowc.server.records.times import now
from flowc.server.store.database import Database, writing
from flowc.server.store.tables import SpendingRow

# Of several transactions that create the row at once, one does.
_BEGIN = text(
    "insert into spendings (tenant, workflow_id, period, cost, tokens)"
    " values (:owner, :workflow, :period, 0, 0) on conflict do nothing"
)
_PERIODS = {"day": "%Y-%m-%d", "month": "%Y-%m"}


@dataclass
class StoredLedger:
    """What the runs of one workflow spend together, in all processes.

    What a process reserved for a call and did not settle, because it died, remains reserved until
    the day or month is over.
    """

    database: Database
    tenant: str
    workflow_id: str
    limits: WorkflowBudget

    @writing
    def reserve(self, session: Session, cost: float, tokens: float) -> None:
        """Reserve the most that a call can cost; raise BudgetExceeded if the budget has less."""
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
        """Add the difference between what a call cost and what was reserved; it may be negative."""
        row = self._row(session)
        row.cost, row.tokens = max(0.0, row.cost + cost), max(0.0, row.tokens + tokens)

    def _row(self, session: Session) -> SpendingRow:
        key = (self.tenant, self.workflow_id, now().strftime(_PERIODS[self.limits.per]))
        session.execute(_BEGIN, dict(zip(("owner", "workflow", "period"), key, strict=True)))
        row = session.get(SpendingRow, key, with_for_update=True, populate_existing=True)
        assert row is not None  # it existed, or was created just now
        return row
