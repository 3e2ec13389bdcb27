"""A bare list of nodes: samples, each to be checked and run by itself."""

from typing import Any

from pydantic import RootModel

from flowc.compiler.definition import Nodes, WorkflowDefinition


class NodeList(RootModel[Nodes]):
    """Nodes without a workflow round them."""


FORM = NodeList


def recognises(data: Any) -> bool:
    """Say whether this is a list."""
    return isinstance(data, list)


def read(data: Any) -> WorkflowDefinition:
    """Read the list; where branches lead is not asked of a node that stands alone."""
    nodes = NodeList.model_validate(data).root
    for index, node in enumerate(nodes):
        node._at = (index,)
    definition = WorkflowDefinition(nodes=nodes)
    definition._samples = True
    return definition
