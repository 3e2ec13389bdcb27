"""Works out when each node runs, in terms of the branches that were chosen before it.

A condition is a set of terms, and holds when one of them holds. A term is a set of choices (node,
branch) that are made together. Take a diamond: `route` chooses `true` for `a` or `false` for `b`,
and both lead to `join`.

    route    {{}}                                       always: the empty term asks for no choice
    a        {{(route, true)}}
    b        {{(route, false)}}
    join     {{(route, true)}, {(route, false)}}        either edge is enough (`join: any`)
           = {{}}                                       no branch of `route` is left out: always

With `join: all`, the terms of both edges are combined; a term with two branches of one node
contradicts itself and is dropped, so `join` gets {}: it never runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from flowc.compiler.analysis.graph import Edge, Graph
from flowc.compiler.definition import NodeDefinition

Choice = tuple[str, str]
Term = frozenset[Choice]
RunCondition = frozenset[Term]

ALWAYS: RunCondition = frozenset({frozenset()})
NEVER: RunCondition = frozenset()
MAX_TERMS = 48


def run_conditions(
    graph: Graph, branches: Mapping[str, frozenset[str]]
) -> Mapping[str, RunCondition | None]:
    """Return for each reachable node when it runs; None where the condition would be too long.

    Every edge settles, so a node with several live edges waits for all of them: its condition is
    the disjunction of its incoming edges' conditions (`join: any`) or their conjunction
    (`join: all`). With {at_least: 2}, it is that of every two of them together.
    """
    conditions: dict[str, RunCondition | None] = dict.fromkeys(graph.entries, ALWAYS)
    for name in graph.order:
        if name in conditions:
            continue
        edges = [e for e in graph.forward_incoming[name] if e.source in conditions]
        live = [taken(conditions[edge.source], edge) for edge in edges]
        conditions[name] = _joined(graph.nodes[name], live, branches)
    return conditions


def counterexample(
    reader: RunCondition | None, read: RunCondition | None, branches: Mapping[str, frozenset[str]]
) -> Term | None:
    """Return choices under which only the reader runs; None if there are none."""
    if reader is None or read is None:
        return None
    for term in sorted(reader, key=sorted):
        missing = _falsified(_given(read, term), branches)
        if missing is not None:
            return term | missing
    return None


def can_both_hold(one: RunCondition | None, other: RunCondition | None) -> bool:
    """Return whether two conditions are known to hold under the same choices."""
    if one is None or other is None:
        return False
    return any(not _contradicts(a, b) for a in one for b in other)


def taken(condition: RunCondition | None, edge: Edge) -> RunCondition | None:
    """Return when an edge is live, from the condition of its source."""
    if condition is None or edge.branches is None:
        return condition
    return frozenset(
        term | {(edge.source, branch)}
        for term in condition
        for branch in edge.branches
        if not _contradicts(term, {(edge.source, branch)})
    )


def _joined(
    node: NodeDefinition,
    live: Sequence[RunCondition | None],
    branches: Mapping[str, frozenset[str]],
) -> RunCondition | None:
    if node.join == "all":
        return _all(live, branches)
    if node.quorum is None or node.quorum == 1 or len(live) < 2:
        return _any(live, branches)
    # When at least 0, 1, 2, … of the edges looked at until now are live.
    found: list[RunCondition | None] = [ALWAYS, *[NEVER] * node.quorum]
    for condition in live:
        for count in range(node.quorum, 0, -1):
            with_this = _all([found[count - 1], condition], branches)
            found[count] = _any([found[count], with_this], branches)
    return found[-1]


def _any(
    conditions: Iterable[RunCondition | None], branches: Mapping[str, frozenset[str]]
) -> RunCondition | None:
    terms: set[Term] = set()
    for condition in conditions:
        if condition is None:
            return None
        terms |= condition
    return _simplified(terms, branches)


def _all(
    conditions: Iterable[RunCondition | None], branches: Mapping[str, frozenset[str]]
) -> RunCondition | None:
    def both(left: RunCondition | None, right: RunCondition | None) -> RunCondition | None:
        if left is None or right is None or len(left) * len(right) > MAX_TERMS**2:
            return None
        joined = {a | b for a in left for b in right if not _contradicts(a, b)}
        return _simplified(joined, branches)

    always: RunCondition | None = ALWAYS
    return reduce(both, conditions, always)


def _simplified(terms: set[Term], branches: Mapping[str, frozenset[str]]) -> RunCondition | None:
    """Merge terms that differ in one node's choice only and cover all its branches."""
    changed = True
    while changed:
        if len(terms) > MAX_TERMS * 4:
            return None
        changed = False
        for term in sorted(terms, key=lambda term: (-len(term), sorted(term))):
            for node, branch in term:
                rest = term - {(node, branch)}
                family = {rest | {(node, other)} for other in branches[node]}
                if family <= terms:
                    terms = (terms - family) | {rest}
                    changed = True
                    break
            if changed:
                break
    minimal = {term for term in terms if not any(other < term for other in terms)}
    return frozenset(minimal) if len(minimal) <= MAX_TERMS else None


def _contradicts(term: Iterable[Choice], other: Iterable[Choice]) -> bool:
    chosen = dict(term)
    return any(chosen.get(node, branch) != branch for node, branch in other)


def _given(condition: RunCondition, term: Term) -> RunCondition:
    return frozenset(t - term for t in condition if not _contradicts(term, t))


def _falsified(condition: RunCondition, branches: Mapping[str, frozenset[str]]) -> Term | None:
    """Return choices under which the condition does not hold, or None if it always does."""
    if frozenset() in condition:
        return None
    if not condition:
        return frozenset()
    node = min(choice[0] for term in condition for choice in term)
    for branch in sorted(branches[node]):
        chosen = frozenset({(node, branch)})
        rest = _falsified(_given(condition, chosen), branches)
        if rest is not None:
            return rest | chosen
    return None
