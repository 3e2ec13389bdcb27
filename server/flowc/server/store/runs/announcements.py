"""Announcements: when a run ends or rests, its subscribers and dependent workflows are notified."""

import uuid

from sqlalchemy import bindparam, exists, or_, select
from sqlalchemy.orm import Session

from flowc.compiler.running.events import EventKind
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.store.runs.work_queue import Subject, WorkQueue
from flowc.server.store.tables import RunRow
from flowc.server.store.trigger_rows import DeliveryRow, DependencyRow, SubscriptionRow

_SUBSCRIBED, _DEPENDING = _TABLES = SubscriptionRow.__table__, DependencyRow.__table__
# Built once, since they are asked at the end of every run, and few runs have an audience.
_FIND = select(_SUBSCRIBED.c.id, _SUBSCRIBED.c.kinds).where(
    _SUBSCRIBED.c.tenant == bindparam("owner"),
    or_(_SUBSCRIBED.c.workflow_id.is_(None), _SUBSCRIBED.c.workflow_id == bindparam("workflow")),
)
_AWAITED = (
    select(_DEPENDING.c.workflow_id)
    .where(
        _DEPENDING.c.tenant == bindparam("owner"),
        _DEPENDING.c.depends_on == bindparam("workflow"),
    )
    .limit(1)
)
_ENDED = frozenset({"completed", "failed", "cancelled"})

# Whether a tenant has any subscription or dependency at all: most have none.
AUDIENCE = or_(
    *(
        exists(select(table.c.tenant).where(table.c.tenant == bindparam("owner")))
        for table in _TABLES
    )
)


def announce(session: Session, queue: WorkQueue, tenant: str, run: RunRow | RunRecord) -> None:
    """Queue an errand for each subscriber and dependent workflow of a run that came to rest."""
    kind, about = EventKind.of_status(run.status), {"owner": tenant, "workflow": run.workflow_id}
    for subscription_id, kinds in session.execute(_FIND, about).all():
        if kind in kinds:
            _deliver(session, queue, tenant, subscription_id, run)
    is_awaited = run.status in _ENDED and run.workflow_id is not None
    if is_awaited and session.execute(_AWAITED, about).first() is not None:
        queue.errand(session, "depend", str(Subject(tenant, run.id)), run.id)


def _deliver(
    session: Session, queue: WorkQueue, tenant: str, subscription_id: str, run: RunRow | RunRecord
) -> None:
    moment = now()
    data = {
        "run_id": run.id,
        "workflow_id": run.workflow_id,
        "version": run.version,
        "status": run.status,
        "output": run.output,
        "error": run.error,
    }
    kind = EventKind.of_status(run.status).value
    delivery = DeliveryRow(
        tenant=tenant,
        id=f"msg_{uuid.uuid4().hex[:24]}",
        subscription_id=subscription_id,
        status="pending",
        attempts=0,
        payload={"type": kind, "timestamp": moment.isoformat(), "data": data},
        problem=None,
        created_at=moment,
        finished_at=None,
    )
    session.add(delivery)
    session.flush()
    queue.errand(session, "deliver", str(Subject(tenant, delivery.id)), run.id)
