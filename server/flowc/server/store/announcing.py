"""Who is told that a run has ended, or waits: subscribers, and workflows that depended on it."""

import uuid

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from flowc.server.records import RunRecord, now
from flowc.server.store.tables import DeliveryRow, DependencyRow, RunRow, SubscriptionRow
from flowc.server.store.work import Work


def announce(session: Session, work: Work, tenant: str, run: RunRow | RunRecord) -> None:
    """Have everybody told that a run has come to rest, each in an errand of his own."""
    kind, workflow = f"run.{run.status}", run.workflow_id
    of_run = or_(SubscriptionRow.workflow_id.is_(None), SubscriptionRow.workflow_id == workflow)
    found = session.scalars(select(SubscriptionRow).where(SubscriptionRow.tenant == tenant, of_run))
    for subscription in found.all():
        if kind in subscription.kinds:
            _deliver(session, work, subscription, kind, run)
    if run.status == "completed" and workflow is not None and _is_awaited(session, tenant, run):
        work.errand(session, "depend", run.id, run.id)


def _deliver(
    session: Session,
    work: Work,
    subscription: SubscriptionRow,
    kind: str,
    run: RunRow | RunRecord,
) -> None:
    moment = now()
    told = {"run_id": run.id, "workflow_id": run.workflow_id, "version": run.version}
    said = {"status": run.status, "output": run.output, "error": run.error}
    delivery = DeliveryRow(
        tenant=subscription.tenant,
        id=f"msg_{uuid.uuid4().hex[:24]}",
        subscription_id=subscription.id,
        status="pending",
        attempts=0,
        payload={"type": kind, "timestamp": moment.isoformat(), "data": {**told, **said}},
        problem=None,
        created_at=moment,
        finished_at=None,
    )
    session.add(delivery)
    session.flush()
    work.errand(session, "deliver", delivery.id, run.id)


def _is_awaited(session: Session, tenant: str, run: RunRow | RunRecord) -> bool:
    awaited = select(DependencyRow.workflow_id).where(
        DependencyRow.tenant == tenant, DependencyRow.depends_on == run.workflow_id
    )
    return session.scalar(awaited.limit(1)) is not None
