"""Who is told that a run has ended, or waits: subscribers, and workflows that depended on it."""

import uuid

from sqlalchemy import ColumnElement, FromClause, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from flowc.compiler.running.events import EventKind
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.store.runs.errands import Work
from flowc.server.store.tables import DeliveryRow, DependencyRow, RunRow, SubscriptionRow

_SUBSCRIBED, _DEPENDING = _TOLD = SubscriptionRow.__table__, DependencyRow.__table__
# Made once: at the end of every run, few of which anybody waits for, they are asked.
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


def has_audience(runs: FromClause) -> ColumnElement[bool]:
    """Say of a run whether its tenant has anybody who may want to be told of runs."""
    told = (select(table.c.tenant).where(table.c.tenant == runs.c.tenant) for table in _TOLD)
    return or_(*(exists(each.correlate(runs)) for each in told))


def announce(session: Session, work: Work, tenant: str, run: RunRow | RunRecord) -> None:
    """Have everybody told that a run has come to rest, each in an errand of his own."""
    kind, about = EventKind.of_status(run.status), {"owner": tenant, "workflow": run.workflow_id}
    for subscription_id, kinds in session.execute(_FIND, about).all():
        if kind in kinds:
            _deliver(session, work, tenant, subscription_id, run)
    is_awaited = run.status == "completed" and run.workflow_id is not None
    if is_awaited and session.execute(_AWAITED, about).first() is not None:
        work.errand(session, "depend", run.id, run.id)


def _deliver(
    session: Session, work: Work, tenant: str, subscription_id: str, run: RunRow | RunRecord
) -> None:
    moment = now()
    told = {"run_id": run.id, "workflow_id": run.workflow_id, "version": run.version}
    said = {"status": run.status, "output": run.output, "error": run.error}
    message = {"type": EventKind.of_status(run.status).value, "timestamp": moment.isoformat()}
    delivery = DeliveryRow(
        tenant=tenant,
        id=f"msg_{uuid.uuid4().hex[:24]}",
        subscription_id=subscription_id,
        status="pending",
        attempts=0,
        payload={**message, "data": {**told, **said}},
        problem=None,
        created_at=moment,
        finished_at=None,
    )
    session.add(delivery)
    session.flush()
    work.errand(session, "deliver", delivery.id, run.id)
