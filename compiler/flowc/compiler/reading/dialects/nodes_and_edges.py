"""The native form: `nodes`, and `edges` between them."""

from typing import Any

from flowc.compiler.definition import BodyDefinition, WorkflowDefinition
from flowc.compiler.diagnostics import Pointer

FORM, BODY = WorkflowDefinition, BodyDefinition


def recognises(data: Any) -> bool:
    """Return whether this is the native form."""
    return isinstance(data, dict) and "nodes" in data


def read(form: WorkflowDefinition | BodyDefinition, at: Pointer) -> WorkflowDefinition:
    """Return the workflow, with the path of each part recorded."""
    if isinstance(form, BodyDefinition):
        form = WorkflowDefinition.model_construct(nodes=form.nodes, edges=form.edges)
    form.place_parts(at)
    return form
