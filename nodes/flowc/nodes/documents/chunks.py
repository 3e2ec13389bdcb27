"""Chunks that a workflow passes on as JSON, and what their vectors are computed with."""

from collections.abc import Mapping, Sequence
from typing import Any

from flowc.compiler.node import Need, NodeError
from flowc.rag.chunking import TextChunk
from flowc.rag.tokens import Tokens


def as_chunks(given: Sequence[Mapping[str, Any]]) -> list[TextChunk]:
    """Return chunks from JSON; raise NodeError for one without `text`, the only required field."""
    return [_chunk(each, number) for number, each in enumerate(given)]


def _chunk(given: Mapping[str, Any], number: int) -> TextChunk:
    text = given.get("text")
    if not isinstance(text, str) or not text.strip():
        raise NodeError("no-chunk", f"Chunk {number} has no `text`.")
    start, tokens = given.get("start"), given.get("tokens")
    begin = start if isinstance(start, int) else 0
    return TextChunk(
        text=text,
        tokens=tokens if isinstance(tokens, int) else Tokens().count(text),
        start=begin,
        end=begin + len(text),
        page=_page(given.get("page")),
        last_page=_page(given.get("last_page", given.get("page"))),
        headings=tuple(map(str, given.get("headings") or ())),
    )


def _page(given: Any) -> int | None:
    return given if isinstance(given, int) else None


def vectors_of(config: Mapping[str, Any]) -> Need:
    """Return the model that a node embeds with: the one it names, or that of its collection.

    Embeddings that are known already are not computed again, so a run may do without it.
    """
    if config.get("model"):
        return Need("embedding", str(config["model"]), ("model",), is_sure=False)
    return Need("vectors", str(config.get("collection")), ("collection",), is_sure=False)
