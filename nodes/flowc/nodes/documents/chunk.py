"""The node type `chunk`: a document cut into chunks."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Node, NodeError
from flowc.nodes.documents.document_node import sections_of
from flowc.rag.chunking import Chunking, chunks_of
from flowc.rag.documents import Section

CHUNK: Schema = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "tokens": {"type": "integer"},
        "start": {"type": "integer"},
        "end": {"type": "integer"},
        "page": {"type": ["integer", "null"]},
        "last_page": {"type": ["integer", "null"]},
        "headings": {"type": "array", "items": {"type": "string"}},
    },
}


class Chunk(Node, Chunking):
    """Cut a document or a text into chunks of at most `size` tokens.

    The output has the `chunks`, their `count`, their `tokens` in total, and the `source` of the
    document. Each chunk has its `text`, its number of `tokens`, and its place: `start` and `end` in
    characters, `page`, `last_page` and `headings`. To bring whole folders into a collection, use
    `ingest`.
    """

    type: ClassVar = "chunk"
    group: ClassVar = "documents"
    extra: ClassVar = "documents"
    is_pure: ClassVar = True

    document: dict[str, Any] | None = Field(
        default=None, description="The output of `read_file`: {{read.output}}."
    )
    text: str | None = Field(default=None, description="A text, in place of a document.")

    @model_validator(mode="after")
    def _one_of_them(self) -> "Chunk":
        if (self.document is None) == (self.text is None):
            raise ValueError("it needs exactly one of `document` and `text`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the chunks."""
        properties: Schema = {
            "chunks": {"type": "array", "items": CHUNK},
            "count": {"type": "integer"},
            "tokens": {"type": "integer"},
            "source": {"type": ["string", "null"]},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    async def run(self, context: Context) -> dict[str, Any]:
        """Cut the text into chunks."""
        sections = [Section(self.text or "")]
        if self.document is not None:
            try:
                sections = sections_of(self.document)
            except (KeyError, TypeError):
                message = "The document does not have the form of an output of `read_file`."
                raise NodeError("no-document", message) from None
        chunks = await asyncio.to_thread(lambda: list(chunks_of(sections, self)))
        return {
            "chunks": [{**chunk._asdict(), "headings": list(chunk.headings)} for chunk in chunks],
            "count": len(chunks),
            "tokens": sum(chunk.tokens for chunk in chunks),
            "source": (self.document or {}).get("source"),
        }
