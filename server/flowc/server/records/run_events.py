"""One event of a run, as it is stored and sent to clients."""

from collections.abc import Sequence
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

# Characters of the events that may be in memory for one watcher.
_LIGHT = 100_000
# What a value takes in addition to its characters.
_ITEM = 8


def light_part(events: Sequence[RunEvent]) -> Sequence[RunEvent]:
    """Return the first events, as many as may be in memory for a client that does not read them.

    >>> texts = [RunEvent(n, EventKind.NODE_SAID, now(), {"text": "x" * 60_000}) for n in (1, 2, 3)]
    >>> [event.number for event in light_part(texts)]
    [1]
    """
    left = _LIGHT
    for count, event in enumerate(events):
        left -= weight(event.data, left)
        if left < 0:
            return events[: max(count, 1)]
    return events


def weight(value: Any, most: int) -> int:
    """Return about how many characters a value has, or any number greater than `most`."""
    total, found = 0, [value]
    # It grows while it is gone through.
    for item in found:
        total += len(item) if isinstance(item, str) else 0
        total += _ITEM
        if isinstance(item, list):
            found += item
        elif isinstance(item, dict):
            found += item.values()
        if total > most:
            break
    return total
