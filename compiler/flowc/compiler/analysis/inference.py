"""Infers the outputs that readers expect of a node whose type and configuration promise none."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from flowc.compiler.analysis.configuration import Configuration, configure
from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.references import node_path, uses_in
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.diagnostics import Problem
from flowc.compiler.expressions import Reference

Path = tuple[str | int, ...]
Fields = dict[Path, list[Reference]]


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


def _completions(scope: Scope) -> Iterator[tuple[Scope, NodeDefinition, Fields]]:
    """Yield the completed nodes of a scope and its bodies, with the fields that were inferred."""
    for part in scope.walk():
        for name, fields in _expected_fields(part).items():
            node = part.nodes[name]
            config = part.types[name].with_inferred(node.config, properties_for(fields))
            if config is not None:
                yield part, node.model_copy(update={"config": config}), fields


def _report(node: NodeDefinition, fields: Fields) -> Problem:
    words = ", ".join(f"{path[0]} ({_type_of(uses)})" for path, uses in fields.items())
    message = f"{node.id!r} has no output schema; inferred from its readers: {words}."
    return Problem("inferred-output", message, node.at, severity="info")


def _expected_fields(scope: Scope) -> Mapping[str, Fields]:
    """Return for each node the paths in its output that are read but that it does not promise."""
    expected: dict[str, Fields] = {}
    for name, path, reference in _reads_of_outputs(scope):
        known = scope.describe_output(name) or {}
        if path[0] not in known.get("properties", {}):
            expected.setdefault(name, {}).setdefault(path, []).append(reference)
    return expected


def _reads_of_outputs(scope: Scope) -> Iterator[tuple[str, Path, Reference]]:
    """Yield what a scope's nodes, those in its bodies, and its container read of its nodes."""
    readers = [found for part in scope.walk() for found in part.configurations.values()]
    if scope.outer is not None:
        readers.append(scope.outer.configurations[scope.container])
    for configuration in readers:
        for use in uses_in(configuration):
            found = node_path(use.reference.path, scope.nodes)
            if found is None or found[0] not in scope.types:
                continue
            name, path = found
            if path[:1] == ("output",) and len(path) > 1 and isinstance(path[1], str):
                yield name, path[1:], use.reference


def fields_of(references: Iterable[Reference]) -> Fields:
    """Return references to fields of one name by the paths within it."""
    fields: Fields = {}
    for reference in references:
        if len(reference.path) > 1 and isinstance(reference.path[1], str):
            fields.setdefault(reference.path[1:], []).append(reference)
    return fields


def properties_for(fields: Fields) -> dict[str, Schema]:
    """Return schemas for paths: `a.b` makes `a` an object, `a[0]` makes it a list."""
    properties: dict[str, Schema] = {}
    heads = dict.fromkeys(path[0] for path in fields)
    for head in heads:
        below = {path[1:]: uses for path, uses in fields.items() if path[0] == head}
        properties[str(head)] = _schema(below)
    return properties


def _schema(below: Mapping[Path, list[Reference]]) -> Schema:
    deeper = {path: uses for path, uses in below.items() if path}
    if not deeper:
        return _leaf(below[()])
    if all(isinstance(path[0], int) for path in deeper):
        return {"type": "array", "items": _schema({p[1:]: uses for p, uses in deeper.items()})}
    named = {path: uses for path, uses in deeper.items() if isinstance(path[0], str)}
    properties = properties_for(named)
    return {"type": "object", "properties": properties, "required": list(properties)}


def _leaf(uses: list[Reference]) -> Schema:
    schema: Schema = {"type": _type_of(uses)}
    literals = [value for use in uses for value in use.literals if value is not None]
    if schema["type"] == "string" and literals:
        schema["examples"] = list(dict.fromkeys(literals))
    return schema


def _type_of(uses: list[Reference]) -> str:
    found = {use.used_as for use in uses if use.used_as}
    return found.pop() if len(found) == 1 else "string"
