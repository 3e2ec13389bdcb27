"""The tools that a model may call in an agent's body, and the arguments of each."""

from collections.abc import Iterator

from flowc.compiler.analysis.configuration import Configuration
from flowc.compiler.analysis.read_shapes import fields_of, properties_for
from flowc.compiler.analysis.references import uses_in
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import ToolDefinition
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Tool

ARGUMENTS = "arguments"


def tools_in(scope: Scope) -> tuple[Tool, ...]:
    """Return the tools in a body; none if it is a body of other nodes."""
    nodes = [node for node in scope.nodes.values() if isinstance(node, ToolDefinition)]
    return tuple(_tool(scope, node) for node in nodes if not node.disabled)


def _tool(scope: Scope, node: ToolDefinition) -> Tool:
    kind, used = scope.types[node.id], scope.inside(node.id)
    description = node.description or node.name
    if not description and used is not None and kind.is_isolated:
        description = used.workflow.description or used.workflow.name
    description = description or kind.tool_description(node.config) or ""
    is_toolbox = kind.is_toolbox(node.config)
    return Tool(node.id, description, parameters_of(scope, node), node.approval, is_toolbox)


def parameters_of(scope: Scope, node: ToolDefinition) -> Schema:
    """Return the JSON Schema of a tool's arguments.

    The author's own if there is one; else what the node declares, such as a function's parameters
    or a workflow's input; else what the tool reads of its arguments.
    """
    if node.parameters is not None:
        return node.parameters
    kind, inner = scope.types[node.id], scope.inside(node.id)
    own = kind.tool_parameters(node.config)
    if own is None and inner is not None and kind.is_isolated and _takes_all(scope, node.id):
        own = inner.workflow.input
    return own if own is not None else _as_read(scope, node.id)


def _takes_all(scope: Scope, name: str) -> bool:
    """Return whether a tool passes on all its arguments as they are."""
    return any(use.reference.path == (ARGUMENTS,) for use in uses_in(scope.configurations[name]))


def _as_read(scope: Scope, name: str) -> Schema:
    uses = [use for found in _within(scope, name) for use in uses_in(found)]
    fields = fields_of(u.reference for u in uses if u.reference.path[0] == ARGUMENTS)
    needed = [str(path[0]) for path, read in fields.items() if not all(r.optional for r in read)]
    return {
        "type": "object",
        "properties": properties_for(fields),
        "required": list(dict.fromkeys(needed)),
    }


def _within(scope: Scope, name: str) -> Iterator[Configuration]:
    """Yield the configurations that can read a tool's arguments: its own, and those in its body."""
    yield scope.configurations[name]
    inner = scope.bodies.get(name)
    if inner is not None and inner.outer is not None and not scope.types[name].body_is_tools:
        for other in inner.nodes:
            yield from _within(inner, other)
