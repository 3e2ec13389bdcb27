"""The native form: `nodes`, and `edges` between them."""

from typing import Any

from flowc.compiler.definition import WorkflowDefinition

FORM = WorkflowDefinition


def recognises(data: Any) -> bool:
    """Say whether this is the native form."""
    return isinstance(data, dict) and "nodes" in data


def read(data: Any) -> WorkflowDefinition:
    """Read the native form, and note where each part stands."""
    definition = WorkflowDefinition.model_validate(data)
    definition.place_parts(())
    return definition
