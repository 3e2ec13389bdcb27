"""An event of a run, as it is stored and sent to clients."""

from datetime import datetime
from typing import Any, NamedTuple

from flowc.compiler.running.events import Event
from flowc.server.records.times import as_text, now


class RunEvent(NamedTuple):
    """One thing that happened to a run, or to a node of it; numbers begin at 1 and have no gaps."""

    number: int
    kind: str
    at: datetime
    data: Any
    node_id: str | None = None
    path: str = ""

    @classmethod
    def of_node(cls, number: int, event: Event) -> "RunEvent":
        """Return what a node said, as the n-th event of its run, now."""
        return cls(number, event.kind, now(), dict(event.data), event.node_id, event.path)

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {**self._asdict(), "at": as_text(self.at)}
