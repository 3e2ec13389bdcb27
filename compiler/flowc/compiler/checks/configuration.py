"""Does each node's configuration fit its type?"""

from collections.abc import Iterator

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.diagnostics import Problem
from flowc.compiler.node import Node


def check_configuration(draft: Draft) -> Iterator[Problem]:
    """Yield what the node types say of their configurations."""
    yield from draft.body_problems
    for configuration in draft.configurations.values():
        yield from configuration.problems
    for name, kind in draft.types.items():
        yield from _check_options(draft.nodes[name], kind, draft)


def _check_options(node: NodeDefinition, kind: type[Node], draft: Draft) -> Iterator[Problem]:
    if node.disabled and (kind.is_entry or kind.is_exit or node.id in draft.branches):
        message = f"{node.id!r} cannot be disabled: where a run begins, ends or branches is needed."
        yield Problem("cannot-disable", message, (*node.at, "disabled"))
    if node.cache is not None and kind.body_field is not None and not kind.is_isolated:
        message = f"{node.id!r} cannot be cached: what its body reads is not known before it runs."
        hint = "Put `cache` on the nodes in its body."
        yield Problem("cannot-cache", message, (*node.at, "cache"), hint)
