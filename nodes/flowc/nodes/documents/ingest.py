"""How does a collection come to hold what its documents are now?"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Node, Outcome
from flowc.nodes.services.knowledge import Knowledge, Sources, told
from flowc.rag.chunking import Chunking
from flowc.rag.ingestion import DocumentItem, from_text

_PLACES = ("paths", "files", "urls", "documents")
_COUNTS = (
    "documents", "added", "changed", "unchanged", "removed", "failed", "passages", "embedded",
    "cached", "tokens",
)  # fmt: skip


class Text(BaseModel):
    """A text as a document."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(min_length=1, max_length=1_024)
    text: str
    metadata: dict[str, Any] = Field(default_factory=dict)


class IngestSettings(BaseModel):
    """What is to be brought into a collection, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paths: list[str] | str = Field(
        default_factory=list, description="Folders and files in FLOWC_DOCUMENT_DIRS."
    )
    pattern: str = Field(default="*", description="Which files of the folders: *.pdf, reports/*.")
    files: list[str] = Field(default_factory=list, description="Ids of uploaded files.")
    urls: list[str] = Field(default_factory=list)
    documents: list[Text] = Field(default_factory=list, description="Texts as they are.")
    removes: bool = Field(
        default=True, description="Whether documents go that are gone from the paths."
    )
    chunking: Chunking = Field(default_factory=Chunking)
    ocr: bool = Field(default=False, description="Recognise pages that were scanned.")
    model: str | None = Field(
        default=None, description="Of embeddings; the collection's own unless told otherwise."
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="For all documents, to be searched by."
    )


class Ingest(Node, IngestSettings):
    """Bring documents into a collection: what is new or has changed is read, cut and embedded.

    What has not changed costs nothing. It can be ended anywhere, and goes on from there. Documents
    that cannot be read are named in the output, and what was there of them stays. Events tell of
    each document, and how many passages are stored.
    """

    type: ClassVar = "ingest"
    group: ClassVar = "documents"

    collection: str = Field(min_length=1, max_length=128)

    @model_validator(mode="after")
    def _something(self) -> "Ingest":
        if not any(getattr(self, name) for name in _PLACES):
            raise ValueError("it needs `paths`, `files`, `urls` or `documents`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the report."""
        properties: Schema = {name: {"type": "integer"} for name in _COUNTS}
        properties["cost"] = {"type": "number"}
        properties["failures"] = {"type": "array", "items": {"type": "object"}}
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the model and the paths."""
        paths = config.get("paths") or []
        return Effects(
            models=(str(config["model"]),) if config.get("model") else (),
            files=(paths,) if isinstance(paths, str) else tuple(map(str, paths)),
        )

    async def run(self, context: Context) -> Outcome:
        """Bring them in."""
        knowledge = context.service(Knowledge)
        ingestion = await knowledge.ingestion(
            self.collection, self.model, self.chunking, with_ocr=self.ocr
        )
        with told():
            given = len(self.files) + len(self.urls) + len(self.documents)
            total = given + await knowledge.sources.count(self._paths, self.pattern)
            context.emit("documents", {"total": total})
            report = await ingestion.run(
                self.collection,
                self._items(knowledge.sources),
                origin=self._origin,
                removes=self.removes and bool(self.paths),
                on_progress=context.emit,
            )
        usage = {"total_tokens": report.tokens, "cost": report.cost}
        return Outcome(report.as_json(), usage=usage)

    @property
    def _origin(self) -> str:
        """What brings the documents: of folders, those that are gone go with it."""
        return f"{' '.join(sorted(self._paths))} {self.pattern}"[:1_024] if self._paths else ""

    @property
    def _paths(self) -> list[str]:
        return [self.paths] if isinstance(self.paths, str) else self.paths

    async def _items(self, sources: Sources) -> AsyncIterator[DocumentItem]:
        async for item in sources.in_folders(self._paths, self.pattern, self.metadata):
            yield item
        for file in self.files:
            yield await sources.uploaded(file, self.metadata)
        for url in self.urls:
            yield await sources.on_the_web(url, self.metadata)
        for each in self.documents:
            yield from_text(each.source, each.text, {**self.metadata, **each.metadata})
