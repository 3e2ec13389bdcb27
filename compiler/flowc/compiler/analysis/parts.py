"""Makes the nodes that run the parts of a node, such as `body` and `catch` of a `try`."""

from collections.abc import Iterator
from typing import Any

from flowc.compiler.definition import NodeDefinition, NodeRetry, WorkflowDefinition
from flowc.compiler.node import Node
from flowc.compiler.node.parts import part_id

_ONCE = NodeRetry(max_attempts=1)


def parts_of(node: NodeDefinition, kind: type[Node]) -> WorkflowDefinition:
    """Return the parts that a node has, as the nodes of its body; no edges join them."""
    return WorkflowDefinition.model_construct(nodes=tuple(_parts(node, kind)), edges=())


def without_options_of_parts(node: NodeDefinition) -> NodeDefinition:
    """Return a node without the options that its first part has instead."""
    return node.model_copy(update={"retry": _ONCE, "timeout": None})


def _parts(node: NodeDefinition, kind: type[Node]) -> Iterator[NodeDefinition]:
    options: dict[str, Any] = {"retry": _of_all_failures(node.retry), "timeout": node.timeout}
    for field, part in kind.parts.items():
        # What is not an object is reported as the node's own configuration.
        if isinstance(node.config.get(field), dict):
            config = {field: node.config[field]}
            made = NodeDefinition(id=part_id(field), type=part.type, name=field, config=config)
            made = made.model_copy(update=options)
            made._at, made._config_key = node.at, node._config_key
            yield made
        options = {"retry": _ONCE, "timeout": None}


def _of_all_failures(retry: NodeRetry | None) -> NodeRetry:
    """Return how a part is tried again: whatever failed in it, unless the author has said."""
    if retry is None or "on" in retry.model_fields_set:
        return retry or _ONCE
    return retry.model_copy(update={"on": ("any",)})
