"""Checks that nodes which can run at the same time do not set the same variable."""

from collections.abc import Iterator
from itertools import combinations

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.run_conditions import can_both_hold
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.diagnostics import Problem


def check_concurrency(flow: Flow) -> Iterator[Problem]:
    """Yield the variables that several nodes set in no fixed order."""
    tools_of = _agent_of(flow.scope)
    is_serial = tools_of is not None and tools_of.config.get("parallel") is False
    if is_serial or any(kind.is_part for kind in flow.scope.types.values()):
        # Their node runs one after the other.
        return
    writers: dict[str, list[str]] = {}
    for name in flow.graph.order:
        for variable in flow.scope.writes(name):
            writers.setdefault(variable, []).append(name)
    for variable, names in writers.items():
        pair = next((p for p in combinations(names, 2) if _are_concurrent(flow, *p)), None)
        if pair is not None:
            first, second = pair
            message = f"{first!r} and {second!r} can set {variable!r} at the same time."
            hint = "Add an edge between them, or use two variables."
            if tools_of is not None:
                hint = f"Set `parallel: false` of {tools_of.id!r}, or use two variables."
            yield Problem("concurrent-writers", message, flow.scope.nodes[second].at, hint)


def _agent_of(scope: Scope) -> NodeDefinition | None:
    """Return the node whose tools these are; None if they are no tools."""
    outer, container = scope.outer, scope.container
    if outer is None or container is None or not outer.types[container].body_is_tools:
        return None
    return outer.nodes[container]


def _are_concurrent(flow: Flow, one: str, other: str) -> bool:
    if _comes_before(flow, one, other) or _comes_before(flow, other, one):
        return False
    return can_both_hold(flow.conditions[one], flow.conditions[other])


def _comes_before(flow: Flow, one: str, other: str) -> bool:
    """Return whether a node has ended, or was cancelled, whenever another one begins."""
    if not flow.ancestors.precede(one, other, forward_only=True):
        return False
    return flow.race_before(one, other) is None or one in flow.racing
