"""Adds up what a run used, from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowc.compiler.node.outcome import NOTHING, total_usage
from flowc.compiler.running.events import EventKind
from flowc.server.records.run_events import RunEvent

_ENDS = frozenset({EventKind.NODE_COMPLETED, EventKind.NODE_FAILED})


@dataclass
class UsageCount:
    """Counts each usage once, although the end of a node repeats what it emitted before.

    `journaled` are the stored results (path, node and key) that are counted, of nodes without end.
    """

    journaled: set[tuple[str, str, str]] = field(default_factory=set)
    _before: dict[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)

    def added_by(self, event: RunEvent) -> Mapping[str, float]:
        """Return what an event adds; events must be given in their order."""
        if event.node_id is not None:
            return self._added_by_node(event, (event.path, event.node_id))
        if event.kind is EventKind.RUN_STARTED:
            # Nodes that were at work begin again, and count from zero.
            self._before.clear()
        elif event.kind is EventKind.RUN_USED:
            return dict(event.data["usage"])
        return NOTHING

    def _added_by_node(self, event: RunEvent, place: tuple[str, str]) -> Mapping[str, float]:
        if event.kind is EventKind.NODE_USED:
            used: Mapping[str, float] = event.data["usage"]
            self._before[place] = total_usage([self._before.get(place, NOTHING), used])
            self.journaled |= {(*place, key) for key in event.data.get("keys", ())}
            return used
        if event.kind is EventKind.NODE_STARTED or event.kind is EventKind.NODE_WAITING:
            self._before.pop(place, None)
        if event.kind not in _ENDS:
            return NOTHING
        # From now on, the journal itself says which of its results are counted.
        self.journaled -= {each for each in self.journaled if each[:2] == place}
        before, used = self._before.pop(place, NOTHING), event.data.get("usage", NOTHING)
        return {name: amount - before.get(name, 0) for name, amount in used.items()}
