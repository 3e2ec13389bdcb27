"""Checks that granularity `node` makes no node wait for one that it does not depend on."""

from collections.abc import Iterator

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.graph import Edge
from flowc.compiler.diagnostics import Problem
from flowc.compiler.planning.sections import find_races, find_sections
from flowc.compiler.planning.wiring import wire_up


def check_steps(flow: Flow) -> Iterator[Problem]:
    """Yield, for each part that would be a region, a node that waits without need."""
    # Bodies are regions at any granularity.
    if flow.scope.container or flow.scope.workflow.settings.granularity != "node":
        return
    wiring = wire_up(flow.graph)
    # Races are in regions at any granularity, too.
    racing = frozenset[str]().union(*(section.nodes for section in find_races(wiring)))
    for section in find_sections(wiring):
        forks = [f for f in section.forks if not racing.issuperset(edge.target for edge in f)]
        waits = (pair for edges in forks for pair in _needless_waits(flow, edges))
        for waiting, stranger in list(waits)[:1]:
            message = f"{waiting!r} waits for {stranger!r}, which it does not depend on."
            hint = "Without `granularity: node`, it starts as soon as its own inputs are available."
            at = flow.scope.nodes[waiting].at
            yield Problem("needless-wait", message, at, hint, "warning")


def _needless_waits(flow: Flow, edges: tuple[Edge, ...]) -> Iterator[tuple[str, str]]:
    """Yield each node after one path of a fork with the first node of a path that it is not on."""
    first = [edge.target for edge in edges]
    for name in first:
        for edge in flow.graph.outgoing[name]:
            waiting = edge.target
            for stranger in first:
                is_before = flow.ancestors.precede(stranger, waiting, forward_only=True)
                if stranger not in {name, waiting} and not is_before:
                    yield waiting, stranger
