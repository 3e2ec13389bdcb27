"""Has all that is drawn a sense: joins that come together, loops with one way in, outputs read?"""

from collections.abc import Iterator

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.graph import Edge
from flowc.compiler.analysis.loops import Loop
from flowc.compiler.analysis.references import node_path, uses_in
from flowc.compiler.analysis.run_conditions import NEVER
from flowc.compiler.diagnostics import Problem


def check_flow(draft: Draft) -> Iterator[Problem]:
    """Yield joins that never run, loops whose turns depend on timing, and outputs nobody needs."""
    yield from _check_joins(draft)
    for outer in draft.graph.loops:
        for loop in outer.walk():
            yield from _check_loop(draft, loop)
    yield from _check_needs(draft)


def _check_joins(draft: Draft) -> Iterator[Problem]:
    """Yield the first nodes on a way that can never run, although edges lead to them."""
    for name in draft.graph.order:
        sources = [edge.source for edge in draft.graph.forward_incoming[name]]
        never = draft.conditions.get(name) == NEVER
        if never and all(draft.conditions.get(source) != NEVER for source in sources):
            node = draft.nodes[name]
            message = f"{name!r} can never run: what it waits for never comes together."
            hint = "Without `join: all`, one live edge is enough."
            yield Problem("join-never-runs", message, node.at, hint, "warning")


def _check_loop(draft: Draft, loop: Loop) -> Iterator[Problem]:
    """Yield what makes a loop through edges depend on which of its nodes is faster."""
    graph = draft.graph
    entered = sorted(
        {
            edge.target
            for name in loop.nodes - {loop.header}
            for edge in graph.incoming[name]
            if edge.source not in loop.nodes and edge.source in graph.reachable
        }
    )
    at = draft.nodes[loop.header].at
    if entered:
        message = f"The loop through {loop.header!r} is also entered by {entered[0]!r}."
        hint = "Let all ways into a loop lead to one node; timing decides otherwise."
        yield Problem("loop-with-two-entrances", message, at, hint, "warning")
    for name in sorted(loop.nodes):
        if _leaves_and_stays(draft, loop, graph.outgoing[name]):
            message = f"{name!r} can leave the loop through {loop.header!r} while the loop goes on."
            hint = "What follows the loop may then run before its last turn, and more than once."
            yield Problem("exit-of-a-running-loop", message, draft.nodes[name].at, hint, "warning")


def _leaves_and_stays(draft: Draft, loop: Loop, edges: tuple[Edge, ...]) -> bool:
    leaving = [edge for edge in edges if edge.target not in loop.nodes]
    staying = [edge for edge in edges if edge.target in loop.nodes]
    return any(
        a.branches is None or b.branches is None or bool(a.branches & b.branches)
        for a in leaving
        for b in staying
    )


def _check_needs(draft: Draft) -> Iterator[Problem]:
    """Yield nodes that do nothing but give an output, which nobody reads."""
    if draft.workflow.samples or draft.outer is not None:
        return
    read = _read(draft)
    for name in draft.graph.order:
        node, kind = draft.nodes[name], draft.types[name]
        has_sense = not kind.is_pure or name in read or name in draft.branches
        if not has_sense and node.on_error == "fail" and draft.graph.outgoing[name]:
            message = f"Nobody reads what {name!r} gives, and it does nothing else."
            hint = "Read its output, or take it out."
            yield Problem("unused-node", message, node.at, hint, "warning")


def _read(draft: Draft) -> set[str]:
    """Return the nodes of which something is read, or whose output flows on by itself."""
    found: set[str] = set()
    for part in draft.walk():
        for name, configuration in part.configurations.items():
            paths = [use.reference.path for use in uses_in(configuration)]
            found |= {read[0] for path in paths if (read := node_path(path, part.nodes))}
            if configuration.takes_incoming is not None and part is draft:
                found |= set(draft.data_sources(name))
    return found
