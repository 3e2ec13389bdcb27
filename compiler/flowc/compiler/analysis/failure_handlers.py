"""Reads `on_failure` of a workflow: what runs when a run has failed.

It is a workflow of its own, which reads the input and the variables of the run, and `error`:

    on_failure: {nodes: […], edges: […]}          nodes of its own, in either form
    on_failure: {type: http, config: {…}}         one node
    on_failure: {workflow: alert, input: {…}}     a stored workflow
    on_failure: alert                             the same, with `error`, `input` and `run` as input
"""

from typing import Any

from pydantic import ValidationError

from flowc.compiler.definition import NodeDefinition, WorkflowDefinition
from flowc.compiler.diagnostics import Pointer, Problem
from flowc.compiler.reading.dialects import Misshapen, read_body
from flowc.compiler.reading.model_problems import shape_problems

FIELD = "on_failure"
HANDLER = "handler"
_AT: Pointer = (FIELD,)
_GIVEN = {name: f"{{{{{name}}}}}" for name in ("error", "input", "run")}


def failure_handler(workflow: WorkflowDefinition) -> WorkflowDefinition | None:
    """Return what runs when a run of a workflow fails; raise Misshapen if it cannot be read."""
    raw = workflow.on_failure
    if raw is None:
        return None
    found = _read(raw, workflow)
    handler = WorkflowDefinition.model_construct(
        nodes=found.nodes,
        edges=found.edges,
        input=workflow.input,
        variables=workflow.variables,
        settings=workflow.settings,
        name=f"{workflow.title} on_failure",
    )
    handler._reads_error = True
    return handler


def _read(raw: Any, workflow: WorkflowDefinition) -> WorkflowDefinition:
    if isinstance(raw, str):
        raw = _workflow_of(raw, workflow)
    if "nodes" in raw or "steps" in raw:
        return read_body(raw, _AT)
    if "type" in raw:
        return _of_node({"id": HANDLER, **raw}, raw)
    if "workflow" in raw:
        node = NodeDefinition(id=HANDLER, type="subworkflow", config={"input": _GIVEN, **raw})
        node._at, node._config_key = (), FIELD
        return WorkflowDefinition.model_construct(nodes=(node,), edges=())
    message = "'on_failure' has neither nodes, a node nor a workflow."
    hint = "Write on_failure: {type: http, config: {…}}, {nodes: […]} or {workflow: alert}."
    raise Misshapen([Problem("unknown-form", message, _AT, hint)])


def _workflow_of(id: str, workflow: WorkflowDefinition) -> dict[str, Any]:
    """Return how a stored workflow is named; raise Misshapen for a node of the workflow itself."""
    if any(node.id == id for node in workflow.nodes):
        message = f"{id[:60]!r} is a node of this workflow, and 'on_failure' names a stored one."
        hint = "Move the node there: on_failure: {type: http, config: {…}}."
        raise Misshapen([Problem("invalid-value", message, _AT, hint)])
    return {"workflow": id}


def _of_node(data: dict[str, Any], raw: dict[str, Any]) -> WorkflowDefinition:
    try:
        node = NodeDefinition.model_validate(data)
    except ValidationError as error:
        raise Misshapen(list(shape_problems(error, NodeDefinition, raw, _AT))) from None
    node._at = _AT
    return WorkflowDefinition.model_construct(nodes=(node,), edges=())
