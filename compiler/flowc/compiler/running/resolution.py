"""Computes a node's configuration, cache key and limits in a run."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from flowc.compiler.definition.environment_values import values_of
from flowc.compiler.expressions import Names
from flowc.compiler.guards import Limit
from flowc.compiler.node import Formula, Node
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.failures import misfit
from flowc.compiler.running.names import incoming_data, names_of
from flowc.compiler.running.run_context import RunContext, View


def filled_in(node: PlannedNode, view: View, names: Names) -> Mapping[str, Any]:
    """Return the node's configuration with every value computed; raise ExpressionError."""
    merges, is_of_first = node.configuration.merges, node.wire.quorum == 1
    incoming = incoming_data(node.data_from, view, merges=merges, is_of_first=is_of_first)
    return node.configuration.filled(names, incoming)


def names_for(node: PlannedNode, view: View, run: RunContext, secrets: Mapping[str, str]) -> Names:
    """Return the names that a node's expressions can read."""
    about_run = {"id": run.run_id, "workflow": run.workflow_id}
    env = values_of(node.env, run.env) if node.env else {}
    return names_of(view, node.reads, about_run, secrets, env)


def validated(node: PlannedNode, filled: Mapping[str, Any]) -> Node:
    """Return the node with its values; raise NodeError if they do not fit its type."""
    try:
        return node.node_type.model_validate(filled)
    except ValidationError as problem:
        raise misfit(problem, filled) from None


def cache_key(node: PlannedNode, filled: Mapping[str, Any], run: RunContext) -> str:
    """Return a key of everything the output depends on: tenant, definition, node and values."""

    def formula(value: Any) -> Any:
        assert isinstance(value, Formula)  # all else in a configuration is plain JSON
        roots = {str(reference.path[0]) for reference in value.expression.references}
        return [value.expression.source, {root: value.names.get(root) for root in roots}]

    work = [run.tenant, node.meaning, node.at, filled]
    return hashlib.sha256(json.dumps(work, sort_keys=True, default=formula).encode()).hexdigest()


def limits_of(node: PlannedNode, names: Names, run: RunContext) -> list[Limit]:
    """Return the limits that a node is under, the widest last.

    A node with a body holds only its own concurrency key; the nodes in the body take the places.
    """
    found: list[Limit] = []
    concurrency, key = node.definition.concurrency, node.configuration.key
    if concurrency is not None and key is not None:
        value = json.dumps(key.expression.evaluate(names), sort_keys=True)
        found.append(Limit(f"key {run.tenant} {value}", concurrency.max_parallel))
    if node.body is None:
        found += [Limit(f"{run.run_id} {limit.name}", limit.most) for limit in node.limits]
        by_type = run.guards.limits.by_type
        words = (node.node_type.type, *node.node_type.also)
        found += [Limit(f"type {word}", by_type[word]) for word in words if word in by_type]
    return found
