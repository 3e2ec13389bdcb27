"""Checks that every edge joins two existing nodes, on a branch that its source has."""

from collections.abc import Iterator

from flowc.compiler.analysis.graph import ERROR, branch_targets
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import EdgeDefinition, NodeDefinition
from flowc.compiler.diagnostics import Pointer, Problem, did_you_mean, instead, nearest


def check_edges(scope: Scope) -> Iterator[Problem]:
    """Yield the problems of edges, branch targets and dependencies."""
    seen: set[tuple[str, str, str | None]] = set()
    for edge in scope.workflow.edges:
        yield from _check_ends(scope, edge)
        yield from _check_branch(scope, edge)
        key = (edge.source, edge.target, edge.branch)
        if key in seen:
            message = f"The edge from {edge.source!r} to {edge.target!r} appears twice."
            yield Problem("duplicate-edge", message, edge.at, severity="warning")
        seen.add(key)
    for node in scope.workflow.nodes:
        yield from _check_dependencies(scope, node)
        if not scope.workflow.samples:
            yield from _check_targets(scope, node)


def _check_ends(scope: Scope, edge: EdgeDefinition) -> Iterator[Problem]:
    for end in ("source", "target"):
        name = getattr(edge, end)
        if name not in scope.nodes:
            yield _unknown_node(scope, name, f"The edge's {end}", (*edge.at, end))
    target, source = scope.types.get(edge.target), scope.types.get(edge.source)
    if target is not None and target.is_entry and edge.source in scope.nodes:
        message = f"No edge can lead to {edge.target!r}: a run starts there."
        yield Problem("edge-into-start", message, (*edge.at, "target"))
    if source is not None and source.is_exit and edge.target in scope.nodes:
        message = f"No edge can leave {edge.source!r}: a run ends there."
        yield Problem("edge-out-of-end", message, (*edge.at, "source"))


def _check_branch(scope: Scope, edge: EdgeDefinition) -> Iterator[Problem]:
    if edge.source not in scope.types:
        return
    known = set(branch_targets(scope.nodes[edge.source], scope.registry))
    if scope.nodes[edge.source].error_target is not None:
        known |= {ERROR}
    if edge.branch is not None and edge.branch not in known:
        names = sorted(known)
        message = f"{edge.source!r} has no branch {edge.branch[:60]!r}."
        no_branches = "Remove `branch`: the node does not branch."
        hint = did_you_mean(edge.branch, names) if names else no_branches
        at = (*edge.at, "branch")
        fix = instead(at, nearest(edge.branch, names))
        yield Problem("unknown-branch", message, at, hint, replacements=fix)
    if (
        edge.branch is None
        and known - {ERROR}
        and edge.target not in _named_targets(scope, edge.source)
    ):
        message = f"This edge is taken on every branch of {edge.source!r}."
        hint = f"To take it on one branch only, add `branch:` ({', '.join(sorted(known))})."
        yield Problem("edge-without-branch", message, edge.at, hint, "warning")


def _named_targets(scope: Scope, source: str) -> set[str | None]:
    return set(branch_targets(scope.nodes[source], scope.registry).values())


def _check_dependencies(scope: Scope, node: NodeDefinition) -> Iterator[Problem]:
    for index, name in enumerate(node.depends_on or ()):
        at = (*node.at, "depends_on", index)
        if name not in scope.nodes:
            yield _unknown_node(scope, name, f"{node.id!r} depends on a node that", at)
        elif name == node.id:
            yield Problem("self-dependency", f"{node.id!r} cannot depend on itself.", at)
    found = scope.types.get(node.id)
    if found is not None and found.is_entry and node.depends_on:
        message = f"{node.id!r} cannot depend on other nodes: a run starts there."
        yield Problem("edge-into-start", message, (*node.at, "depends_on"))


def _check_targets(scope: Scope, node: NodeDefinition) -> Iterator[Problem]:
    if node.error_target is not None and node.error_target not in scope.nodes:
        at = (*node.at, "on_error", "goto")
        yield _unknown_node(scope, node.error_target, f"`on_error` of {node.id!r}", at)
    found = scope.types.get(node.id)
    for branch, target in branch_targets(node, scope.registry).items():
        if found is not None and target is not None and target not in scope.nodes:
            at = node.config_at(*found.branch_path(branch))
            yield _unknown_node(scope, target, f"The branch {branch!r} of {node.id!r}", at)


def _unknown_node(scope: Scope, name: str, subject: str, at: Pointer) -> Problem:
    verb = "does not exist" if subject.endswith("that") else "leads to a node that does not exist"
    message = f"{subject} {verb}: {name[:60]!r}."
    hint, fix = did_you_mean(name, scope.nodes), instead(at, nearest(name, scope.nodes))
    return Problem("unknown-node", message, at, hint, replacements=fix)
