"""Builds a workflow's graph: branches and dependencies resolved to edges."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from flowc.compiler.analysis.loops import EdgeLoop, find_loops
from flowc.compiler.definition import NodeDefinition, WorkflowDefinition
from flowc.compiler.diagnostics import Pointer
from flowc.compiler.node.registry import Registry

# The branches that `on_error: {goto: …}` adds to those of a node's type.
DONE, ERROR = "done", "error"

Taken = dict[tuple[str, str], set[str] | None]


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge between two nodes; it is taken on its `branches`, or always if they are None."""

    source: str
    target: str
    branches: frozenset[str] | None = None

    @property
    def key(self) -> str:
        """The edge's name in the state of a run."""
        return f"{self.source}->{self.target}"


@dataclass(frozen=True)
class Graph:
    """A workflow's nodes and edges, resolved: each pair of nodes has at most one edge."""

    nodes: Mapping[str, NodeDefinition]
    edges: tuple[Edge, ...]
    entries: tuple[str, ...]

    @cached_property
    def outgoing(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that leave each node."""
        return self._grouped("source")

    @cached_property
    def incoming(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that reach each node."""
        return self._grouped("target")

    @cached_property
    def reachable(self) -> frozenset[str]:
        """The nodes that can be reached from an entry."""
        return reachable_from(self.entries, self.outgoing)

    @cached_property
    def loops(self) -> tuple[EdgeLoop, ...]:
        """The outermost loops."""
        targets = {name: [edge.target for edge in self.outgoing[name]] for name in self.nodes}
        return find_loops(self.entries, targets)

    @cached_property
    def back_edges(self) -> frozenset[Edge]:
        """The edges that close a loop: from a node on it to the node at which it is entered."""
        return frozenset(
            edge
            for outer in self.loops
            for loop in outer.walk()
            for edge in self.incoming[loop.header]
            if edge.source in loop.nodes
        )

    @cached_property
    def forward_incoming(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that reach each node, without those that close a loop."""
        return {
            name: tuple(edge for edge in edges if edge not in self.back_edges)
            for name, edges in self.incoming.items()
        }

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The reachable nodes, each after all its predecessors; back edges are ignored."""
        waiting = {
            name: sum(edge.source in self.reachable for edge in self.forward_incoming[name])
            for name in self.nodes
            if name in self.reachable
        }
        ready = [name for name, count in waiting.items() if count == 0]
        order: list[str] = []
        for name in ready:
            order.append(name)
            for edge in self.outgoing[name]:
                if edge not in self.back_edges:
                    waiting[edge.target] -= 1
                    if waiting[edge.target] == 0:
                        ready.append(edge.target)
        return tuple(order)

    def _grouped(self, end: str) -> Mapping[str, tuple[Edge, ...]]:
        groups: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        for edge in self.edges:
            groups[getattr(edge, end)].append(edge)
        return {name: tuple(edges) for name, edges in groups.items()}


def build_graph(workflow: WorkflowDefinition, registry: Registry) -> Graph:
    """Resolve edges, branch targets and `depends_on`; ignore those that name no node."""
    taken = _taken_branches(workflow, registry)
    _bypass_disabled(workflow, taken)
    return _graph(workflow, registry, taken, [n for n in workflow.nodes if not n.disabled])


def written_graph(workflow: WorkflowDefinition, registry: Registry) -> Graph:
    """Return the graph as it is written: with the disabled nodes, and the edges that join them."""
    return _graph(workflow, registry, _taken_branches(workflow, registry), workflow.nodes)


def _graph(
    workflow: WorkflowDefinition,
    registry: Registry,
    taken: Taken,
    drawn: Iterable[NodeDefinition],
) -> Graph:
    nodes = {node.id: node for node in drawn}
    edges = tuple(
        Edge(source, target, None if branches is None else frozenset(branches))
        for (source, target), branches in taken.items()
        if source in nodes and target in nodes
    )
    return Graph(nodes, edges, _entries(workflow, edges, registry))


def branch_targets(node: NodeDefinition, registry: Registry) -> Mapping[str, str | None]:
    """Return a node's branches, each with the target that its configuration names, if any."""
    node_type = registry.get(node.type)
    return (node_type.branches(node.config) if node_type else None) or {}


def all_branches(node: NodeDefinition, registry: Registry) -> frozenset[str]:
    """Return all branches that a node can choose: its type's, and the one for failures."""
    own = frozenset(branch_targets(node, registry))
    return (own or frozenset({DONE})) | {ERROR} if node.error_target is not None else own


@dataclass(frozen=True, slots=True)
class WrittenEdge:
    """One place where a definition says that a node comes after another; `at` is its path."""

    source: str
    target: str
    branch: str | None
    at: Pointer


def written_edges(workflow: WorkflowDefinition, registry: Registry) -> Iterator[WrittenEdge]:
    """Yield the places of all edges: branch targets, edges, `depends_on`, and `on_error`."""
    for node in workflow.nodes:
        kind = registry.get(node.type)
        for branch, target in branch_targets(node, registry).items():
            if kind is not None and target is not None:
                at = node.config_at(*kind.branch_path(branch))
                yield WrittenEdge(node.id, target, branch, at)
    for edge in workflow.edges:
        yield WrittenEdge(edge.source, edge.target, edge.branch, edge.at)
    for node in workflow.nodes:
        for index, source in enumerate(node.depends_on or ()):
            yield WrittenEdge(source, node.id, None, (*node.at, "depends_on", index))
        if node.error_target is not None:
            yield WrittenEdge(node.id, node.error_target, ERROR, (*node.at, "on_error", "goto"))


def _taken_branches(workflow: WorkflowDefinition, registry: Registry) -> Taken:
    """Return for each pair of nodes the branches of the edge between them; None is all."""
    taken: Taken = {}
    for node in workflow.nodes:
        for branch, target in branch_targets(node, registry).items():
            if target is not None:
                _take(taken, node.id, target, branch)
    for edge in workflow.edges:
        # A plain edge may repeat a target that a branch's configuration already names.
        if edge.branch is not None or not taken.get((edge.source, edge.target)):
            _take(taken, edge.source, edge.target, edge.branch)
    needs = [(source, node.id) for node in workflow.nodes for source in node.depends_on or ()]
    for source, target in needs:
        if (source, target) not in taken:
            _take(taken, source, target, None)
    _route_errors(workflow, registry, taken)
    return taken


def _bypass_disabled(workflow: WorkflowDefinition, taken: Taken) -> None:
    for node in workflow.nodes:
        if node.disabled:
            _bypass(node.id, taken)


def _bypass(name: str, taken: Taken) -> None:
    """Remove a node: its incoming edges go straight to the nodes after it, on their branches."""
    before = {source: branches for (source, target), branches in taken.items() if target == name}
    after = [target for source, target in taken if source == name]
    for key in [key for key in taken if name in key]:
        del taken[key]
    for source, branches in before.items():
        for target in after:
            for branch in [None] if branches is None else sorted(branches):
                _take(taken, source, target, branch)


def _route_errors(workflow: WorkflowDefinition, registry: Registry, taken: Taken) -> None:
    """Add the edges for failures; the other edges of those nodes are for success only."""
    for node in workflow.nodes:
        if node.error_target is None:
            continue
        succeeded = all_branches(node, registry) - {ERROR}
        for (source, target), branches in list(taken.items()):
            if source == node.id and branches is None:
                taken[source, target] = set(succeeded)
        _take(taken, node.id, node.error_target, ERROR)


def _take(taken: Taken, source: str, target: str, branch: str | None) -> None:
    known = taken.setdefault((source, target), set())
    if branch is None or known is None:
        taken[source, target] = None
    else:
        known.add(branch)


def _entries(
    workflow: WorkflowDefinition, edges: Iterable[Edge], registry: Registry
) -> tuple[str, ...]:
    """Return where a run starts: at entry nodes, or else at all nodes without incoming edges."""
    targets = {edge.target for edge in edges}
    roots = [node for node in workflow.nodes if node.id not in targets and not node.disabled]
    starts = {node.id for node in workflow.nodes if _is_start(node, registry)}
    return tuple(
        node.id for node in roots if not starts or node.id in starts or node.depends_on == ()
    )


def _is_start(node: NodeDefinition, registry: Registry) -> bool:
    node_type = registry.get(node.type)
    return node_type is not None and node_type.is_entry


def reachable_from(
    names: Iterable[str], outgoing: Mapping[str, tuple[Edge, ...]]
) -> frozenset[str]:
    """Return these nodes and all that can be reached from them."""
    seen = set(names)
    todo = list(seen)
    while todo:
        for edge in outgoing[todo.pop()]:
            if edge.target not in seen:
                seen.add(edge.target)
                todo.append(edge.target)
    return frozenset(seen)
