"""Lists what a workflow needs of the environment that it runs in, as far as it is written down."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from flowc.compiler.analysis.references import Use, uses_in
from flowc.compiler.analysis.run_conditions import ALWAYS
from flowc.compiler.diagnostics import Pointer
from flowc.compiler.node import PER_ITEM, Need
from flowc.compiler.planning.plan import Plan, PlannedNode

# What other nodes can create.
_MADE_BY_NODES = frozenset({"file", "files", "collection"})


@dataclass(frozen=True)
class PlacedNeed:
    """One need of a node, and its place in the definition.

    Without what `is_sure`, every run of the workflow fails, as far as that is known before it. In
    a stored workflow that a node runs, `within` is its id, and the place is that of the node.
    """

    need: Need
    at: Pointer
    is_sure: bool
    within: str | None = None


@dataclass(frozen=True)
class _Surroundings:
    """What is known of a body from the nodes around it.

    It surely runs and fails them if `is_sure`; nothing has changed before it if it `is_first`.
    """

    is_sure: bool = True
    is_first: bool = True
    at: Pointer | None = None
    within: str | None = None


def needs_of(plan: Plan) -> Iterator[PlacedNeed]:
    """Yield the needs of all nodes, those in bodies included, in the order of the nodes."""
    yield from _needs(plan, _Surroundings())


def _needs(plan: Plan, around: _Surroundings) -> Iterator[PlacedNeed]:
    first = _before_changes(plan)
    for name in plan.wiring.order:
        node = plan.nodes[name]
        here = replace(
            around,
            is_sure=around.is_sure and _decides(plan, node),
            is_first=around.is_first and name in first,
        )
        for need, at in _of_node(node):
            is_there = need.kind not in _MADE_BY_NODES or here.is_first
            is_sure = here.is_sure and need.is_sure and is_there
            yield PlacedNeed(need, at if here.at is None else here.at, is_sure, here.within)
        if node.body is not None:
            yield from _needs(node.body, _in_body(node, here))


def _decides(plan: Plan, node: PlannedNode) -> bool:
    """Return whether every run gets to a node, and fails with it."""
    options = node.definition
    is_always = plan.conditions.get(node.id) == ALWAYS
    return is_always and options.on_error == "fail" and options.cache is None


def _in_body(node: PlannedNode, here: _Surroundings) -> _Surroundings:
    kind, config = node.node_type, node.definition.config
    is_sure = here.is_sure and node.body_runs[0] > 0 and kind.fails_with_body(config)
    stored = kind.stored_workflow(config) if node.runs_stored else None
    if stored is None or here.at is not None:
        return replace(here, is_sure=is_sure)
    return replace(here, is_sure=is_sure, at=node.definition.at, within=stored[0])


def _of_node(node: PlannedNode) -> Iterator[tuple[Need, Pointer]]:
    if node.node_type.extra is not None:
        yield Need("extra", node.node_type.extra), (*node.definition.at, "type")
    for need in node.effects.needs:
        if need.is_known:
            yield need, node.definition.config_at(*need.path)
    yield from _unset(node)
    found = [use for use in uses_in(node.configuration) if _is_secret(use)]
    handled = {use.reference.path[1] for use in found if use.reference.optional}
    for use in found:
        name = use.reference.path[1]
        if name not in handled:
            yield Need("secret", str(name), is_sure=_is_plain(use)), use.slot.at


def _unset(node: PlannedNode) -> Iterator[tuple[Need, Pointer]]:
    """Yield the environment values that a node reads and that have no default."""
    for use in uses_in(node.configuration):
        root, *rest = use.reference.path
        name = str(rest[0]) if root == "env" and rest else ""
        value = node.env.get(name)
        if value is not None and value.default is None and not use.reference.optional:
            yield Need("env", name, is_sure=_is_plain(use)), use.slot.at


def _is_secret(use: Use) -> bool:
    path = use.reference.path
    return path[0] == "secrets" and len(path) > 1


def _is_plain(use: Use) -> bool:
    """Return whether the secret is read whatever the values of a run are: by `{{secrets.name}}`."""
    source = use.slot.source
    is_plain = "{%" not in source and f"{{{{{use.text}}}}}" in source.replace(" ", "")
    return is_plain and use.slot.role not in PER_ITEM


def _before_changes(plan: Plan) -> frozenset[str]:
    """Return the nodes that come before all others that can change what is outside.

    Each of those others has a bit, and a node gets the bits of all that are behind it:

        read -> ask -> post       post: 1 (itself), ask: 1, read: 1, so all three are
        read -> [post, put]       post: 1, put: 2, read: 3, so only `read` is
    """
    changing = _numbered(plan)
    behind: dict[str, int] = {}
    for name in reversed(plan.wiring.order):
        behind[name] = changing.get(name, 0)
        for edge in plan.wiring.wires[name].outgoing:
            behind[name] |= behind.get(edge.target, 0)
    everything = (1 << len(changing)) - 1
    return frozenset(name for name, bits in behind.items() if bits == everything)


def _numbered(plan: Plan) -> Mapping[str, int]:
    found = [name for name in plan.wiring.order if _changes(plan.nodes[name])]
    return {name: 1 << number for number, name in enumerate(found)}


def _changes(node: PlannedNode) -> bool:
    if node.may_wait:
        return True
    return not (node.is_repeatable or (node.effects.reads_only and node.body is None))
