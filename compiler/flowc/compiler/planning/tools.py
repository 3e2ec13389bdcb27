"""What may a model call of an agent's tools, and with which arguments?"""

from collections.abc import Iterator

from flowc.compiler.analysis.configuration import Configuration
from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.inference import fields_of, properties_for
from flowc.compiler.analysis.references import uses_in
from flowc.compiler.definition import ToolDefinition
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Tool

ARGUMENTS = "arguments"


def tools_in(draft: Draft) -> tuple[Tool, ...]:
    """Return the tools that a body has; none, if it is a body of other nodes."""
    nodes = [node for node in draft.nodes.values() if isinstance(node, ToolDefinition)]
    return tuple(_tool(draft, node) for node in nodes if not node.disabled)


def _tool(draft: Draft, node: ToolDefinition) -> Tool:
    kind, used = draft.types[node.id], draft.inside(node.id)
    said = node.description or node.name
    if not said and used is not None and kind.is_isolated:
        said = used.workflow.description or used.workflow.name
    said = said or kind.tool_description(node.config)
    is_toolbox = kind.is_toolbox(node.config)
    return Tool(node.id, said or "", parameters_of(draft, node), node.approval, is_toolbox)


def parameters_of(draft: Draft, node: ToolDefinition) -> Schema:
    """Return the JSON Schema of a tool's arguments.

    It is what the author wrote; or what the node tells of itself, such as a function's parameters
    or a workflow's input; or what the tool reads of its arguments.
    """
    if node.parameters is not None:
        return node.parameters
    kind, inner = draft.types[node.id], draft.inside(node.id)
    own = kind.tool_parameters(node.config)
    if own is None and inner is not None and kind.is_isolated and _takes_all(draft, node.id):
        own = inner.workflow.input
    return own if own is not None else _as_read(draft, node.id)


def _takes_all(draft: Draft, name: str) -> bool:
    """Say whether a tool hands all its arguments on as they are."""
    return any(use.reference.path == (ARGUMENTS,) for use in uses_in(draft.configurations[name]))


def _as_read(draft: Draft, name: str) -> Schema:
    uses = [use for found in _within(draft, name) for use in uses_in(found)]
    fields = fields_of(u.reference for u in uses if u.reference.path[0] == ARGUMENTS)
    needed = [str(path[0]) for path, read in fields.items() if not all(r.optional for r in read)]
    return {
        "type": "object",
        "properties": properties_for(fields),
        "required": list(dict.fromkeys(needed)),
    }


def _within(draft: Draft, name: str) -> Iterator[Configuration]:
    """Yield the configurations that see a tool's arguments: its own, and those in its body."""
    yield draft.configurations[name]
    inner = draft.bodies.get(name)
    if inner is not None and inner.outer is not None and not draft.types[name].body_is_tools:
        for other in inner.nodes:
            yield from _within(inner, other)
