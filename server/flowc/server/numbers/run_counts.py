"""Counts what runs and their nodes do.

The events of a run itself are counted when they are committed, so that each counts once however
many processes work on the run. Those of nodes are counted when they are emitted: they say what this
process did, also if it was repeated elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from prometheus_client import Counter, Histogram

from flowc.compiler.planning.plan import Plan
from flowc.compiler.running.events import EventKind
from flowc.server.numbers.bounded_labels import OTHER, BoundedLabels
from flowc.server.numbers.metrics import Metrics
from flowc.server.records.run_events import RunEvent
from flowc.server.records.run_facts import RunFacts

# As many workflows, of all tenants together, have labels of their own, and types of nodes.
MOST_WORKFLOWS, MOST_TYPES = 100, 200
# What the runs of definitions in requests have in place of a workflow.
INLINE = "inline"
_ENDS = {
    EventKind.RUN_COMPLETED: "completed",
    EventKind.RUN_FAILED: "failed",
    EventKind.RUN_CANCELLED: "cancelled",
}
_RESTS = {EventKind.RUN_WAITING: "waiting", EventKind.RUN_PAUSED: "paused"}
_DOCUMENTS = frozenset({"added", "changed", "unchanged", "removed", "failed"})


class _OfWorkflow:
    """The series of one workflow; finding them by their labels each time takes longer."""

    def __init__(self, metrics: Metrics, tenant: str, workflow: str) -> None:
        self.created: Counter = metrics.runs_created.labels(tenant, workflow)
        self.seconds: Histogram = metrics.run_seconds.labels(tenant, workflow)
        self.ended: Mapping[EventKind, Counter] = {
            kind: metrics.runs_ended.labels(tenant, workflow, status)
            for kind, status in _ENDS.items()
        }


class _OfType:
    """The series of one type of nodes."""

    def __init__(self, metrics: Metrics, type_: str) -> None:
        self.seconds: Histogram = metrics.node_seconds.labels(type_)
        self.retries: Counter = metrics.node_retries.labels(type_)
        self.completed: Counter = metrics.nodes_ended.labels(type_, "completed")
        self.failed: Counter = metrics.nodes_ended.labels(type_, "failed")
        self.other: Callable[[str], Counter] = lambda status: metrics.nodes_ended.labels(
            type_, status
        )


class RunCounts:
    """Counts the runs and nodes of a process."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._workflows: BoundedLabels[tuple[str, str | None], _OfWorkflow] = BoundedLabels(
            MOST_WORKFLOWS,
            lambda key: _OfWorkflow(metrics, key[0], key[1] or INLINE),
            _OfWorkflow(metrics, OTHER, OTHER),
        )
        self.types: BoundedLabels[str, _OfType] = BoundedLabels(
            MOST_TYPES, lambda type_: _OfType(metrics, type_), _OfType(metrics, OTHER)
        )

    def committed(self, run: RunFacts, events: Sequence[RunEvent]) -> None:
        """Count the events of a run itself that were committed."""
        for event in events:
            if event.node_id is None:
                self._count(run, event)

    def _count(self, run: RunFacts, event: RunEvent) -> None:
        kind = event.kind
        if kind is EventKind.RUN_CREATED:
            self._of(run).created.inc()
        elif kind in _ENDS:
            self._count_end(run, kind, event.at)
        elif kind is EventKind.RUN_STARTED:
            if event.data["attempt"] > 1:
                self._metrics.takeovers.inc()
        elif kind is EventKind.RUN_RESUMED:
            self._metrics.runs_continued.labels(event.data["reason"]).inc()
        elif kind in _RESTS:
            self._metrics.runs_rested.labels(_RESTS[kind]).inc()

    def _count_end(self, run: RunFacts, kind: EventKind, at: datetime) -> None:
        series = self._of(run)
        series.ended[kind].inc()
        if run.started_at is not None:
            series.seconds.observe(max(0.0, (at - run.started_at).total_seconds()))

    def _of(self, run: RunFacts) -> _OfWorkflow:
        return self._workflows.of((run.tenant, run.workflow_id))

    def of_nodes(self, plan: Plan) -> "NodeCounts":
        """Return what counts the nodes of a run with this plan."""
        return NodeCounts(self, self._metrics, plan)


class NodeCounts(NamedTuple):
    """Counts what the nodes of one run do."""

    counts: RunCounts
    metrics: Metrics
    plan: Plan

    def add(self, event: RunEvent) -> None:
        """Count an event of a node."""
        kind = event.kind
        if kind is EventKind.NODE_COMPLETED:
            self._count_completed(event)
        elif kind is EventKind.NODE_SAID:
            self._count_said(event)
        elif kind is EventKind.NODE_FAILED:
            series = self._series(event)
            ended = series.other("handled") if event.data.get("handled") else series.failed
            ended.inc()
            series.seconds.observe(event.data["duration_ms"] / 1e3)
        elif kind is EventKind.NODE_RETRYING:
            self._series(event).retries.inc()

    def _count_completed(self, event: RunEvent) -> None:
        series, data = self._series(event), event.data
        if data["cached"]:
            series.other("cached").inc()
        elif data.get("replayed"):
            series.other("replayed").inc()
        else:
            series.completed.inc()
            series.seconds.observe(data["duration_ms"] / 1e3)
            if self._is_ingestion(event):
                self.metrics.passages.inc(_number(data["output"], "passages"))

    def _count_said(self, event: RunEvent) -> None:
        if event.data["kind"] == "document" and self._is_ingestion(event):
            status = event.data["data"].get("status")
            if status in _DOCUMENTS:
                self.metrics.documents.labels(status).inc()

    def _is_ingestion(self, event: RunEvent) -> bool:
        return _type_of(self.plan, event) == "ingest"

    def _series(self, event: RunEvent) -> _OfType:
        return self.counts.types.of(_type_of(self.plan, event))


def _type_of(plan: Plan, event: RunEvent) -> str:
    """Return the type of an event's node; what an agent calls has none of its own."""
    found: Plan | None = plan
    for part in event.path.split("/") if event.path else ():
        if "#" in part and found is not None:
            container = found.nodes.get(part.partition("#")[0])
            found = container.body if container is not None else None
    node = found.nodes.get(event.node_id or "") if found is not None else None
    return node.node_type.type if node is not None else OTHER


def _number(report: Any, name: str) -> float:
    found = report.get(name) if isinstance(report, Mapping) else None
    return float(found) if isinstance(found, int) else 0.0
