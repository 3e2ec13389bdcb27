"""One event of a run, as it is stored and sent to clients."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pydantic import ConfigDict

from flowc.compiler.running.events import Event, EventKind
from flowc.server.records.times import json_of, now


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One thing that happened to a run, or to a node of it; numbers begin at 1 and have no gaps."""

    __pydantic_config__ = ConfigDict(json_schema_serialization_defaults_required=True)

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
        return json_of(self, EVENT_FIELDS)


EVENT_FIELDS = tuple(each.name for each in fields(RunEvent))
