"""The node type `store`: chunks become a document of a collection."""

import asyncio
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Node, NodeError
from flowc.nodes.documents.chunks import as_chunks, vectors_of
from flowc.nodes.services import knowledge
from flowc.nodes.services.models.account import Account


class Store(Node):
    """Store chunks as one document of a collection, and replace the document with this `source`.

    Without `vectors`, the node computes the embeddings. Searches find the old document until the
    new one is complete. The output has the `collection`, the `source` and the number of `passages`.
    The node fails with `vectors-differ` if the vectors do not match the chunks, and with
    `collection-differs` if the collection was made with another model.
    """

    type: ClassVar = "store"
    group: ClassVar = "documents"
    extra: ClassVar = "rag"

    collection: str = Field(
        min_length=1, max_length=128, description="Name of the collection; created if needed."
    )
    source: str = Field(
        min_length=1, max_length=1_024, description="Name of the document, such as a path or URL."
    )
    chunks: list[dict[str, Any]] = Field(
        description="Chunks with a `text` each: {{chunk.output.chunks}}."
    )
    vectors: list[list[float]] | None = Field(
        default=None, description="One vector for each chunk: {{embed.output.vectors}}."
    )
    model: str | None = Field(
        default=None,
        description="Model of the vectors, or to embed with; by default the collection's.",
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict,
        description="Texts, numbers and booleans by name, for `where` of `retrieve`.",
    )

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of what was stored."""
        properties: Schema = {
            "collection": {"type": "string"},
            "source": {"type": "string"},
            "passages": {"type": "integer"},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return what the chunks are embedded with, unless they have vectors."""
        return Effects(() if config.get("vectors") else (vectors_of(config),))

    async def run(self, context: Context) -> dict[str, Any]:
        """Store the chunks."""
        chunks = await asyncio.to_thread(as_chunks, self.chunks)
        if self.vectors is not None and len(self.vectors) != len(chunks):
            message = f"There are {len(self.vectors)} vectors for {len(chunks)} chunks."
            raise NodeError("vectors-differ", message)
        vectors = _as_vectors(self.vectors) if self.vectors else None
        written = json.dumps([self.chunks, self.metadata], sort_keys=True)
        documents = context.service(knowledge.Knowledge)
        embeddings = await documents.embeddings(
            self.model, self.collection, account=Account.of(context)
        )
        await documents.put(
            self.collection,
            self.source,
            chunks,
            vectors,
            embeddings=embeddings,
            metadata=self.metadata,
            fingerprint=sha256(written.encode()).hexdigest(),
        )
        return {"collection": self.collection, "source": self.source, "passages": len(chunks)}


def _as_vectors(rows: list[list[float]]) -> list[Any]:
    import numpy as np  # noqa: PLC0415 - only documents need it

    return [np.asarray(row, np.float32) for row in rows]
