"""What are the vectors of texts?"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Node, Outcome
from flowc.nodes.services.knowledge import Knowledge, told


class Embed(Node):
    """Embed texts, or the texts of chunks; a text that was embedded before costs nothing.

    Without a model, it is the one of FLOWC_EMBEDDING_MODEL. `store`, `retrieve` and `ingest` embed
    by themselves.
    """

    type: ClassVar = "embed"
    group: ClassVar = "documents"

    texts: list[str] | str | None = None
    chunks: list[dict[str, Any]] | None = Field(
        default=None, description="As `chunk` gives them: {{chunk.output.chunks}}."
    )
    model: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Embed":
        if (self.texts is None) == (self.chunks is None):
            raise ValueError("it needs one of `texts` and `chunks`")
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
        return Effects(models=(str(config["model"]),) if config.get("model") else ())

    async def run(self, context: Context) -> Outcome:
        """Embed them."""
        given = [self.texts] if isinstance(self.texts, str) else self.texts
        if given is None:
            given = [str(chunk.get("text", "")) for chunk in self.chunks or ()]
        embeddings = await context.service(Knowledge).embeddings(self.model)
        with told():
            # An empty text has no vector of its own.
            vectors = await embeddings.of([text if text.strip() else " " for text in given])
            dimension = len(vectors[0]) if vectors else await embeddings.dimension()
        usage = embeddings.usage
        output = {
            # Seven digits are all that single precision has.
            "vectors": [[float(f"{number:.7g}") for number in vector] for vector in vectors],
            "model": embeddings.model,
            "dimension": dimension,
            "cost": usage.cost,
        }
        return Outcome(output, usage={"total_tokens": usage.tokens, "cost": usage.cost})
