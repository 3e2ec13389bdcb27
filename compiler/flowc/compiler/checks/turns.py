"""Checks that loops through edges have a bound, and that only edges which close one have it."""

from collections.abc import Iterator

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.graph import Edge, written_edges
from flowc.compiler.analysis.loops import EdgeLoop
from flowc.compiler.definition import EdgeDefinition
from flowc.compiler.diagnostics import Problem
from flowc.compiler.planning.closings import DEFAULT_TURNS, closing_edges, turn_of, written_bounds


def check_turns(flow: Flow) -> Iterator[Problem]:
    """Yield loops without a bound of their own, and bounds on edges that close no loop."""
    loops = [loop for outer in flow.graph.loops for loop in outer.walk()]
    closing = [edge for loop in loops for edge in closing_edges(loop, flow.graph)]
    for written in flow.scope.workflow.edges:
        if written.max_turns is not None and not _is_disabled(flow, written):
            yield from _check_place(written, closing)
    if flow.scope.whole.workflow.settings.max_turns is None:
        bounds = written_bounds(flow.scope.workflow.edges)
        for loop in loops:
            yield from _check_bound(flow, loop, bounds)


def _is_disabled(flow: Flow, edge: EdgeDefinition) -> bool:
    return not {edge.source, edge.target} <= flow.graph.nodes.keys()


def _check_place(written: EdgeDefinition, closing: list[Edge]) -> Iterator[Problem]:
    if any((edge.source, edge.target) == (written.source, written.target) for edge in closing):
        return
    message = f"The edge from {written.source!r} to {written.target!r} closes no loop."
    near = [e for e in closing if {e.source, e.target} & {written.source, written.target}]
    hint = "Remove `max_turns`: only an edge that leads back can have it."
    if near or closing:
        edge = (near or closing)[0]
        hint = f"Write `max_turns` on the edge that does: {_edge(edge, written.max_turns)}."
    yield Problem("bound-without-loop", message, (*written.at, "max_turns"), hint)


def _check_bound(
    flow: Flow, loop: EdgeLoop, bounds: dict[tuple[str, str], int]
) -> Iterator[Problem]:
    free = [e for e in closing_edges(loop, flow.graph) if (e.source, e.target) not in bounds]
    if not free:
        return
    edge = free[0]
    around = " → ".join([*turn_of(loop, edge, flow.graph), loop.header])
    message = f"The loop {around} sets no bound, so it fails after {DEFAULT_TURNS} turns."
    hint = f"Write one on the edge that closes it: {_edge(edge, DEFAULT_TURNS)}."
    if flow.scope.nodes[edge.source].is_step:
        hint = f"Write one into the settings: {{max_turns: {DEFAULT_TURNS}}}."
    places = written_edges(flow.scope.workflow, flow.scope.registry)
    at = (w.at for w in places if (w.source, w.target) == (edge.source, edge.target))
    place = next(at, flow.scope.nodes[edge.source].at)
    yield Problem("loop-without-bound", message, place, hint, "warning")


def _edge(edge: Edge, turns: int | None) -> str:
    return f"{{source: {edge.source}, target: {edge.target}, max_turns: {turns}}}"
