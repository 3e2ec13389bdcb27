"""The fields and the output that all nodes share that search a collection."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Need, Node
from flowc.nodes.documents.chunks import vectors_of
from flowc.nodes.services import knowledge
from flowc.nodes.services.models.account import Account
from flowc.rag.retrieval import Search
from flowc.rag.stores import ScoredPassage

_PASSAGE: Schema = {
    "type": "object",
    "properties": {
        "number": {"type": "integer"},
        "text": {"type": "string"},
        "score": {"type": "number"},
        "source": {"type": "string"},
        "page": {"type": ["integer", "null"]},
        "last_page": {"type": ["integer", "null"]},
        "headings": {"type": "array", "items": {"type": "string"}},
        "start": {"type": "integer"},
        "end": {"type": "integer"},
        "metadata": {"type": "object"},
    },
}


class PassageSearch(Node, Search):
    """A node that finds the passages of a collection that match a question best."""

    group: ClassVar = "documents"
    extra: ClassVar = "rag"

    collection: str = Field(
        min_length=1, max_length=128, description="Name of the collection to search."
    )
    query: str = Field(description="The question, or the words to search for.")
    rerank: str | None = Field(
        default=None,
        description="A model that ranks the passages found, such as cohere/rerank-v3.5.",
    )

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the passages, the context and the count."""
        properties: Schema = {
            "passages": {"type": "array", "items": _PASSAGE},
            "context": {"type": "string"},
            "count": {"type": "integer"},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def as_tool(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Take the question from a call, unless the author sets it."""
        return {"query": "{{arguments.query}}", **config}

    @classmethod
    def tool_parameters(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the schema of the question, if it comes from a call."""
        if config.get("query") != "{{arguments.query}}":
            return None
        query = {"type": "string", "description": "What to look for."}
        return {"type": "object", "properties": {"query": query}, "required": ["query"]}

    @classmethod
    def tool_description(cls, config: Mapping[str, Any]) -> str | None:
        """Return a description that names the collection."""
        return f"Search the documents of {config.get('collection')!r}."

    @classmethod
    def shown_to_model(cls, output: Any) -> Any:
        """Return the context."""
        return output["context"] or "Nothing was found."

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the collection, and the models that embed the question and rank the passages."""
        needs = [Need("collection", str(config.get("collection")), ("collection",))]
        if config.get("mode") != "keyword":
            needs.append(vectors_of({"collection": config.get("collection")}))
        if config.get("rerank"):
            needs.append(Need("ranking", str(config["rerank"]), ("rerank",), is_sure=False))
        return Effects(tuple(needs), reads_only=True)

    async def found(self, context: Context) -> dict[str, Any]:
        """Return the passages found, their count, and all of them as one text."""
        documents = context.service(knowledge.Knowledge)
        hits = await documents.search(
            self.collection, self.query, self, self.rerank, account=Account.of(context)
        )
        return found_of(hits)


def found_of(hits: list[ScoredPassage]) -> dict[str, Any]:
    """Return the passages, the context and the count."""
    passages = [_as_json(number, hit) for number, hit in enumerate(hits, 1)]
    context = "\n\n".join(f"[{each['number']}] {_place(each)}\n{each['text']}" for each in passages)
    return {"passages": passages, "context": context, "count": len(passages)}


def _as_json(number: int, hit: ScoredPassage) -> dict[str, Any]:
    passage = hit.passage
    return {
        "number": number,
        "text": passage.text,
        "score": round(hit.score, 6),
        "source": passage.source,
        "page": passage.page,
        "last_page": passage.last_page,
        "headings": list(passage.headings),
        "start": passage.start,
        "end": passage.end,
        "metadata": passage.metadata,
    }


def _place(passage: Mapping[str, Any]) -> str:
    """Return the place of a passage, as people write it.

    >>> _place({"source": "a.pdf", "page": 3, "last_page": 4})
    '(a.pdf, p. 3-4)'
    """
    page, last = passage["page"], passage["last_page"]
    pages = f", p. {page}" if page is not None else ""
    pages += f"-{last}" if last != page else ""
    return f"({passage['source']}{pages})"
