"""Checks that joins can run, that loops do not depend on timing, and that outputs are used."""

from collections.abc import Iterator

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.graph import Edge
from flowc.compiler.analysis.loops import EdgeLoop
from flowc.compiler.analysis.references import node_path, uses_in
from flowc.compiler.analysis.run_conditions import NEVER
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.diagnostics import Problem


def check_flow(flow: Flow) -> Iterator[Problem]:
    """Yield joins that never run, loops that depend on timing, and outputs that are never used."""
    yield from _check_joins(flow)
    for outer in flow.graph.loops:
        for loop in outer.walk():
            yield from _check_loop(flow, loop)
    yield from _check_needs(flow)


def _check_joins(flow: Flow) -> Iterator[Problem]:
    """Yield the first nodes on each path that can never run although edges lead to them."""
    for name in flow.graph.order:
        sources = [edge.source for edge in flow.graph.forward_incoming[name]]
        node = flow.scope.nodes[name]
        if node.quorum is not None:
            yield from _check_race(node, sources)
        # If too few edges lead to it, that is its problem.
        never = flow.conditions.get(name) == NEVER and (node.quorum or 0) <= len(sources)
        if never and all(flow.conditions.get(source) != NEVER for source in sources):
            message = f"{name!r} can never run: its incoming edges are never all taken in one run."
            hint = "Without `join: all`, one taken edge is enough."
            yield Problem("join-never-runs", message, node.at, hint, "warning")


def _check_race(node: NodeDefinition, sources: list[str]) -> Iterator[Problem]:
    """Yield a race that needs more edges than lead to it, or that has nothing to choose from."""
    count, at = len(sources), (*node.at, "join")
    if node.quorum is not None and node.quorum > max(count, 1):
        edges = "1 edge leads" if count == 1 else f"{count or 'no'} edges lead"
        message = f"{node.id!r} needs {node.quorum} live edges, but {edges} to it."
        hint = f"Use {{at_least: {count}}}, or add edges." if count > 1 else "Add edges to it."
        yield Problem("too-few-edges", message, at, hint)
    elif count < 2:
        message = (
            f"Nothing races to {node.id!r}: {'one edge leads' if count else 'no edge leads'} to it."
        )
        hint = "Lead the edges of all paths to it, or leave out `join`."
        yield Problem("race-of-one", message, at, hint, "warning")


def _check_loop(flow: Flow, loop: EdgeLoop) -> Iterator[Problem]:
    """Yield what makes the turns of a loop depend on which of its nodes is faster."""
    graph = flow.graph
    entered = sorted(
        {
            edge.target
            for name in loop.nodes - {loop.header}
            for edge in graph.incoming[name]
            if edge.source not in loop.nodes and edge.source in graph.reachable
        }
    )
    at = flow.scope.nodes[loop.header].at
    if entered:
        message = f"The loop through {loop.header!r} can also be entered at {entered[0]!r}."
        hint = "Let all edges into the loop lead to one node; otherwise timing decides."
        yield Problem("loop-with-two-entrances", message, at, hint, "warning")
    for name in sorted(loop.nodes):
        if _leaves_and_stays(loop, graph.outgoing[name]):
            message = f"{name!r} can leave the loop through {loop.header!r} while it continues."
            hint = "The nodes after the loop may then run before its last turn, and more than once."
            yield Problem(
                "exit-of-a-running-loop", message, flow.scope.nodes[name].at, hint, "warning"
            )


def _leaves_and_stays(loop: EdgeLoop, edges: tuple[Edge, ...]) -> bool:
    leaving = [edge for edge in edges if edge.target not in loop.nodes]
    staying = [edge for edge in edges if edge.target in loop.nodes]
    return any(
        a.branches is None or b.branches is None or bool(a.branches & b.branches)
        for a in leaving
        for b in staying
    )


def _check_needs(flow: Flow) -> Iterator[Problem]:
    """Yield nodes whose only effect is an output that is never read."""
    if flow.scope.workflow.samples or flow.outer is not None:
        return
    read = _read(flow)
    for name in flow.graph.order:
        node, kind = flow.scope.nodes[name], flow.scope.types[name]
        is_needed = not kind.is_pure or name in read or name in flow.branches
        if not is_needed and node.on_error == "fail" and flow.graph.outgoing[name]:
            message = f"The output of {name!r} is never used, and the node has no other effect."
            hint = "Read its output, or remove the node."
            yield Problem("unused-node", message, node.at, hint, "warning")


def _read(flow: Flow) -> set[str]:
    """Return the nodes whose output is read by a reference, or flows on by itself."""
    found: set[str] = set()
    for part in flow.walk():
        for name, configuration in part.scope.configurations.items():
            paths = [use.reference.path for use in uses_in(configuration)]
            found |= {read[0] for path in paths if (read := node_path(path, part.scope.nodes))}
            if configuration.takes_incoming is not None and part is flow:
                found |= set(flow.data_sources(name))
    return found
