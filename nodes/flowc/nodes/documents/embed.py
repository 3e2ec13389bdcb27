"""The node type `embed`: the embeddings of texts."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Need, Node
from flowc.nodes.services import knowledge
from flowc.nodes.services.models.account import Account


class Embed(Node):
    """Compute the embeddings of texts, or of the texts of chunks.

    The output has the `vectors` in the order of the texts, the `model`, the `dimension` of the
    vectors, and the `cost` in US dollars. A text that was embedded before costs nothing. `store`,
    `retrieve` and `ingest` compute the embeddings that they need themselves.
    """

    type: ClassVar = "embed"
    group: ClassVar = "documents"
    extra: ClassVar = "rag"

    texts: list[str] | str | None = Field(default=None, description="A text, or a list of texts.")
    chunks: list[dict[str, Any]] | None = Field(
        default=None, description="Chunks, in place of texts: {{chunk.output.chunks}}."
    )
    model: str | None = Field(
        default=None, description="Embedding model; by default FLOWC_EMBEDDING_MODEL."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "Embed":
        if (self.texts is None) == (self.chunks is None):
            raise ValueError("it needs exactly one of `texts` and `chunks`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the vectors."""
        vector = {"type": "array", "items": {"type": "number"}}
        properties: Schema = {
            "vectors": {"type": "array", "items": vector},
            "model": {"type": "string"},
            "dimension": {"type": "integer"},
            "cost": {"type": "number"},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the model."""
        # Embeddings that are known already are not computed again.
        model = Need("embedding", str(config.get("model") or ""), ("model",), is_sure=False)
        return Effects((model,), reads_only=True)

    async def run(self, context: Context) -> dict[str, Any]:
        """Compute the embeddings."""
        given = [self.texts] if isinstance(self.texts, str) else self.texts
        if given is None:
            given = [str(chunk.get("text", "")) for chunk in self.chunks or ()]
        documents = context.service(knowledge.Knowledge)
        embeddings = await documents.embeddings(self.model, account=Account.of(context))
        with knowledge.as_node_errors():
            # Providers refuse an empty text.
            vectors = await embeddings.of([text if text.strip() else " " for text in given])
            dimension = len(vectors[0]) if vectors else await embeddings.dimension()
        return {
            # Single precision has about seven digits: more would only make the output longer.
            "vectors": [[float(f"{number:.7g}") for number in vector] for vector in vectors],
            "model": embeddings.model,
            "dimension": dimension,
            "cost": embeddings.usage.cost,
        }
