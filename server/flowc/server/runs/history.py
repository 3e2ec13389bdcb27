"""The history of a run: every execution of a node, from the run's events."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from flowc.compiler.node.outcome import total_usage
from flowc.compiler.running.events import EventKind
from flowc.server.records.run_errors import failure_in
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import CUT_OFF
from flowc.server.records.usage import UsageCount

_ENDS = {EventKind.NODE_COMPLETED: "completed", EventKind.NODE_FAILED: "failed"}

_LAST = frozenset({EventKind.RUN_COMPLETED, EventKind.RUN_FAILED, EventKind.RUN_CANCELLED})


@dataclass
class Execution:
    """One execution of a node; `attempts` are all its attempts, the failed ones first.

    `input` are the computed fields of the node's configuration, with their values.
    """

    node_id: str
    path: str
    number: int
    status: str
    started_at: str | None
    finished_at: str | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    input: dict[str, Any] = field(default_factory=dict)
    output: Any = None
    branch: str | None = None
    error: dict[str, Any] | None = None
    duration_ms: float | None = None
    usage: dict[str, float] = field(default_factory=dict)


def history_of(events: Iterable[RunEvent]) -> list[dict[str, Any]]:
    """Return the executions of a run's nodes, in the order in which they started."""
    found: list[Execution] = []
    last: dict[tuple[str, str], Execution] = {}
    count = UsageCount()
    for event in events:
        used = count.added_by(event)
        if event.node_id is None:
            if event.kind in _LAST:
                _cut_off(found, event)
            continue
        place = (event.path, event.node_id)
        if event.kind in {EventKind.NODE_STARTED, EventKind.NODE_SKIPPED}:
            status = "running" if event.kind == EventKind.NODE_STARTED else "skipped"
            at = event.at.isoformat() if status == "running" else None
            last[place] = Execution(event.node_id, event.path, event.number, status, at)
            found.append(last[place])
        elif place in last:
            last[place].usage = total_usage([last[place].usage, used])
            _apply(last[place], event)
    return [asdict(execution) for execution in found]


def _cut_off(executions: Iterable[Execution], event: RunEvent) -> None:
    """Mark the executions that were at work when the run ended."""
    for each in executions:
        if each.status in {"running", "waiting"}:
            each.status, each.finished_at, each.error = (
                "cancelled",
                event.at.isoformat(),
                {**CUT_OFF},
            )


def _apply(execution: Execution, event: RunEvent) -> None:
    data, at = event.data, event.at.isoformat()
    if event.kind == EventKind.NODE_RETRYING:
        failed = {"attempt": data["attempt"], "at": at, "message": data["message"]}
        execution.attempts.append(failed)
    elif event.kind == EventKind.NODE_WAITING:
        execution.status = "waiting"
    elif event.kind == EventKind.NODE_CANCELLED:
        execution.status, execution.finished_at = "cancelled", at
    elif event.kind in _ENDS:
        execution.status, execution.finished_at = _ENDS[event.kind], at
        execution.duration_ms, execution.output = data["duration_ms"], data.get("output")
        execution.branch, execution.input = data.get("branch"), data.get("input", {})
        if event.kind == EventKind.NODE_FAILED:
            execution.error = failure_in(data)
        execution.attempts.append({"attempt": data["attempts"], "at": at, "message": None})
