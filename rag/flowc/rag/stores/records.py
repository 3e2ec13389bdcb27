"""What is kept of documents, and what is found of them?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from flowc.rag.documents import Metadata
from flowc.rag.embedding.vector import Vector


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents that are searched together; their vectors are of one model, and of one length."""

    name: str
    model: str
    dimension: int
    created_at: datetime
    documents: int = 0
    passages: int = 0


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it can be found: `fingerprint` is that of its content and of how it was cut.

    A fingerprint has 64 characters at most, a source and an origin 1,024.
    `origin` is what brought it, such as a folder, and takes it away again when it is gone there.
    """

    source: str
    fingerprint: str
    origin: str
    passages: int
    tokens: int
    metadata: Metadata
    updated_at: datetime


class KnownDocument(NamedTuple):
    """What tells whether a document has changed, and which visit has seen it last."""

    fingerprint: str
    seen: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of a document that is kept, at its `number` from 0."""

    source: str
    number: int
    text: str
    tokens: int
    start: int
    end: int
    page: int | None = None
    last_page: int | None = None
    headings: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=dict)


class NewPassage(NamedTuple):
    """A passage of a draft, and its vector."""

    draft: str
    passage: Passage
    vector: Vector


class FinishedDraft(NamedTuple):
    """A draft that has all its passages; `seen` is the visit to its origin that found it there."""

    draft: str
    document: StoredDocument
    seen: str = ""


class FoundPassage(NamedTuple):
    """A passage that fits a question, better with a higher score; its vector, if it was asked for.

    Scores of vectors are cosines; those of words are BM25's, and compare within one search only.
    """

    passage: Passage
    score: float
    vector: Vector | None = None


def best_first(found: Sequence[FoundPassage]) -> list[FoundPassage]:
    """Return what was found in an order that is the same everywhere."""
    return sorted(found, key=lambda each: (-each.score, each.passage.source, each.passage.number))
