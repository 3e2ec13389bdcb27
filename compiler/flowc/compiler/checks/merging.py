"""Checks that no field is lost where the outputs of several steps become one object."""

from collections.abc import Iterator
from itertools import combinations

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.run_conditions import can_both_hold
from flowc.compiler.definition.schema_paths import names_in
from flowc.compiler.diagnostics import Problem


def check_merging(flow: Flow) -> Iterator[Problem]:
    """Yield, for each node that merges data, a field that two of its sources surely have."""
    known: dict[str, frozenset[str]] = {}
    for name in flow.graph.order:
        sources = flow.data_sources(name)
        configuration = flow.scope.configurations[name]
        given = [known.get(source, frozenset[str]()) for source in sources]
        is_merged = configuration.merges or len(sources) == 1
        incoming = frozenset[str]().union(*given) if is_merged else frozenset(sources)
        known[name] = _fields(flow, name, incoming)
        if configuration.merges:
            yield from _collision(flow, name, sources, known)


def _fields(flow: Flow, name: str, incoming: frozenset[str]) -> frozenset[str]:
    """Return names of fields that a node's output surely has."""
    node, kind = flow.scope.nodes[name], flow.scope.types[name]
    if node.on_error == "continue":
        return frozenset()
    if flow.scope.inside(name) is not None and kind.is_isolated:
        return frozenset(names_in(flow.scope.describe_output(name)))
    declared = names_in(flow.scope.whole.workflow.input) if kind.is_entry else ()
    return kind.output_fields(node.config, incoming).union(declared)


def _collision(
    flow: Flow, name: str, sources: tuple[str, ...], known: dict[str, frozenset[str]]
) -> Iterator[Problem]:
    for first, second in combinations(sources, 2):
        both = sorted(known.get(first, frozenset()) & known.get(second, frozenset()))
        if both and can_both_hold(flow.conditions.get(first), flow.conditions.get(second)):
            message = (
                f"{first!r} and {second!r} both output {both[0]!r}; {name!r} gets that of"
                f" {second!r}."
            )
            hint = "With `merge: keyed`, it gets each output under the id of its step."
            at = flow.scope.nodes[name].at
            yield Problem("fields-collide", message, at, hint, "warning")
            return
