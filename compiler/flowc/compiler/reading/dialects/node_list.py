"""A bare list of nodes: samples, each to be checked and run by itself."""

from typing import Any

from pydantic import RootModel

from flowc.compiler.definition import Nodes, WorkflowDefinition
from flowc.compiler.diagnostics import Pointer


class NodeList(RootModel[Nodes]):
    """Nodes without a workflow round them."""


FORM = NodeList


def recognises(data: Any) -> bool:
    """Say whether this is a list."""
    return isinstance(data, list)


def read(form: NodeList, at: Pointer) -> WorkflowDefinition:
    """Read the list; where branches lead is not asked of a node that stands alone."""
    for index, node in enumerate(form.root):
        node._at = (*at, index)
    definition = WorkflowDefinition(nodes=form.root)
    definition._samples = True
    return definition
