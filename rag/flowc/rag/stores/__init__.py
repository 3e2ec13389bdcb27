"""Stores documents, and finds their passages by vectors and by words."""

from flowc.rag.stores.document_store import (
    CollectionDiffers,
    DocumentStore,
    NoSuchCollection,
    StoreInUse,
)
from flowc.rag.stores.filters import Filter, FilterRefused, read_filter
from flowc.rag.stores.records import (
    Collection,
    FinishedDraft,
    KnownDocument,
    NewPassage,
    Passage,
    ScoredPassage,
    StoredDocument,
)

__all__ = [
    "Collection",
    "CollectionDiffers",
    "DocumentStore",
    "Filter",
    "FilterRefused",
    "FinishedDraft",
    "KnownDocument",
    "NewPassage",
    "NoSuchCollection",
    "Passage",
    "ScoredPassage",
    "StoreInUse",
    "StoredDocument",
    "read_filter",
]
