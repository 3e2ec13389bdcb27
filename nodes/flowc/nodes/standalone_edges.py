"""What exported graphs need beside LangGraph's edges: joins, and ends of loops."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flowc.compiler.analysis.graph import Edge, Graph
from flowc.compiler.definition import AtLeast, JoinRule, NodeDefinition
from flowc.compiler.planning.closings import Closing
from flowc.compiler.planning.wiring import Wiring, wire_up
from flowc.compiler.running.settlement import Settlement, arrive, merge_edges, settle


@dataclass(frozen=True)
class NodeDone:
    """The result of a node: what to write to the state, and the branch it chose."""

    update: dict[str, Any]
    branch: str | None = None


def closing(
    target: str,
    branches: Sequence[str] | None,
    max_turns: int,
    around: Sequence[str],
    inner: Sequence[str] = (),
) -> Closing:
    """Return an edge from the last node of a turn to the first; it ends the `inner` counts."""
    edge = Edge(around[-1], target, frozenset(branches) if branches is not None else None)
    return Closing(edge, max_turns, tuple(around), tuple(inner))


class Joins:
    """Joins that LangGraph's edges cannot express: each node runs once all its edges are settled.

    `edges` are (source, target) or (source, target, branches); the nodes of `join_all` run only if
    all their edges are taken, and those of `join_at_least` as soon as this many of their edges are.
    LangGraph cannot cancel a node: what such a node does not wait for runs to its end. An edge is
    settled when it is known whether the run takes it. Each node of the graph calls `visit`, which
    returns the nodes to go to.
    """

    def __init__(
        self,
        entries: Sequence[str],
        edges: Sequence[tuple[str, str] | tuple[str, str, Sequence[str]]],
        join_all: Sequence[str] = (),
        join_at_least: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        made = tuple(Edge(e[0], e[1], frozenset(e[2]) if len(e) > 2 else None) for e in edges)
        rules: dict[str, JoinRule] = {
            name: AtLeast(at_least=n) for name, n in join_at_least.items()
        }
        rules |= dict.fromkeys(join_all, "all")
        nodes = {
            name: NodeDefinition(id=name, type="", join=rules.get(name, "any"))
            for name in dict.fromkeys([*entries, *(n for e in made for n in (e.source, e.target))])
        }
        self._wiring: Wiring = wire_up(Graph(nodes, made, tuple(entries)))

    async def visit(
        self, name: str, state: Mapping[str, Any], work: Callable[[], Awaitable[NodeDone]]
    ) -> tuple[dict[str, Any], list[str]]:
        """Run a node if its edges are settled; return what to write, and the nodes to go to."""
        edges, wire = state.get("edges", {}), self._wiring.wires[name]
        arrival = arrive(self._wiring, wire, edges)
        if not arrival.runs:
            return _step({}, [arrival])
        done = await work()
        now = merge_edges(edges, [arrival.edges])
        return _step(done.update, [arrival, settle(self._wiring, wire, done.branch, now)])


def _step(update: dict[str, Any], steps: Sequence[Settlement]) -> tuple[dict[str, Any], list[str]]:
    news = [step.edges for step in steps if step.edges]
    goto = list(dict.fromkeys(name for step in steps for name in step.wake))
    return ({**update, "edges": news} if news else update), goto
