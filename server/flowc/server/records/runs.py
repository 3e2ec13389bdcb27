"""A run and its nodes, as they follow from the run's events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from flowc.compiler.running.events import RUN_COMPLETED, RUN_FAILED, Event, EventKind, name_of
from flowc.server.records.run_events import RunEvent
from flowc.server.records.times import as_text, now

RunStatus = Literal["pending", "running", "completed", "failed", "cancelled", "paused", "waiting"]


NodeStatus = Literal["running", "completed", "failed", "skipped", "waiting"]


ENDED: frozenset[str] = frozenset({"completed", "failed", "cancelled"})


UNFINISHED = ("pending", "running", "paused", "waiting")
# A run in one of these states continues only after an answer or a request.
AT_REST: frozenset[str] = ENDED | {"paused", "waiting"}


_END_KINDS = frozenset(EventKind.of_status(status) for status in ENDED)
_REST_KINDS = frozenset(EventKind.of_status(status) for status in AT_REST)
_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0.0, "calls": 0}


@dataclass
class NodeRecord:
    """What a node did; `duration_ms` counts all attempts and the delays between them.

    For a node that ran several times, in a loop or a map, this is its last run; `runs` counts them.
    """

    status: NodeStatus
    runs: int = 0
    output: Any = None
    attempts: int = 0
    duration_ms: float | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "status": self.status,
            "runs": self.runs,
            "output": self.output,
            "attempts": self.attempts,
            "duration_ms": self.duration_ms,
            "started_at": as_text(self.started_at),
            "finished_at": as_text(self.finished_at),
            "error": self.error,
        }


@dataclass
class RunRecord:
    """A run: its input, its output, and what each node did.

    `uses` are the versions of the stored workflows that it runs, as (id, requested version,
    version); `segment` is the number of its current or next stretch of work; `worked` is how many
    seconds workers spent on it before. `breakpoints` are the `nodes` before which it stops, and
    whether it is `stepping`; a delayed run starts at `starts_at`.
    """

    id: str
    workflow_id: str | None
    version: int | None
    hash: str
    input: dict[str, Any]
    uses: list[list[str | None]] = field(default_factory=list)
    status: RunStatus = "pending"
    output: Any = None
    error: dict[str, Any] | None = None
    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=lambda: dict(_NO_USAGE))
    priority: int = 10
    idempotency_key: str | None = None
    deduplication_key: str | None = None
    forked_from: str | None = None
    thread_id: str | None = None
    breakpoints: dict[str, Any] | None = None
    max_runs: int | None = None
    segment: int = 0
    created_at: datetime = field(default_factory=now)
    starts_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    waiting: set[tuple[str, str]] = field(default_factory=set)
    worked: float = 0.0
    _begun: datetime | None = None
    _last_event_at: datetime | None = None

    def apply(self, event: RunEvent) -> None:
        """Update the record with an event; events must be applied in their order."""
        self._count_work(event)
        if event.node_id is not None:
            self._apply_to_node(event, name_of(event.path, event.node_id))
        elif event.kind in _END_KINDS:
            self._close(event)

    def _count_work(self, event: RunEvent) -> None:
        """Add up the seconds that workers spent on the run."""
        if event.kind == EventKind.RUN_STARTED and self._begun and self._last_event_at:
            # The former worker died: its time ends with the last event that it committed.
            self.worked += (self._last_event_at - self._begun).total_seconds()
        if event.kind == EventKind.RUN_STARTED:
            self._begun = event.at
        elif self._begun is not None and event.kind in _REST_KINDS:
            self.worked += (event.at - self._begun).total_seconds()
            self._begun = None
        self._last_event_at = event.at

    def _apply_to_node(self, event: RunEvent, name: str) -> None:
        data, place = event.data, (event.path, event.node_id or "")
        self.waiting.discard(place)
        if event.kind == EventKind.NODE_STARTED:
            runs = self.nodes[name].runs + 1 if name in self.nodes else 1
            self.nodes[name] = NodeRecord("running", runs, started_at=event.at, attempts=1)
        elif event.kind == EventKind.NODE_SKIPPED:
            self.nodes.setdefault(name, NodeRecord("skipped"))
        elif event.kind == EventKind.NODE_RETRYING:
            self.nodes[name].attempts = data["attempt"] + 1
        elif event.kind == EventKind.NODE_WAITING:
            self.waiting.add(place)
            self.nodes[name].status = "waiting"
        elif event.kind == EventKind.NODE_COMPLETED:
            self._finish(name, "completed", event)
            self._count(data["usage"])
        elif event.kind == EventKind.NODE_FAILED:
            self._finish(name, "failed", event)

    def _finish(self, name: str, status: NodeStatus, event: RunEvent) -> None:
        record, data = self.nodes[name], event.data
        record.status, record.finished_at = status, event.at
        record.attempts, record.duration_ms = data["attempts"], data["duration_ms"]
        record.output = data.get("output")
        if status == "failed":
            record.error = {"code": data["code"], "message": data["message"]}

    def _count(self, usage: dict[str, float]) -> None:
        for name, amount in usage.items():
            self.usage[name] = self.usage.get(name, 0) + amount

    def _close(self, event: RunEvent) -> None:
        """Mark the nodes that were interrupted, and those that never ran."""
        for record in self.nodes.values():
            if record.status in {"running", "waiting"}:
                record.status, record.finished_at = "failed", event.at
                record.error = {"code": "cancelled", "message": "The run ended before it did."}
        # If the run is retried, these nodes start again.
        self.waiting.clear()
        for name in event.data.get("unreached", ()):
            self.nodes.setdefault(name, NodeRecord("skipped"))

    def ended(self, nodes: Iterable[str]) -> Event:
        """Return the event with which the run ends as it is: completed, or failed."""
        unreached = self.unreached(nodes)
        if self.status == "completed":
            return RUN_COMPLETED.of_run({"output": self.output, "unreached": unreached})
        return RUN_FAILED.of_run({"error": self.error or {}, "unreached": unreached})

    def unreached(self, names: Iterable[str]) -> list[str]:
        """Return the nodes that no event is about."""
        return [name for name in names if name not in self.nodes]

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "id": self.id,
            "run_id": self.id,
            "workflow_id": self.workflow_id,
            "version": self.version,
            "hash": self.hash,
            "status": self.status,
            "input": self.input,
            "output": self.output,
            "nodes": {name: record.as_json() for name, record in self.nodes.items()},
            "usage": self.usage,
            "error": self.error,
            "priority": self.priority,
            "forked_from": self.forked_from,
            "thread_id": self.thread_id,
            "breakpoints": self.breakpoints,
            "starts_at": as_text(self.starts_at),
            "created_at": as_text(self.created_at),
            "started_at": as_text(self.started_at),
            "finished_at": as_text(self.finished_at),
        }
