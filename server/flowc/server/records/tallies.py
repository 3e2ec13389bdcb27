"""The tally of a run: what analytics count when it ends, gathered from its events.

A run that failed and is retried ends twice, and each end has a tally of its own: what happened
since the end before. So a failed attempt counts also if the next one succeeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from flowc.compiler.running.events import EventKind, name_of
from flowc.server.records.durations import Durations
from flowc.server.records.run_events import RunEvent
from flowc.server.records.usage import ModelUsage

# What of the usage is counted.
COUNTED_USAGE = ("calls", "prompt_tokens", "completion_tokens", "total_tokens", "cost")
_ENDS = frozenset({EventKind.NODE_COMPLETED, EventKind.NODE_FAILED})


class TallySubject(NamedTuple):
    """The run that a tally is of; `usage_only` if the run's end is counted already.

    `started_at` is when it started first.
    """

    workflow_id: str | None
    started_by: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime
    usage_only: bool = False


class NodeTally:
    """How often a node ran and failed, and how long it took; if a run failed, all attempts did."""

    __slots__ = ("durations", "failed", "failed_attempts", "runs")

    def __init__(self) -> None:
        self.runs = self.failed = self.failed_attempts = 0
        self.durations = Durations()

    def add(self, event: RunEvent) -> None:
        """Count an execution of the node that has ended."""
        data, attempts = event.data, event.data["attempts"]
        self.runs += 1
        if event.kind is EventKind.NODE_FAILED:
            self.failed += 1
            self.failed_attempts += attempts
        elif attempts > 1:
            self.failed_attempts += attempts - 1
        self.durations.add(data["duration_ms"])


@dataclass(slots=True)
class RunTally:
    """What happened in a run since it began, or since its last end.

    `nodes` are by their names in the run's record: all turns of a loop are runs of one node.
    """

    begun_at: datetime | None = None
    is_retried: bool = False
    nodes: dict[str, NodeTally] = field(default_factory=dict)
    usage: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, event: RunEvent, used: ModelUsage) -> None:
        """Count an event and what it adds to the usage; events must be given in their order."""
        for of, amount in used.items():
            self.usage[of] = self.usage.get(of, 0) + amount
        kind = event.kind
        if kind in _ENDS:
            # What is reused from another run did not run.
            if not event.data.get("replayed"):
                name = name_of(event.path, event.node_id or "") if event.path else event.node_id
                self._node(name or "").add(event)
        elif kind is EventKind.RUN_STARTED:
            self.begun_at = self.begun_at or event.at
        elif kind is EventKind.RUN_RESUMED and event.data["reason"] == "retried":
            self.begun_at, self.is_retried = None, True
            self.nodes, self.usage = {}, {}

    def _node(self, name: str) -> NodeTally:
        if name not in self.nodes:
            self.nodes[name] = NodeTally()
        return self.nodes[name]

    def left_of(self, other: "RunTally", subject: TallySubject) -> dict[str, Any]:
        """Return, as JSON, the usage of the same run that only another tally of it has."""
        left = {of: amount - self.usage.get(of, 0) for of, amount in other.usage.items()}
        return RunTally(usage={of: n for of, n in left.items() if n > 0}).as_json(subject)

    def as_json(self, subject: TallySubject) -> dict[str, Any]:
        """Return the tally of a run that has ended, as it is stored until it is counted."""
        ended = subject.ended_at
        # A worker that starts a run itself gets no event of that.
        begun = self.begun_at or (None if self.is_retried else subject.started_at)
        took = (ended - begun).total_seconds() * 1_000 if begun is not None else None
        return {
            "workflow_id": subject.workflow_id,
            "started_by": subject.started_by,
            "status": subject.status,
            "at": ended.timestamp(),
            "ms": took,
            "retried": self.is_retried,
            "only": subject.usage_only,
            "nodes": {name: _packed(each) for name, each in self.nodes.items()},
            "models": _by_model(self.usage),
        }


def _packed(node: NodeTally) -> list[Any]:
    took = node.durations
    return [
        node.runs,
        node.failed,
        node.failed_attempts,
        took.total_ms,
        took.longest_ms,
        took.classes,
    ]


def _by_model(usage: Mapping[tuple[str, str], float]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for (model, name), amount in usage.items():
        if name in COUNTED_USAGE and amount:
            found.setdefault(model, {})[name] = amount
    return found
