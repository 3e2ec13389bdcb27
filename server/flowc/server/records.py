"""What is remembered of a run and of its nodes?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from flowc.compiler.events import Event

RunStatus = Literal["pending", "running", "completed", "failed", "cancelled", "paused", "waiting"]
NodeStatus = Literal["running", "completed", "failed", "skipped", "waiting"]

_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0.0, "calls": 0}


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


@dataclass
class NodeRecord:
    """What a node did; `duration_ms` counts all attempts and the pauses between them.

    Of a node that ran several times, in a loop or a map, this is its last run; `runs` counts them.
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
            "started_at": _text(self.started_at),
            "finished_at": _text(self.finished_at),
            "error": self.error,
        }


@dataclass
class RunRecord:
    """A run: what went in, what came out, and what each node did."""

    id: str
    workflow_id: str | None
    version: int | None
    hash: str
    input: dict[str, Any]
    status: RunStatus = "pending"
    output: Any = None
    error: dict[str, Any] | None = None
    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=lambda: dict(_NO_USAGE))
    created_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def hear(self, event: Event) -> None:
        """Take in what a node did."""
        data, name = event.data, name_of(event)
        if event.kind == "node.started":
            runs = self.nodes[name].runs + 1 if name in self.nodes else 1
            self.nodes[name] = NodeRecord("running", runs, started_at=now(), attempts=1)
        elif event.kind == "node.skipped":
            self.nodes.setdefault(name, NodeRecord("skipped"))
        elif event.kind == "node.retrying":
            self.nodes[name].attempts = data["attempt"] + 1
        elif event.kind == "node.completed":
            self._finish(name, "completed", data)
            self._count(data["usage"])
        elif event.kind == "node.failed":
            self._finish(name, "failed", data)

    def close(self, status: RunStatus, all_nodes: Mapping[str, Any]) -> None:
        """Say how the run ended; nodes that were cut off or never reached are marked as such."""
        self.status, self.finished_at = status, now()
        for record in self.nodes.values():
            if record.status == "running":
                record.status, record.finished_at = "failed", self.finished_at
                record.error = {"code": "cancelled", "message": "The run ended before it did."}
        for name in all_nodes:
            self.nodes.setdefault(name, NodeRecord("skipped"))

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
            "created_at": _text(self.created_at),
            "started_at": _text(self.started_at),
            "finished_at": _text(self.finished_at),
        }

    def _finish(self, name: str, status: NodeStatus, data: Mapping[str, Any]) -> None:
        record = self.nodes[name]
        record.status, record.finished_at = status, now()
        record.attempts, record.duration_ms = data["attempts"], data["duration_ms"]
        record.output = data.get("output")
        if status == "failed":
            record.error = {"code": data["code"], "message": data["message"]}

    def _count(self, usage: Mapping[str, float]) -> None:
        for name, amount in usage.items():
            self.usage[name] = self.usage.get(name, 0) + amount


def name_of(event: Event) -> str:
    """Return the name a node has in a run's record: in a body, `container.node`."""
    containers = [part.split("#")[0] for part in event.path.split("/") if "#" in part]
    return ".".join([*containers, event.node_id])


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None
