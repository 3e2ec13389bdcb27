"""How do passages come into a collection?"""

import asyncio
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Node, NodeError, Outcome
from flowc.nodes.documents.chunks import as_chunks
from flowc.nodes.services.knowledge import Knowledge


class Store(Node):
    """Store chunks as one document of a collection, in place of what was there of its source.

    Without vectors, their texts are embedded here. Nobody finds half of a document meanwhile.
    """

    type: ClassVar = "store"
    group: ClassVar = "documents"

    collection: str = Field(min_length=1, max_length=128)
    source: str = Field(min_length=1, max_length=1_024, description="What it is known by.")
    chunks: list[dict[str, Any]] = Field(description="{{chunk.output.chunks}}")
    vectors: list[list[float]] | None = Field(
        default=None, description="{{embed.output.vectors}}, one for each chunk."
    )
    model: str | None = Field(default=None, description="Of the vectors, or to embed with.")
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="To be searched by: texts, numbers and booleans."
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

    async def run(self, context: Context) -> Outcome:
        """Store them."""
        chunks = await asyncio.to_thread(as_chunks, self.chunks)
        if self.vectors is not None and len(self.vectors) != len(chunks):
            message = f"There are {len(self.vectors)} vectors for {len(chunks)} chunks."
            raise NodeError("vectors-differ", message)
        vectors = [np.asarray(v, np.float32) for v in self.vectors] if self.vectors else None
        written = json.dumps([self.chunks, self.metadata], sort_keys=True)
        report = await context.service(Knowledge).put(
            self.collection,
            self.source,
            chunks,
            vectors,
            model=self.model,
            metadata=self.metadata,
            fingerprint=sha256(written.encode()).hexdigest(),
        )
        output = {"collection": self.collection, "source": self.source, "passages": len(chunks)}
        return Outcome(output, usage={"total_tokens": report.tokens, "cost": report.cost})
