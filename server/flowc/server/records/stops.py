"""Where a run stops, as it is stored: its breakpoints, and whether it goes step by step."""

from collections.abc import Mapping
from typing import Any

from flowc.compiler.running.event_data import StopsData

# The nodes before which a run stops, by name, each with its condition if it has one.
StopNodes = Mapping[str, str | None]


def stops_of(nodes: StopNodes, *, is_stepping: bool) -> StopsData:
    """Return the stored form.

    >>> stops_of({"b": None, "a": "input.n > 3"}, is_stepping=False)
    {'nodes': ['a', 'b'], 'stepping': False, 'conditions': {'a': 'input.n > 3'}}
    """
    stops: StopsData = {"nodes": sorted(nodes), "stepping": is_stepping}
    if conditions := {name: text for name, text in nodes.items() if text is not None}:
        stops["conditions"] = conditions
    return stops


def stop_nodes(stops: Mapping[str, Any] | None) -> dict[str, str | None]:
    """Return the nodes of a stored form.

    >>> stop_nodes({"nodes": ["a", "b"], "stepping": False, "conditions": {"a": "input.n > 3"}})
    {'a': 'input.n > 3', 'b': None}
    """
    if stops is None:
        return {}
    conditions = stops.get("conditions", {})
    return {name: conditions.get(name) for name in stops["nodes"]}
