"""Reads node types of other tools: each becomes a native node with the same places in the text.

A type of the registry comes first: a plug-in may have one with such a name.
"""

from collections.abc import Callable, Iterator
from typing import Any

from flowc.compiler.definition import NodeDefinition, WorkflowDefinition
from flowc.compiler.diagnostics import Problem
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.familiar.data_flow import with_flowing_data
from flowc.compiler.reading.familiar.error_handlers import WORD, with_error_edges
from flowc.compiler.reading.familiar.translation import Translation
from flowc.compiler.reading.familiar.types import FAMILIAR

__all__ = ["FAMILIAR", "familiar_words", "native_word", "with_native_types"]


def native_word(word: str) -> str:
    """Return the type here that a word of another tool stands for; other words as they are.

    >>> native_word("http_request"), native_word("llm")
    ('http', 'llm')
    """
    known = FAMILIAR.get(word)
    return known.type if known is not None else word


def familiar_words(registry: Registry) -> list[str]:
    """Return the words that definitions may use in addition to those of the registry, sorted."""
    known = set(registry.words())
    own = {WORD} if {"transform", "fail"} <= known else set()
    return sorted(({w for w, found in FAMILIAR.items() if found.type in known} | own) - known)


def with_native_types(
    workflow: WorkflowDefinition, registry: Registry
) -> tuple[WorkflowDefinition, list[Problem]]:
    """Return a workflow whose nodes have types of the registry, and what is wrong with them."""
    if not any(_is_familiar(node, registry) for node in workflow.nodes):
        return workflow, []
    written, problems = workflow, list[Problem]()
    if registry.get(WORD) is None:
        workflow, problems = with_error_edges(workflow)
    before = _sources(workflow, registry)
    ids = frozenset(node.id for node in workflow.nodes)
    nodes: dict[int, NodeDefinition] = {}
    for place, node in enumerate(workflow.nodes):
        nodes[place] = node
        if _is_familiar(node, registry) and node.type in FAMILIAR:
            nodes[place] = _translated(node, registry, before(node.id), ids, problems)
    by_id = {node.id: node for node in nodes.values()}
    for place, node in enumerate(workflow.nodes):
        if node.type in FAMILIAR:
            nodes[place] = with_flowing_data(nodes[place], by_id, before)
    native = workflow.model_copy(update={"nodes": tuple(nodes.values())})
    native._written = written
    return native, problems


def _is_familiar(node: NodeDefinition, registry: Registry) -> bool:
    if node.type == WORD:
        return registry.get(WORD) is None
    known, found = FAMILIAR.get(node.type), registry.get(node.type)
    if known is None or registry.get(known.type) is None:
        return False
    return found is None or (node.type == known.type and found.type == known.type)


def _translated(
    node: NodeDefinition,
    registry: Registry,
    before: tuple[str, ...],
    ids: frozenset[str],
    problems: list[Problem],
) -> NodeDefinition:
    known = FAMILIAR[node.type]
    native = registry.get(known.type)
    assert native is not None  # `_is_familiar` looked
    found = Translation(node, native, dict(node.config), before, ids)
    found.rename(known.fields)
    chosen = known.adapt(found) if known.adapt is not None else None
    _lift_options(found)
    problems += found.problems
    return found.done(chosen or known.type)


def _lift_options(found: Translation) -> None:
    """Move retries out of the configuration, where some tools have them."""
    for key in ("max_retries", "retry_delay"):
        if found.has(key) and key not in found.native.model_fields:
            place = "beside `input`" if found.node.is_step else "beside `config`"
            found.refuse(key, f"{key!r} is an option of the node.", f"Write it {place}.")


def _sources(workflow: WorkflowDefinition, registry: Registry) -> Callable[[str], tuple[str, ...]]:
    """Return a function that finds the nodes whose data flows to a node."""
    incoming: dict[str, dict[str, None]] = {node.id: {} for node in workflow.nodes}
    types: dict[str, Any] = {n.id: registry.get(native_word(n.type)) for n in workflow.nodes}
    for source, target in _edges(workflow, types):
        if target in incoming and source in incoming:
            incoming[target][source] = None

    def before(id: str) -> tuple[str, ...]:
        found, seen, todo = dict[str, None](), set[str](), list(incoming.get(id, ()))
        while todo:
            name = todo.pop(0)
            if name in seen:
                continue
            seen.add(name)
            kind = types[name]
            if kind is not None and kind.passes_data_on:
                todo += incoming[name]
            else:
                found[name] = None
        return tuple(found)

    return before


def _edges(workflow: WorkflowDefinition, types: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for edge in workflow.edges:
        yield edge.source, edge.target
    for node in workflow.nodes:
        yield from ((source, node.id) for source in node.depends_on or ())
        kind = types[node.id]
        targets = (kind.branches(node.config) or {}).values() if kind is not None else ()
        yield from ((node.id, target) for target in targets if target is not None)
