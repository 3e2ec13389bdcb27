"""Computes a node's configuration, cache key and limits in a run."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from flowc.compiler.diagnostics import Pointer
from flowc.compiler.expressions import Names, reads_secrets
from flowc.compiler.guards import Limit
from flowc.compiler.node import Formula, Node, NodeError
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.failures import misfit
from flowc.compiler.running.names import incoming_data, names_of
from flowc.compiler.running.redaction import MIN_LENGTH
from flowc.compiler.running.run_context import RunContext, View

_LONE_SECRET = re.compile(r"\{\{-?\s*secrets\.\w+\s*-?\}\}")


def secrets_of(node: PlannedNode, run: RunContext) -> dict[str, str]:
    """Return the secrets that this node reads, without those that the run does not have.

    Raises NodeError for one that is too short to be masked.
    """
    found = {name: run.secret(name) for name in node.secrets}
    secrets = {name: value for name, value in found.items() if value is not None}
    for name, value in secrets.items():
        if len(value.strip()) < MIN_LENGTH:
            message = f"The secret {name[:60]!r} has fewer than {MIN_LENGTH} characters."
            hint = "It could not be masked in what is stored and shown; set a longer one."
            raise NodeError("secret-too-short", message, hint=hint)
    return secrets


def made_of_secrets(node: PlannedNode, filled: Mapping[str, Any]) -> set[str]:
    """Return the texts that expressions of a node's configuration made of secrets, to mask them.

    Secrets that stand for themselves are masked in any case. A word that the author wrote is none.
    """
    found: set[str] = set()
    for slot in node.configuration.slots:
        if "secrets" in _LONE_SECRET.sub("", slot.source) and reads_secrets(slot.expression):
            words = [word for text in _texts_in(_at(filled, slot.path)) for word in text.split()]
            found |= {word for word in words if word not in slot.source}
    return found


def _at(value: Any, path: Pointer) -> Any:
    for step in path:
        value = value[step]
    return value


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts_in(item)


def filled_in(node: PlannedNode, view: View, names: Names) -> Mapping[str, Any]:
    """Return the node's configuration with every value computed; raise ExpressionError."""
    return node.configuration.filled(names, incoming_data(node.data_from, view))


def names_for(node: PlannedNode, view: View, run: RunContext, secrets: Mapping[str, str]) -> Names:
    """Return the names that a node's expressions can read."""
    about_run = {"id": run.run_id, "workflow": run.workflow_id}
    return names_of(view, node.reads, about_run, secrets)


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
