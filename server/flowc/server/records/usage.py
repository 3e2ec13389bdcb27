"""Adds up what a run used, from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.node.outcome import NOTHING, total_usage
from flowc.compiler.running.events import EventKind
from flowc.server.records.run_events import RunEvent

_ENDS = frozenset({EventKind.NODE_COMPLETED, EventKind.NODE_FAILED})
# What no model is known for is under this name.
NO_MODEL = ""
# Sums of costs differ by less than this from each other, for the order in which they are added.
_ROUNDING = 1e-9
# Amounts by model and by what they are of: tokens, calls, cost.
ModelUsage = Mapping[tuple[str, str], float]


@dataclass
class UsageCount:
    """Counts each usage once, although the end of a node repeats what it emitted before.

    `journaled` are the stored results (path, node and key) that are counted, of nodes without end.
    """

    journaled: set[tuple[str, str, str]] = field(default_factory=set)
    _before: dict[tuple[str, str], ModelUsage] = field(default_factory=dict)

    def added_by(self, event: RunEvent) -> Mapping[str, float]:
        """Return what an event adds; events must be given in their order."""
        total: dict[str, float] = {}
        for (_, name), amount in self.added_by_model(event).items():
            total[name] = total.get(name, 0) + amount
        return total

    def added_by_model(self, event: RunEvent) -> ModelUsage:
        """Return what an event adds, by model; events must be given in their order."""
        if event.node_id is not None:
            return self._added_by_node(event, (event.path, event.node_id))
        if event.kind is EventKind.RUN_STARTED:
            # Nodes that were at work begin again, and count from zero.
            self._before.clear()
        elif event.kind is EventKind.RUN_USED:
            return usage_by_model(event.data)
        return NOTHING

    def _added_by_node(self, event: RunEvent, place: tuple[str, str]) -> ModelUsage:
        if event.kind is EventKind.NODE_USED:
            used = usage_by_model(event.data)
            before: Any = self._before.get(place, NOTHING)
            self._before[place] = total_usage([before, used])  # type: ignore[list-item, assignment]
            self.journaled |= {(*place, key) for key in event.data.get("keys", ())}
            return used
        if event.kind is EventKind.NODE_STARTED or event.kind is EventKind.NODE_WAITING:
            self._before.pop(place, None)
        if event.kind not in _ENDS:
            return NOTHING
        # From now on, the journal itself says which of its results are counted.
        self.journaled -= {each for each in self.journaled if each[:2] == place}
        counted, used = self._before.pop(place, NOTHING), usage_by_model(event.data)
        return {of: amount - counted.get(of, 0) for of, amount in used.items()}


def usage_by_model(data: Mapping[str, Any]) -> ModelUsage:
    """Return the usage in the data of an event, by model.

    >>> usage_by_model({"usage": {"calls": 3}, "models": {"a": {"calls": 1}, "b": {"calls": 1}}})
    {('a', 'calls'): 1, ('b', 'calls'): 1, ('', 'calls'): 1}
    """
    usage: Mapping[str, float] = data.get("usage", NOTHING)
    if not usage:
        return NOTHING
    models: Mapping[str, Mapping[str, float]] = data.get("models", NOTHING)
    if not models:
        model = data.get("model", NO_MODEL)
        return {(model, name): amount for name, amount in usage.items()}
    found = {(model, name): n for model, of in models.items() for name, n in of.items()}
    named = total_usage(models.values())
    for name, amount in usage.items():
        left = amount - named.get(name, 0)
        if name not in named or abs(left) > _ROUNDING:
            found[NO_MODEL, name] = left
    return found
