"""A bare list of nodes: samples, each checked and run on its own."""

from typing import Any

from pydantic import RootModel

from flowc.compiler.definition import Nodes, WorkflowDefinition
from flowc.compiler.diagnostics import Pointer


class NodeList(RootModel[Nodes]):
    """Nodes without a workflow around them."""


FORM = NodeList


def recognises(data: Any) -> bool:
    """Return whether this is a list."""
    return isinstance(data, list)


def read(form: NodeList, at: Pointer) -> WorkflowDefinition:
    """Return the nodes as samples: branches of a sample need no targets."""
    for index, node in enumerate(form.root):
        node._at = (*at, index)
    definition = WorkflowDefinition(nodes=form.root)
    definition._samples = True
    return definition
