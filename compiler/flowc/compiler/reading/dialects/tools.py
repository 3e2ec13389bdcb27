"""The tools of an agent: a list of nodes without edges."""

from typing import Annotated

from pydantic import RootModel

from flowc.compiler.definition import FEW, ToolDefinition, WorkflowDefinition
from flowc.compiler.diagnostics import Pointer


class ToolList(RootModel[Annotated[tuple[ToolDefinition, ...], FEW]]):
    """Nodes that a model may call."""


BODY = ToolList


def read(form: ToolList, at: Pointer) -> WorkflowDefinition:
    """Return the tools as nodes, with the path of each recorded."""
    for index, node in enumerate(form.root):
        node._at = (*at, index)
    return WorkflowDefinition(nodes=form.root)
