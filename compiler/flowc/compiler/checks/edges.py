"""Does every edge join two nodes, on a branch that its source really has?"""

from collections.abc import Iterator

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.graph import ERROR, branch_targets
from flowc.compiler.definition import EdgeDefinition, NodeDefinition
from flowc.compiler.diagnostics import Pointer, Problem, did_you_mean


def check_edges(draft: Draft) -> Iterator[Problem]:
    """Yield problems of edges, branch targets and dependencies."""
    seen: set[tuple[str, str, str | None]] = set()
    for edge in draft.workflow.edges:
        yield from _check_ends(draft, edge)
        yield from _check_branch(draft, edge)
        key = (edge.source, edge.target, edge.branch)
        if key in seen:
            message = f"The edge from {edge.source!r} to {edge.target!r} stands here twice."
            yield Problem("duplicate-edge", message, edge.at, severity="warning")
        seen.add(key)
    for node in draft.workflow.nodes:
        yield from _check_dependencies(draft, node)
        if not draft.workflow.samples:
            yield from _check_targets(draft, node)


def _check_ends(draft: Draft, edge: EdgeDefinition) -> Iterator[Problem]:
    for end in ("source", "target"):
        name = getattr(edge, end)
        if name not in draft.nodes:
            yield _unknown_node(draft, name, f"The edge's {end}", (*edge.at, end))
    target, source = draft.types.get(edge.target), draft.types.get(edge.source)
    if target is not None and target.is_entry and edge.source in draft.nodes:
        message = f"Nothing can lead to {edge.target!r}: a run begins there."
        yield Problem("edge-into-start", message, (*edge.at, "target"))
    if source is not None and source.is_exit and edge.target in draft.nodes:
        message = f"Nothing can follow {edge.source!r}: a run ends there."
        yield Problem("edge-out-of-end", message, (*edge.at, "source"))


def _check_branch(draft: Draft, edge: EdgeDefinition) -> Iterator[Problem]:
    if edge.source not in draft.types:
        return
    known = set(branch_targets(draft.nodes[edge.source], draft.registry))
    if draft.nodes[edge.source].error_target is not None:
        known |= {ERROR}
    if edge.branch is not None and edge.branch not in known:
        names = sorted(known)
        message = f"{edge.source!r} has no branch {edge.branch[:60]!r}."
        hint = (
            did_you_mean(edge.branch, names) if names else "Leave `branch` out: it does not branch."
        )
        yield Problem("unknown-branch", message, (*edge.at, "branch"), hint)
    if (
        edge.branch is None
        and known - {ERROR}
        and edge.target not in _named_targets(draft, edge.source)
    ):
        message = f"This edge is taken whichever branch {edge.source!r} chooses."
        hint = f"Add `branch:` with one of {', '.join(sorted(known))} if that is not meant."
        yield Problem("edge-without-branch", message, edge.at, hint, "warning")


def _named_targets(draft: Draft, source: str) -> set[str | None]:
    return set(branch_targets(draft.nodes[source], draft.registry).values())


def _check_dependencies(draft: Draft, node: NodeDefinition) -> Iterator[Problem]:
    for index, name in enumerate(node.depends_on or ()):
        at = (*node.at, "depends_on", index)
        if name not in draft.nodes:
            yield _unknown_node(draft, name, f"{node.id!r} depends on a node that", at)
        elif name == node.id:
            yield Problem("self-dependency", f"{node.id!r} cannot depend on itself.", at)
    found = draft.types.get(node.id)
    if found is not None and found.is_entry and node.depends_on:
        message = f"Nothing can lead to {node.id!r}: a run begins there."
        yield Problem("edge-into-start", message, (*node.at, "depends_on"))


def _check_targets(draft: Draft, node: NodeDefinition) -> Iterator[Problem]:
    if node.error_target is not None and node.error_target not in draft.nodes:
        at = (*node.at, "on_error", "goto")
        yield _unknown_node(draft, node.error_target, f"The way for failures of {node.id!r}", at)
    found = draft.types.get(node.id)
    for branch, target in branch_targets(node, draft.registry).items():
        if found is not None and target is not None and target not in draft.nodes:
            at = node.config_at(*found.branch_path(branch))
            yield _unknown_node(draft, target, f"The branch {branch!r} of {node.id!r}", at)


def _unknown_node(draft: Draft, name: str, subject: str, at: Pointer) -> Problem:
    verb = "does not exist" if subject.endswith("that") else "leads to a node that does not exist"
    message = f"{subject} {verb}: {name[:60]!r}."
    return Problem("unknown-node", message, at, did_you_mean(name, draft.nodes))
