"""Defines the draft of a document, from the first chunk to its publication."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flowc.rag.chunking import TextChunk
from flowc.rag.embedding.vector import Vector
from flowc.rag.ingestion.items import DocumentItem
from flowc.rag.stores import FinishedDraft, NewPassage, Passage, StoredDocument


@dataclass(slots=True, eq=False)
class DocumentDraft:
    """A new version of a document that is being stored; its passages are stored in any order."""

    id: str
    item: DocumentItem
    origin: str
    visit: str
    is_new: bool
    fingerprint: str
    passages: int = 0
    stored: int = 0
    tokens: int = 0
    is_read: bool = False
    is_over: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether all passages are stored."""
        return self.is_read and self.stored == self.passages

    def passage(self, number: int, chunk: TextChunk, vector: Vector) -> NewPassage:
        """Return a chunk as a passage to store."""
        passage = as_passage(self.item.source, number, chunk, self.item.metadata)
        return NewPassage(self.id, passage, vector)

    def finished(self) -> FinishedDraft:
        """Return the draft in the form that is published."""
        document = StoredDocument(
            source=self.item.source,
            fingerprint=self.fingerprint,
            origin=self.origin,
            passages=self.passages,
            tokens=self.tokens,
            metadata={**self.metadata, **self.item.metadata},
            updated_at=datetime.now(UTC),
        )
        return FinishedDraft(self.id, document, self.visit)


def as_passage(source: str, number: int, chunk: TextChunk, metadata: dict[str, Any]) -> Passage:
    """Return a chunk as a passage, with the metadata that filters can compare."""
    return Passage(
        source=source,
        number=number,
        text=chunk.text,
        tokens=chunk.tokens,
        start=chunk.start,
        end=chunk.end,
        page=chunk.page,
        last_page=chunk.last_page,
        headings=chunk.headings,
        metadata={k: v for k, v in metadata.items() if isinstance(v, str | int | float)},
    )
