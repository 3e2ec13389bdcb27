"""Data that flows along a chain of document steps: what a step reads if its author does not say.

A step `text_chunking` that depends on a `file_reader` cuts its document; an `embedding_generation`
embeds the chunks of the step before it; a `vector_storage` stores the chunks with these embeddings.
"""

from collections.abc import Callable, Iterator, Mapping

from flowc.compiler.definition import NodeDefinition

Before = Callable[[str], tuple[str, ...]]

# What each type reads, and the fields in whose place the author may have written something else.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "chunk": ("document", "text"),
    "embed": ("chunks", "texts"),
    "store": ("chunks",),
}
_DOCUMENTS = frozenset({"read_file", "ocr", "ocr_switch"})


def with_flowing_data(
    node: NodeDefinition, nodes: Mapping[str, NodeDefinition], before: Before
) -> NodeDefinition:
    """Return a node whose configuration reads what the author left to the steps before it."""
    if node.type not in _NEEDS or any(name in node.config for name in _NEEDS[node.type]):
        return node
    chain = list(_upstream(node.id, nodes, before))
    added = dict(_READERS[node.type](node, chain))
    return node.model_copy(update={"config": {**added, **node.config}}) if added else node


def _upstream(
    id: str, nodes: Mapping[str, NodeDefinition], before: Before
) -> Iterator[NodeDefinition]:
    """Yield the nodes before a node, the nearest first."""
    seen, todo = {id}, list(before(id))
    while todo:
        name = todo.pop(0)
        if name in nodes and name not in seen:
            seen.add(name)
            yield nodes[name]
            todo.extend(before(name))


def _for_chunk(node: NodeDefinition, chain: list[NodeDefinition]) -> Iterator[tuple[str, str]]:
    if chain and chain[0].type in _DOCUMENTS:
        yield "document", f"{{{{{_name(chain[0])}.output}}}}"
    elif chain:
        yield "text", f"{{{{{_name(chain[0])}.output.text}}}}"


def _for_embed(node: NodeDefinition, chain: list[NodeDefinition]) -> Iterator[tuple[str, str]]:
    cut = next((each for each in chain if each.type == "chunk"), None)
    if cut is not None:
        yield "chunks", f"{{{{{_name(cut)}.output.chunks}}}}"
    elif chain:
        yield "texts", f"{{{{{_name(chain[0])}.output.text}}}}"


def _for_store(node: NodeDefinition, chain: list[NodeDefinition]) -> Iterator[tuple[str, str]]:
    cut = next((each for each in chain if each.type == "chunk"), None)
    embedded = next((each for each in chain if each.type == "embed"), None)
    if cut is None:
        return
    yield "chunks", f"{{{{{_name(cut)}.output.chunks}}}}"
    yield "source", f"{{{{{_name(cut)}.output.source or {cut.id!r}}}}}"
    if embedded is not None and "vectors" not in node.config:
        yield "vectors", f"{{{{{_name(embedded)}.output.vectors}}}}"
        yield "model", f"{{{{{_name(embedded)}.output.model}}}}"


def _name(node: NodeDefinition) -> str:
    return node.id if node.id.replace("_", "a").isalnum() else f"nodes['{node.id}']"


_READERS = {"chunk": _for_chunk, "embed": _for_embed, "store": _for_store}
