"""What does a node's configuration come to, in this run and at this moment?"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from flowc.compiler.expressions import Names
from flowc.compiler.guards import Limit
from flowc.compiler.node import Formula, Node, NodeError
from flowc.compiler.plan import PlannedNode
from flowc.compiler.run_context import RunContext, View


def names_for(node: PlannedNode, view: View, run: RunContext, secrets: Mapping[str, str]) -> Names:
    """Return what a node's expressions can read: only what they do read of other nodes."""
    nodes = {name: {"output": view.outputs[name]} for name in node.reads if name in view.outputs}
    names: dict[str, Any] = {
        **view.names,
        "nodes": nodes,
        **nodes,
        "input": view.input,
        "variables": dict(view.variables),
        "run": {"id": run.run_id, "workflow": run.workflow_id},
        "secrets": secrets,
    }
    if "error" in view.outputs:
        names["error"] = view.outputs["error"]
    if "input" in nodes:
        names["input"] = {**view.input, **nodes["input"]}
    return names


def secrets_of(node: PlannedNode, run: RunContext) -> dict[str, str]:
    """Return the secrets that this node names, as far as the run has them."""
    found = {name: run.secret(name) for name in node.secrets}
    return {name: value for name, value in found.items() if value is not None}


def incoming_data(node: PlannedNode, view: View) -> Any:
    """Return the data that flows to a node: one node's output, or several by id."""
    sources = node.data_from
    if len(sources) == 1 and sources[0] in view.outputs:
        return view.outputs[sources[0]]
    found = {name: view.outputs[name] for name in sources if name in view.outputs}
    return found if sources else dict(view.input)


def validated(node: PlannedNode, filled: Mapping[str, Any]) -> Node:
    """Return the node with its values; raise NodeError if they do not fit its type."""
    try:
        return node.node_type.model_validate(filled)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"The configuration is wrong once it is filled in: {where}: {first['msg']}."
        raise NodeError("invalid-configuration", message) from None


def cache_key(node: PlannedNode, filled: Mapping[str, Any], run: RunContext) -> str:
    """Return what tells this work from any other: whose, of which definition and node, on what."""

    def formula(value: Any) -> Any:
        assert isinstance(value, Formula)  # all else in a configuration is plain JSON
        roots = {str(reference.path[0]) for reference in value.expression.references}
        return [value.expression.source, {root: value.names.get(root) for root in roots}]

    work = [run.tenant, node.meaning, node.at, filled]
    return hashlib.sha256(json.dumps(work, sort_keys=True, default=formula).encode()).hexdigest()


def limits_of(node: PlannedNode, names: Names, run: RunContext) -> list[Limit]:
    """Return the limits that a node is under, the widest last.

    A node with a body holds its own key alone: its nodes take the other places.
    """
    found: list[Limit] = []
    concurrency, key = node.definition.concurrency, node.configuration.key
    if concurrency is not None and key is not None:
        value = json.dumps(key.expression.evaluate(names), sort_keys=True)
        found.append(Limit(f"key {run.tenant} {value}", concurrency.max_parallel))
    if node.body is None:
        found += [Limit(f"{run.run_id} {limit.name}", limit.most) for limit in node.limits]
        kind = node.node_type.type
        if kind in run.guards.limits.by_type:
            found.append(Limit(f"type {kind}", run.guards.limits.by_type[kind]))
    return found
