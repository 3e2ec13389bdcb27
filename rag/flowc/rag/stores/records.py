"""Defines the collections, documents and passages of a store."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from flowc.rag.documents import Metadata
from flowc.rag.embedding.vector import Vector


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents that are searched together; all vectors are of one model and one length."""

    name: str
    model: str
    dimension: int
    created_at: datetime
    documents: int = 0
    passages: int = 0


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document that searches find.

    `fingerprint` identifies its content and how it was cut. `origin` is where it came from, such as
    a folder; an ingestion of that origin can remove it. A fingerprint has at most 64 characters,
    source and origin at most 1,024.
    """

    source: str
    fingerprint: str
    origin: str
    passages: int
    tokens: int
    metadata: Metadata
    updated_at: datetime


class KnownDocument(NamedTuple):
    """The fingerprint of a stored document, and the last visit that saw it."""

    fingerprint: str
    seen: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A stored chunk of a document; `number` counts from 0."""

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
    """A draft with all its passages; `seen` is the visit to its origin that found it."""

    draft: str
    document: StoredDocument
    seen: str = ""


class ScoredPassage(NamedTuple):
    """A passage that answers a question, better with a higher score.

    Scores by vectors are cosines; scores by words are those of BM25, which can be compared within
    one search only. A passage found by vectors has its vector.
    """

    passage: Passage
    score: float
    vector: Vector | None = None


def best_first(found: Sequence[ScoredPassage]) -> list[ScoredPassage]:
    """Return passages by score; equal scores are in the order of source and number."""
    return sorted(found, key=lambda each: (-each.score, each.passage.source, each.passage.number))
