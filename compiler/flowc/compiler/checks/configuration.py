"""Checks that the configuration of each node fits its type."""

from collections.abc import Iterator

from flowc.compiler.analysis.graph import all_branches
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.diagnostics import Problem
from flowc.compiler.node import Node


def check_configuration(scope: Scope) -> Iterator[Problem]:
    """Yield the problems that the node types find in their configurations."""
    yield from scope.problems
    for configuration in scope.configurations.values():
        yield from configuration.problems
    for name, kind in scope.types.items():
        yield from _check_options(scope.nodes[name], kind, scope)


def _check_options(node: NodeDefinition, kind: type[Node], scope: Scope) -> Iterator[Problem]:
    if node.disabled and (kind.is_entry or kind.is_exit or all_branches(node, scope.registry)):
        message = f"{node.id!r} cannot be disabled: a run starts, ends or branches there."
        yield Problem("cannot-disable", message, (*node.at, "disabled"))
    has_body = kind.body_field is not None or bool(kind.parts)
    if node.cache is not None and has_body and not kind.is_isolated:
        message = f"{node.id!r} cannot be cached: what its body reads is only known when it runs."
        hint = "Put `cache` on the nodes in its body."
        yield Problem("cannot-cache", message, (*node.at, "cache"), hint)
