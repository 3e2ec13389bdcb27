"""Infers the outputs that readers expect of a node whose type and configuration promise none."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from flowc.compiler.analysis.configuration import Configuration, configure
from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.item_sources import (
    item_path,
    items_of_formulas,
    reads_items,
    type_of_place,
    variable_paths,
)
from flowc.compiler.analysis.read_shapes import ReadFields, ReadPath, in_short, properties_for
from flowc.compiler.analysis.references import node_path, uses_in
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.diagnostics import Problem
from flowc.compiler.expressions import Reference


@dataclass(frozen=True)
class Inferred:
    """A checked workflow, and its nodes that were completed from what is read of them.

    `problems` tell the author what was inferred.
    """

    flow: Flow
    completed: Mapping[tuple[Scope, str], NodeDefinition]
    problems: tuple[Problem, ...]

    def node(self, scope: Scope, name: str) -> NodeDefinition:
        """Return a node, completed if something was inferred for it."""
        return self.completed.get((scope, name), scope.nodes[name])

    def configuration(self, scope: Scope, name: str) -> Configuration:
        """Return the compiled configuration of a node, completed or as written."""
        node = self.completed.get((scope, name))
        return scope.configurations[name] if node is None else configure(node, scope.types[name])


def infer(flow: Flow) -> Inferred:
    """Complete the configurations of nodes whose outputs are read.

    An `llm` node without an output schema whose `output.category` is read gets one that has a
    `category`; the literals it is compared with become examples in it.
    """
    own = list(_completions(flow.scope))
    stored = [found for scope in _stored_in(flow.scope) for found in _completions(scope)]
    completed = {(scope, node.id): node for scope, node, _ in (*own, *stored)}
    return Inferred(flow, completed, tuple(_report(node, fields) for _, node, fields in own))


def _stored_in(scope: Scope) -> Iterable[Scope]:
    """Return the scopes of the stored workflows that a workflow runs, each once."""
    found: dict[Scope, None] = {}
    todo = [scope]
    while todo:
        uses = [use for part in todo.pop().walk() for use in part.stored.values()]
        new = {use.scope: None for use in uses if use.scope is not None and use.scope not in found}
        found |= new
        todo += new
    return found


def _completions(scope: Scope) -> Iterator[tuple[Scope, NodeDefinition, ReadFields]]:
    """Yield the completed nodes of a scope and its bodies, with the fields that were inferred."""
    for part in scope.walk():
        for name, fields in _expected_fields(part).items():
            node = part.nodes[name]
            config = part.types[name].with_inferred(node.config, properties_for(fields))
            if config is not None:
                yield part, node.model_copy(update={"config": config}), fields


def _report(node: NodeDefinition, fields: ReadFields) -> Problem:
    found = properties_for(fields).items()
    words = ", ".join(f"{name} ({in_short(schema)})" for name, schema in found)
    message = f"{node.id!r} has no output schema; inferred from its readers: {words}."
    return Problem("inferred-output", message, node.at, severity="info")


def _expected_fields(scope: Scope) -> Mapping[str, ReadFields]:
    """Return for each node the paths in its output that are read but that it does not promise."""
    expected: dict[str, ReadFields] = {}
    for name, path, reference in _reads_of_outputs(scope):
        known = scope.describe_output(name) or {}
        if path[0] not in known.get("properties", {}):
            expected.setdefault(name, {}).setdefault(path, []).append(reference)
    return expected


def _reads_of_outputs(scope: Scope) -> Iterator[tuple[str, ReadPath, Reference]]:
    """Yield what a scope's nodes, those in its bodies, and its container read of its nodes."""
    variables = variable_paths(scope)
    for part, reader in _readers(scope):
        item = item_path(part)
        for reference in _references(part, reader):
            path = reference.path
            if path[0] == "item" and item is not None:
                path = (*item, *path[1:])
            if path[0] == "variables":
                path = (*variables.get(path[1:2], path[:2]), *path[2:])
            found = node_path(path, scope.nodes)
            if found is None or found[0] not in scope.types:
                continue
            name, path = found
            if path[:1] == ("output",) and len(path) > 1 and isinstance(path[1], str):
                yield name, path[1:], reference


def _readers(scope: Scope) -> Iterator[tuple[Scope, str]]:
    for part in scope.walk():
        yield from ((part, name) for name in part.configurations)
    if scope.outer is not None:
        yield scope.outer, scope.container


def _references(scope: Scope, name: str) -> Iterator[Reference]:
    """Yield what a node reads, each with the type of what takes its value as it is."""
    configuration = scope.configurations[name]
    for use in uses_in(configuration):
        reference, slot = use.reference, use.slot
        if reference.used_as or reference.path != slot.expression.whole:
            yield reference
        else:
            yield replace(reference, used_as=type_of_place(scope, name, slot.path))
    items = items_of_formulas(configuration)
    for slot in configuration.slots if items is not None else ():
        for reference in slot.expression.references:
            if reference.path[0] == "item" and reads_items(configuration, slot):
                yield replace(reference, path=(*(items or ()), *reference.path[1:]))
