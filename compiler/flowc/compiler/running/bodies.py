"""What a body can read, its output, and how many nodes it may run."""

from collections.abc import Mapping, MutableMapping
from typing import Any, cast

from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.running.run_context import NodeFailed, View


def output_of(body: Plan, outputs: Mapping[str, Any], only: str | None) -> Any:
    """Return the output of a body; for a tool (`only`), what the model sees of its output."""
    output = body.result(outputs)
    if only is None or "error" in outputs:
        return output
    return body.nodes[only].node_type.shown_to_model(output)


def inner_view(
    node: PlannedNode, view: View, names: Mapping[str, Any], variables: Mapping[str, Any]
) -> View:
    """Return what a body can read: the same as its node, or only its input."""
    if node.node_type.is_isolated and node.body is not None:
        return View(names["input"], {}, node.body.workflow.variables, task=view.task)
    seen = {**view.variables, **variables} if variables else view.variables
    return View(view.input, view.outputs, seen, {**view.names, **names}, task=view.task)


def only_read(mapping: Mapping[str, Any]) -> MutableMapping[str, Any]:
    """Cast a mapping for ChainMap, whose type wants mutable ones but which writes to the first."""
    return cast(MutableMapping[str, Any], mapping)


def too_many_steps(node: PlannedNode, limit: int) -> NodeFailed:
    """Return the failure of a region that would run more nodes than it may."""
    message = f"The run exceeded its limit of {limit:,} steps."
    return NodeFailed("too-many-steps", message, node.id, 0, node.definition.at)
