"""One event of a run, as it is stored and sent to clients."""

from datetime import datetime
from typing import Any, NamedTuple

from flowc.compiler.running.events import Event, EventKind
from flowc.server.records.times import as_text, now


class RunEvent(NamedTuple):
    """One thing that happened to a run, or to a node of it; numbers begin at 1 and have no gaps."""

    number: int
    kind: EventKind
    at: datetime
    data: Any
    node_id: str | None = None
    path: str = ""

    @classmethod
    def of(cls, event: Event, at: datetime | None = None) -> "RunEvent":
        """Return an event with its time, by default now; it is numbered when it is appended."""
        return cls(0, event.kind, at or now(), dict(event.data), event.node_id, event.path)

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {**self._asdict(), "at": as_text(self.at)}
