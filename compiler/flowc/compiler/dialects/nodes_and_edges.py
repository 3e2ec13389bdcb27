"""The native form: `nodes`, and `edges` between them."""

from typing import Any

from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.diagnostics import Pointer

FORM = WorkflowDefinition


def recognises(data: Any) -> bool:
    """Say whether this is the native form."""
    return isinstance(data, dict) and "nodes" in data


def read(data: Any) -> WorkflowDefinition:
    """Read the native form, and note where each part stands."""
    definition = WorkflowDefinition.model_validate(data)
    place_parts(definition, ("nodes",), ("edges",))
    return definition


def place_parts(definition: WorkflowDefinition, nodes: Pointer, edges: Pointer) -> None:
    """Note in each part where it was written."""
    for index, node in enumerate(definition.nodes):
        node._at = (*nodes, index)
    for index, edge in enumerate(definition.edges):
        edge._at = (*edges, index)
