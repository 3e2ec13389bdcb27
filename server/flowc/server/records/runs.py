"""A run and its nodes, as they follow from the run's events."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict

from flowc.compiler.running.changed_values import ChangedValues
from flowc.compiler.running.events import RUN_COMPLETED, RUN_FAILED, Event, EventKind, name_of
from flowc.server.records.run_errors import FailureJson, failure_in
from flowc.server.records.run_events import RunEvent
from flowc.server.records.tallies import RunTally, TallySubject
from flowc.server.records.times import json_of, now
from flowc.server.records.usage import UsageCount

RunStatus = Literal["pending", "running", "completed", "failed", "cancelled", "paused", "waiting"]

NodeStatus = Literal["running", "completed", "failed", "skipped", "waiting", "cancelled"]

ENDED: frozenset[str] = frozenset({"completed", "failed", "cancelled"})

UNFINISHED = ("pending", "running", "paused", "waiting")
# A run in one of these states continues only after an answer or a request.
AT_REST: frozenset[str] = ENDED | {"paused", "waiting"}

_END_KINDS = frozenset(EventKind.of_status(status) for status in ENDED)
_REST_KINDS = frozenset(EventKind.of_status(status) for status in AT_REST)
_NOT_NEEDED = {EventKind.NODE_SKIPPED, EventKind.NODE_CANCELLED}
_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0.0, "calls": 0}


# The error of a node that was at work when its run ended.
CUT_OFF: FailureJson = {"code": "cancelled", "message": "The run ended before it did."}
# What the API's schema says of these dataclasses: every field is always present.
_ALWAYS_PRESENT = ConfigDict(json_schema_serialization_defaults_required=True)


@dataclass
class NodeRecord:
    """What a node did; `duration_ms` counts all attempts and the delays between them.

    For a node that ran several times, in a loop or a map, this is its last run; `runs` counts them.
    """

    __pydantic_config__ = _ALWAYS_PRESENT

    status: NodeStatus
    runs: int = 0
    output: Any = None
    attempts: int = 0
    duration_ms: float | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: FailureJson | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return json_of(self, _NODE_FIELDS)


@dataclass(kw_only=True)
class RunOutcome:
    """The result of a run; `usage` counts tokens and model calls, its `cost` is in US dollars.

    `run_id` is the same as `id`. `GET /interrupts?run_id=…` lists what a waiting run asks.
    """

    __pydantic_config__ = _ALWAYS_PRESENT

    id: str
    run_id: str = ""
    workflow_id: str | None
    version: int | None
    status: RunStatus = "pending"
    output: Any = None
    usage: dict[str, float] = field(default_factory=lambda: dict(_NO_USAGE))
    error: FailureJson | None = None
    created_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def __post_init__(self) -> None:
        self.run_id = self.id


def _without_nodes_required(schema: dict[str, Any]) -> None:
    schema["required"].remove("nodes")


@dataclass(kw_only=True)
class ExecutionOutcome(RunOutcome):
    """The result of a run; `job_id` is the same as `id`, and `result` as `output`.

    Clients of other engines know it by these names. `GET /interrupts?run_id=…` lists what a waiting
    run asks. `nodes` are there if they are asked for, with all else that a run has.
    """

    __pydantic_config__ = ConfigDict(
        json_schema_serialization_defaults_required=True,
        json_schema_extra=_without_nodes_required,
    )

    job_id: str = ""
    result: Any = None
    nodes: dict[str, NodeRecord] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.job_id, self.result = self.id, self.output

    @classmethod
    def of(cls, run: RunOutcome) -> "ExecutionOutcome":
        """Return the outcome of a run."""
        return cls(**{name: getattr(run, name) for name in _OUTCOME_FIELDS})


@dataclass(kw_only=True)
class Run(RunOutcome):
    """A run, with its nodes; `started_by` is the caller or the trigger that it is of.

    `breakpoints` are the `nodes` before which the run stops, and whether it is `stepping`; a
    delayed run starts at `starts_at`.
    """

    # With the fields above, all that clients see of a run; `as_json` is made from them, too.
    __pydantic_config__ = _ALWAYS_PRESENT

    hash: str
    input: dict[str, Any]
    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    priority: int = 10
    forked_from: str | None = None
    started_by: str | None = None
    thread_id: str | None = None
    breakpoints: dict[str, Any] | None = None
    starts_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        nodes = {name: record.as_json() for name, record in self.nodes.items()}
        return {**json_of(self, RUN_FIELDS), "nodes": nodes}


@dataclass(kw_only=True)
class ExecutedRun(Run):
    """A run, with the names that an `ExecutionOutcome` has."""

    job_id: str = ""
    result: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.job_id, self.result = self.id, self.output

    @classmethod
    def of(cls, run: Run) -> "ExecutedRun":
        """Return a run with these names."""
        return cls(**{name: getattr(run, name) for name in RUN_FIELDS})


@dataclass(kw_only=True)
class RunRecord(Run):
    """A run with what is not for clients: its keys, and how far workers have come with it.

    `uses` are the versions of the stored workflows that it runs, as (id, requested version,
    version); `segment` is the number of its current or next stretch of work; `worked` is how many
    seconds workers spent on it before. `waiting` are the nodes that wait, by path and id. `trace`
    is what it is part of, as `traces` writes it; `queued_at` is when it was last queued. `changed`
    are values that a person has changed, and no node has written since; `written` are the variables
    that nodes have set.
    """

    uses: list[list[str | None]] = field(default_factory=list)
    idempotency_key: str | None = None
    deduplication_key: str | None = None
    max_runs: int | None = None
    segment: int = 0
    waiting: set[tuple[str, str]] = field(default_factory=set)
    worked: float = 0.0
    trace: str | None = None
    queued_at: datetime | None = field(default=None, init=False)
    _begun: datetime | None = field(default=None, init=False)
    _last_event_at: datetime | None = field(default=None, init=False)
    usage_count: UsageCount = field(default_factory=UsageCount, init=False)
    tally: RunTally = field(default_factory=RunTally, init=False)
    changed: ChangedValues = field(default_factory=ChangedValues, init=False)
    written: dict[str, Any] = field(default_factory=dict, init=False)

    def apply(self, event: RunEvent) -> None:
        """Update the record with an event; events must be applied in their order."""
        self._count_work(event)
        used = self.usage_count.added_by_model(event)
        for (_, name), amount in used.items():
            self.usage[name] = self.usage.get(name, 0) + amount
        self.tally.add(event, used)
        if event.node_id is not None:
            self._apply_to_node(event, name_of(event.path, event.node_id))
        elif event.kind == EventKind.RUN_CHANGED:
            data = event.data
            self.changed.change(data["scope"], data["variables"], data["outputs"])
        elif event.kind in _END_KINDS:
            self._close(event)

    def _count_work(self, event: RunEvent) -> None:
        """Add up the seconds that workers spent on the run."""
        if event.kind == EventKind.RUN_STARTED and self._begun and self._last_event_at:
            # The former worker died: its time ends with the last event that it committed.
            self.worked += (self._last_event_at - self._begun).total_seconds()
        if event.kind == EventKind.RUN_STARTED:
            self._begun = event.at
        elif event.kind == EventKind.RUN_RESUMED:
            self.queued_at = event.at
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
        elif event.kind in _NOT_NEEDED:
            self._leave_out(name, event)
        elif event.kind == EventKind.NODE_RETRYING:
            self.nodes[name].attempts = data["attempt"] + 1
        elif event.kind == EventKind.NODE_WAITING:
            self.waiting.add(place)
            self.nodes[name].status = "waiting"
        elif event.kind == EventKind.NODE_COMPLETED:
            self._finish(name, "completed", event)
            if self.changed:
                self.changed.written(*place, data.get("variables", ()))
        elif event.kind == EventKind.NODE_FAILED:
            self._finish(name, "failed", event)

    def _leave_out(self, name: str, event: RunEvent) -> None:
        record = self.nodes.setdefault(name, NodeRecord("skipped"))
        if event.kind == EventKind.NODE_CANCELLED:
            record.status, record.finished_at = "cancelled", event.at

    def _finish(self, name: str, status: NodeStatus, event: RunEvent) -> None:
        record, data = self.nodes[name], event.data
        record.status, record.finished_at = status, event.at
        record.attempts, record.duration_ms = data["attempts"], data["duration_ms"]
        record.output = data.get("output")
        if not event.path:
            self.written.update(data.get("variables", {}))
        if status == "failed":
            record.error = failure_in(data)

    def _close(self, event: RunEvent) -> None:
        """Mark the nodes that were interrupted, and those that never ran."""
        for record in self.nodes.values():
            if record.status in {"running", "waiting"}:
                record.status, record.finished_at = "cancelled", event.at
                record.error = {**CUT_OFF}
        # If the run is retried, these nodes start again.
        self.waiting.clear()
        for name in event.data.get("unreached", ()):
            self.nodes.setdefault(name, NodeRecord("skipped"))

    def tallied(self, ended_at: datetime) -> dict[str, Any]:
        """Return what is to be counted of the run, which has just ended, as JSON."""
        moments = (self.started_at, ended_at)
        about = TallySubject(self.workflow_id, self.started_by, self.status, *moments)
        return self.tally.as_json(about)

    def ended(self, nodes: Iterable[str]) -> Event:
        """Return the event with which the run ends as it is: completed, or failed."""
        unreached = self.unreached(nodes)
        if self.status == "completed":
            return RUN_COMPLETED.of_run({"output": self.output, "unreached": unreached})
        return RUN_FAILED.of_run({"error": self.error or {}, "unreached": unreached})

    def unreached(self, names: Iterable[str]) -> list[str]:
        """Return the nodes that no event is about."""
        return [name for name in names if name not in self.nodes]


_NODE_FIELDS = tuple(each.name for each in fields(NodeRecord))
_OUTCOME_FIELDS = tuple(each.name for each in fields(RunOutcome))
RUN_FIELDS = tuple(each.name for each in fields(Run))
