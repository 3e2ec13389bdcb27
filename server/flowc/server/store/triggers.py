"""Webhooks, subscriptions with their deliveries, and dependencies between workflows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flowc.server.records.refused import Refused
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.records.triggers import (
    Delivery,
    Dependencies,
    DependencyOutcome,
    Subscription,
    Webhook,
)
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.runs.work_queue import Subject, WorkQueue
from flowc.server.store.trigger_rows import (
    DeliveryRow,
    DependencyRow,
    SubscriptionRow,
    WebhookRow,
)

# The key of the outcome in a stored input.
_ON = "flowc:on"

DELIVERED, PENDING, GIVEN_UP = "delivered", "pending", "given up"


class NoSuchTrigger(Refused):
    """The webhook or subscription does not exist, or belongs to another tenant."""


class TriggerExists(Refused):
    """A webhook with this path already exists; delete it first or choose another path."""


class StoredTriggers:
    """One tenant's triggers."""

    def __init__(self, database: Database, tenant: str, queue: WorkQueue) -> None:
        self.database, self._tenant, self._queue = database, tenant, queue

    async def add_webhook(self, webhook: Webhook) -> None:
        """Store a webhook; raise TriggerExists if its path is taken."""
        try:
            await self._add_webhook(webhook)
        except IntegrityError:
            raise TriggerExists from None

    @writing
    def _add_webhook(self, session: Session, webhook: Webhook) -> None:
        fields = {**webhook._asdict(), "secret": webhook.secret or ""}
        session.add(WebhookRow(tenant=self._tenant, **{**fields, "methods": [*webhook.methods]}))

    @reading
    def webhooks(self, session: Session) -> list[Webhook]:
        """Return all webhooks, by path."""
        mine = select(WebhookRow).where(WebhookRow.tenant == self._tenant)
        return [_webhook(row) for row in session.scalars(mine.order_by(WebhookRow.path))]

    @reading
    def webhook(self, session: Session, path: str) -> Webhook:
        """Return a webhook; raise NoSuchTrigger."""
        row = session.get(WebhookRow, (self._tenant, path))
        if row is None:
            raise NoSuchTrigger
        return _webhook(row)

    @writing
    def delete_webhook(self, session: Session, path: str) -> None:
        """Delete a webhook; raise NoSuchTrigger."""
        row = session.get(WebhookRow, (self._tenant, path))
        if row is None:
            raise NoSuchTrigger
        session.delete(row)

    @writing
    def add_subscription(self, session: Session, subscription: Subscription) -> None:
        """Store a subscription."""
        session.add(SubscriptionRow(tenant=self._tenant, **subscription._asdict()))

    @reading
    def subscriptions(self, session: Session) -> list[Subscription]:
        """Return all subscriptions, oldest first."""
        mine = select(SubscriptionRow).where(SubscriptionRow.tenant == self._tenant)
        rows = session.scalars(mine.order_by(SubscriptionRow.created_at, SubscriptionRow.id))
        return [_subscription(row) for row in rows]

    @writing
    def delete_subscription(self, session: Session, id: str) -> None:
        """Delete a subscription and its deliveries; raise NoSuchTrigger."""
        row = session.get(SubscriptionRow, (self._tenant, id))
        if row is None:
            raise NoSuchTrigger
        session.delete(row)

    @reading
    def deliveries(self, session: Session, subscription_id: str, limit: int) -> list[Delivery]:
        """Return the deliveries of a subscription, newest first; raise NoSuchTrigger."""
        if session.get(SubscriptionRow, (self._tenant, subscription_id)) is None:
            raise NoSuchTrigger
        rows = session.scalars(
            select(DeliveryRow)
            .where(
                DeliveryRow.tenant == self._tenant,
                DeliveryRow.subscription_id == subscription_id,
            )
            .order_by(DeliveryRow.created_at.desc(), DeliveryRow.id)
            .limit(limit)
        )
        return [_delivery(row) for row in rows]

    @reading
    def to_deliver(self, session: Session, id: str) -> tuple[Delivery, Subscription] | None:
        """Return a pending delivery and its subscription; None if it is not pending any more."""
        row = session.get(DeliveryRow, (self._tenant, id))
        if row is None or row.status != PENDING:
            return None
        to = session.get(SubscriptionRow, (self._tenant, row.subscription_id))
        return (_delivery(row), _subscription(to)) if to is not None else None

    @writing
    def delivered(
        self, session: Session, id: str, attempt: int, problem: str | None, again: float | None
    ) -> None:
        """Store the result of an attempt, and queue the next one if there is to be one."""
        row = session.get(DeliveryRow, (self._tenant, id), with_for_update=True)
        if row is None or row.status != PENDING or row.attempts >= attempt:
            return
        row.attempts, row.problem = attempt, problem
        if problem is not None and again is not None:
            run_id = str(row.payload["data"]["run_id"])
            subject = str(Subject(self._tenant, id))
            self._queue.errand(session, "deliver", subject, run_id, again)
            return
        row.status = DELIVERED if problem is None else GIVEN_UP
        row.finished_at = now()

    @writing
    def set_dependencies(
        self,
        session: Session,
        workflow_id: str,
        others: Mapping[str, DependencyOutcome],
        given: Mapping[str, Any],
    ) -> None:
        """Start a workflow when runs of others have ended so; with no others, it starts no more."""
        mine = (DependencyRow.tenant == self._tenant) & (DependencyRow.workflow_id == workflow_id)
        session.execute(delete(DependencyRow).where(mine))
        for other, outcome in others.items():
            row = DependencyRow(
                tenant=self._tenant,
                workflow_id=workflow_id,
                depends_on=other,
                input=_with_outcome(given, outcome),
                run_id=None,
                completed_at=None,
            )
            session.add(row)

    @reading
    def dependencies(self, session: Session, workflow_id: str | None = None) -> list[Dependencies]:
        """Return the dependencies of one workflow, or of all, by id."""
        found = select(DependencyRow).where(DependencyRow.tenant == self._tenant)
        if workflow_id is not None:
            found = found.where(DependencyRow.workflow_id == workflow_id)
        by_id: dict[str, Dependencies] = {}
        rows = session.scalars(found.order_by(DependencyRow.workflow_id, DependencyRow.depends_on))
        for row in rows:
            given, outcome = _outcome_in(row.input)
            known = by_id.setdefault(row.workflow_id, Dependencies(row.workflow_id, {}, {}, given))
            known.runs[row.depends_on], known.on[row.depends_on] = row.run_id, outcome
        return list(by_id.values())

    @writing
    def ended(self, session: Session, run: RunRecord, moment: datetime) -> None:
        """Note a run that ended, for the workflows that wait for such a one; a newer one stays."""
        last = DependencyRow.completed_at
        found = select(DependencyRow).where(
            DependencyRow.tenant == self._tenant,
            DependencyRow.depends_on == run.workflow_id,
            last.is_(None) | (last < moment),
        )
        for row in session.scalars(found.with_for_update()):
            if _outcome_in(row.input)[1] in {run.status, "any"}:
                row.run_id, row.completed_at = run.id, moment

    @writing
    def use_up(self, session: Session, used: Dependencies) -> None:
        """Clear the runs that a workflow was started for, but not those completed since."""
        for other, run_id in used.runs.items():
            session.execute(
                update(DependencyRow)
                .where(
                    DependencyRow.tenant == self._tenant,
                    DependencyRow.workflow_id == used.workflow_id,
                    DependencyRow.depends_on == other,
                    DependencyRow.run_id == run_id,
                )
                .values(run_id=None)
            )


def _with_outcome(given: Mapping[str, Any], outcome: DependencyOutcome) -> dict[str, Any]:
    """Return what a row has as its input: with the outcome, unless it is the usual one."""
    is_plain = outcome == "completed" and _ON not in given
    return dict(given) if is_plain else {_ON: outcome, "input": dict(given)}


def _outcome_in(stored: Mapping[str, Any]) -> tuple[dict[str, Any], DependencyOutcome]:
    """Return the input that a row has, and how a run must end.

    >>> _outcome_in(_with_outcome({"day": 1}, "failed")), _outcome_in({"day": 1})
    (({'day': 1}, 'failed'), ({'day': 1}, 'completed'))
    """
    if _ON in stored:
        return dict(stored["input"]), stored[_ON]
    return dict(stored), "completed"


def _webhook(row: WebhookRow) -> Webhook:
    fields = {name: getattr(row, name) for name in Webhook._fields}
    return Webhook(**{**fields, "secret": row.secret or None})


def _subscription(row: SubscriptionRow) -> Subscription:
    return Subscription(**{name: getattr(row, name) for name in Subscription._fields})


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(**{name: getattr(row, name) for name in Delivery._fields})
