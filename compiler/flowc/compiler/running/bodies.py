"""What a body can read, its output, and how many nodes it may run."""

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from typing import Any, cast

from flowc.compiler.definition.start_forms import with_defaults
from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.running.lasting import begun_variables
from flowc.compiler.running.run_context import NodeFailed, RunContext, View


def output_of(body: Plan, outputs: Mapping[str, Any], only: str | None) -> Any:
    """Return the output of a body; for a tool (`only`), what the model sees of its output."""
    output = body.result(outputs)
    if only is None or "error" in outputs:
        return output
    return body.nodes[only].node_type.shown_to_model(output)


async def inner_view(
    node: PlannedNode,
    view: View,
    run: RunContext,
    names: Mapping[str, Any],
    variables: Mapping[str, Any],
) -> View:
    """Return what a body can read: the same as its node, or only its input."""
    if node.node_type.is_isolated and node.body is not None:
        given = with_defaults(names["input"], node.body.workflow.input)
        begun = await begun_variables(node.body, run, _stored_id(node))
        return View(given, {}, begun, task=view.task)
    seen = {**view.variables, **variables} if variables else view.variables
    outputs = view.outputs
    # Beside the outputs is where the last failure is found, and the nearest one is meant.
    if "error" in names:
        outputs = ChainMap({"error": names["error"]}, _only_read(outputs))
        names = {name: value for name, value in names.items() if name != "error"}
    return View(view.input, outputs, seen, {**view.names, **names}, task=view.task)


def _stored_id(node: PlannedNode) -> str | None:
    """Return the id of the stored workflow that a node runs, or is in."""
    stored = node.node_type.stored_workflow(node.definition.config)
    return stored[0] if stored is not None else node.stored_in


def scope_in(
    view: View,
    outputs: MutableMapping[str, Any],
    written: MutableMapping[str, Any],
    path: str,
    edges: Mapping[str, Any],
) -> View:
    """Return what nodes in a body read: also what is around it; what they write stays inside."""
    seen = ChainMap(outputs, _only_read(view.outputs))
    variables = ChainMap(written, _only_read(view.variables))
    return View(view.input, seen, variables, view.names, path, view.task, edges)


def _only_read(mapping: Mapping[str, Any]) -> MutableMapping[str, Any]:
    """Cast a mapping for ChainMap, whose type wants mutable ones but which writes to the first."""
    return cast(MutableMapping[str, Any], mapping)


def too_many_steps(node: PlannedNode, limit: int) -> NodeFailed:
    """Return the failure of a region that would run more nodes than it may."""
    message = f"The run exceeded its limit of {limit:,} steps."
    return NodeFailed("too-many-steps", message, node.id, 0, node.definition.at)
