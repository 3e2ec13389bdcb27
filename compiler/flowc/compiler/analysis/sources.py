"""Finds the schema of what a path reads: that of the input, or of a node's output."""

import re
from dataclasses import dataclass

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.references import node_path
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition.schema_paths import schema_at
from flowc.compiler.definition.short_schemas import Schema

_LONE = re.compile(r"\{\{\s*[\w.\[\]'\"-]+\s*\}\}")


def is_lone_path(text: str) -> bool:
    """Return whether a text only reads a path.

    >>> is_lone_path("{{input.names[0]}}"), is_lone_path("{{input.n + 1}}")
    (True, False)
    """
    return _LONE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class SchemaSource:
    """A schema, the path within it that is read, and whose schema it is for messages."""

    schema: Schema
    path: tuple[str | int, ...]
    owner: str


def source_of(flow: Flow, reader: str, path: tuple[str | int, ...]) -> SchemaSource | None:
    """Return what a path reads for a node of a flow; None if its schema is not known."""
    root, *rest = path
    found = node_path(path, flow.scope.nodes)
    if found is None:
        # check_references reports inputs that are not declared.
        known = flow.scope.whole.workflow.input if root == "input" and rest else None
        if known is None or not isinstance(schema_at(known, rest[:1]), dict):
            return None
        return SchemaSource(known, tuple(rest), "the input")
    name, within = found
    holder = _holder(flow, reader, name)
    if holder is None or within[:1] != ("output",) or not _is_known(holder, name):
        return None
    schema = holder.describe_output(name)
    return SchemaSource(schema, within[1:], repr(name)) if schema is not None else None


def _holder(flow: Flow, reader: str, name: str) -> Scope | None:
    """Return the scope that a node is in: the reader's body, this one, or one around it."""
    body = flow.scope.bodies.get(reader)
    if body is not None and name in body.nodes:
        return body
    if name in flow.scope.nodes:
        return flow.scope
    found = flow.holder_of(name)
    return found[0].scope if found is not None else None


def _is_known(scope: Scope, name: str) -> bool:
    """Return whether a node always outputs what its type and configuration promise."""
    node, kind = scope.nodes[name], scope.types.get(name)
    if kind is None or (node.on_error != "fail" and node.error_target is None):
        return False
    return kind.with_inferred(node.config, {}) is None
