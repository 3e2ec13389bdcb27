"""Finds all places of a definition that name a node: edges, targets, and names in expressions."""

from collections.abc import Iterator
from dataclasses import dataclass

from flowc.compiler.analysis.graph import branch_targets
from flowc.compiler.analysis.references import node_path
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.diagnostics import Pointer
from flowc.compiler.expressions import Expression, ExpressionError, compile_template
from flowc.compiler.expressions.occurrences import Occurrence


@dataclass(frozen=True, slots=True)
class NamedNode:
    """A place that has the id of a node as its value, or as its key."""

    at: Pointer
    on_key: bool = False


@dataclass(frozen=True, slots=True)
class ReadNode:
    """A place in the expression at a path that reads a node; `step` is which name is its id."""

    at: Pointer
    source: str
    occurrence: Occurrence
    step: int


def places_naming(scope: Scope, id: str) -> Iterator[NamedNode | ReadNode]:
    """Yield every place that names a node of a scope, also in the bodies from which it is read."""
    yield from _in_structure(scope, id)
    for part in scope.walk():
        for node in part.workflow.nodes:
            yield from _in_expressions(part, node, scope, id)


def holder_of(scope: Scope, reader: str, id: str) -> Scope | None:
    """Return the scope whose node an expression of a node reads by an id, if it is one's."""
    body = scope.bodies.get(reader)
    if body is not None and body.outer is scope and id in body.nodes:
        return body
    around: Scope | None = scope
    while around is not None and id not in around.nodes:
        around = around.outer
    return around


def expressions_of(
    scope: Scope, node: NodeDefinition
) -> Iterator[tuple[Pointer, Expression, frozenset[str]]]:
    """Yield the expressions of a node with their paths, and the names that the node supplies.

    The texts of a node whose type is not known are read as templates.
    """
    known = scope.configurations.get(node.id)
    if known is not None and scope.nodes[node.id].at == node.at:
        for slot in known.uses():
            yield slot.at, slot.expression, slot.own_names
    elif scope.registry.get(node.type) is None:
        key = (node.concurrency.key,) if node.concurrency is not None else ()
        keys = [((*node.at, "concurrency", "key"), text) for text in key]
        for at, text in (*_texts(node.config, node.config_at()), *keys):
            try:
                yield at, compile_template(text), frozenset()
            except ExpressionError:
                continue


def _texts(value: object, at: Pointer) -> Iterator[tuple[Pointer, str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*at, index))


def _in_structure(scope: Scope, id: str) -> Iterator[NamedNode]:
    for node in scope.workflow.nodes:
        if node.id == id:
            yield NamedNode(node.at, on_key=True) if node.is_step else NamedNode((*node.at, "id"))
        yield from _in_options(scope, node, id)
    for edge in scope.workflow.edges:
        for end in ("source", "target"):
            if getattr(edge, end) == id:
                yield NamedNode((*edge.at, end))
    yield from _in_container(scope, id)


def _in_options(scope: Scope, node: NodeDefinition, id: str) -> Iterator[NamedNode]:
    kind = scope.registry.get(node.type)
    for branch, target in branch_targets(node, scope.registry).items():
        if kind is not None and target == id:
            yield NamedNode(node.config_at(*kind.branch_path(branch)))
    for index, source in enumerate(node.depends_on or ()):
        if source == id:
            yield NamedNode((*node.at, "depends_on", index))
    if node.error_target == id:
        yield NamedNode((*node.at, "on_error", "goto"))


def _in_container(scope: Scope, id: str) -> Iterator[NamedNode]:
    """Yield where the node around a body names a node of it."""
    if scope.outer is None:
        return
    container = scope.outer.nodes[scope.container]
    field = scope.outer.types[scope.container].body_choice
    if field is not None and container.config.get(field) == id:
        yield NamedNode(container.config_at(field))


def _in_expressions(part: Scope, node: NodeDefinition, scope: Scope, id: str) -> Iterator[ReadNode]:
    for at, expression, own_names in expressions_of(part, node):
        for each in expression.occurrences():
            found = node_path(each.path, part.nodes)
            is_own = each.path[0] in own_names
            if found is None or is_own or found[0] != id:
                continue
            if holder_of(part, node.id, id) is scope:
                yield ReadNode(at, expression.source, each, int(each.path[0] == "nodes"))
