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
    FoundPassage,
    KnownDocument,
    NewPassage,
    Passage,
    StoredDocument,
)

__all__ = [
    "Collection",
    "CollectionDiffers",
    "DocumentStore",
    "Filter",
    "FilterRefused",
    "FinishedDraft",
    "FoundPassage",
    "KnownDocument",
    "NewPassage",
    "NoSuchCollection",
    "Passage",
    "StoreInUse",
    "StoredDocument",
    "read_filter",
]
