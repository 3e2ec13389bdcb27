"""The node type `ingest`: brings a collection up to date with its documents."""

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Need, NeedKind, Node
from flowc.nodes.documents.chunks import vectors_of
from flowc.nodes.services import knowledge
from flowc.nodes.services.models.account import Account
from flowc.rag.chunking import Chunking

if TYPE_CHECKING:
    from flowc.rag.ingestion import DocumentItem

_PLACES = ("paths", "files", "urls", "documents")
_COUNTS = (
    "documents", "added", "changed", "unchanged", "removed", "failed", "passages", "embedded",
    "cached", "tokens",
)  # fmt: skip


class TextDocument(BaseModel):
    """A document given as text."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(min_length=1, max_length=1_024, description="Name of the document.")
    text: str = Field(description="Its text.")
    metadata: dict[str, Any] = Field(default_factory=dict, description="Its metadata.")


class IngestSettings(BaseModel):
    """The documents to bring into a collection, and how to cut and embed them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paths: list[str] | str = Field(
        default_factory=list,
        description="A path or paths of folders and files in FLOWC_DOCUMENT_DIRS.",
    )
    pattern: str = Field(
        default="*", description="The files of the folders to take: *.pdf, reports/*."
    )
    files: list[str] = Field(default_factory=list, description="Ids of uploaded files.")
    urls: list[str] = Field(default_factory=list, description="Addresses of documents on the web.")
    documents: list[TextDocument] = Field(
        default_factory=list, description="Texts, each with its `source`, `text` and `metadata`."
    )
    removes: bool = Field(
        default=True,
        description="Whether to remove documents whose files are no longer in the paths.",
    )
    chunking: Chunking = Field(
        default_factory=Chunking, description="How to cut documents, as for `chunk`: {by, size}."
    )
    ocr: bool = Field(default=False, description="Recognise the text of scanned pages.")
    model: str | None = Field(
        default=None, description="Embedding model; by default the collection's."
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict,
        description="Texts, numbers and booleans for all documents, for `where` of `retrieve`.",
    )


class Ingest(Node, IngestSettings):
    """Bring documents into a collection: new and changed ones are read, cut and embedded.

    Unchanged documents are not embedded again. If the run is interrupted, it continues where it
    stopped. Events report each document, and the number of passages stored.

    The output counts the `documents`, those `added`, `changed`, `unchanged`, `removed` and
    `failed`, and the `passages`, `tokens` and `cost`. A document that cannot be read does not fail
    the node: it is listed in `failures`, and the collection still has its last version.
    """

    type: ClassVar = "ingest"
    group: ClassVar = "documents"
    extra: ClassVar = "rag"

    collection: str = Field(
        min_length=1, max_length=128, description="Name of the collection; created if needed."
    )

    @model_validator(mode="after")
    def _something(self) -> "Ingest":
        if not any(getattr(self, name) for name in _PLACES):
            raise ValueError("it needs at least one of `paths`, `files`, `urls` and `documents`")
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
        """Return what the documents are read from, and what they are embedded with."""
        needs = [vectors_of(config)]
        needs += _each("files", "paths", config.get("paths"))
        needs += _each("upload", "files", config.get("files"))
        needs += _each("url", "urls", config.get("urls"))
        if config.get("ocr") is True:
            # A document that cannot be read is only reported.
            needs.append(Need("extra", "ocr", ("ocr",), is_sure=False))
        return Effects(tuple(needs))

    async def run(self, context: Context) -> dict[str, Any]:
        """Bring the documents into the collection, and return the report."""
        documents = context.service(knowledge.Knowledge)
        ingestion = await documents.ingestion(
            self.collection,
            self.model,
            self.chunking,
            with_ocr=self.ocr,
            account=Account.of(context),
        )
        with knowledge.as_node_errors():
            given = len(self.files) + len(self.urls) + len(self.documents)
            total = given + await documents.sources.count(self._paths, self.pattern)
            context.emit("documents", {"total": total})
            report = await ingestion.run(
                self.collection,
                self._items(documents.sources),
                origin=self._origin,
                removes=self.removes and bool(self.paths),
                on_progress=context.emit,
            )
        return report.as_json()

    @property
    def _origin(self) -> str:
        """The paths and the pattern, which name a set of documents.

        Only documents of the same origin are removed when their files are gone.
        """
        return f"{' '.join(sorted(self._paths))} {self.pattern}"[:1_024] if self._paths else ""

    @property
    def _paths(self) -> list[str]:
        return [self.paths] if isinstance(self.paths, str) else self.paths

    async def _items(self, sources: "knowledge.Sources") -> AsyncIterator["DocumentItem"]:
        from flowc.rag.ingestion import from_text  # noqa: PLC0415 - few workflows need it

        async for item in sources.in_folders(self._paths, self.pattern, self.metadata):
            yield item
        for file in self.files:
            yield await sources.uploaded(file, self.metadata)
        for url in self.urls:
            yield await sources.on_the_web(url, self.metadata)
        for each in self.documents:
            yield from_text(each.source, each.text, {**self.metadata, **each.metadata})


def _each(kind: NeedKind, at: str, given: Any) -> list[Need]:
    """Return the needs of a field with one text or a list of texts."""
    if isinstance(given, str):
        return [Need(kind, given, (at,))]
    texts = given if isinstance(given, list) else []
    return [Need(kind, str(text), (at, number)) for number, text in enumerate(texts)]
