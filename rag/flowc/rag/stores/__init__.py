"""Where are documents kept, and how are they found again?"""

from flowc.rag.stores.filters import Filter, FilterRefused, read_filter
from flowc.rag.stores.records import (
    Collection,
    Finished,
    Found,
    Known,
    NewPassage,
    Passage,
    StoredDocument,
)
from flowc.rag.stores.store import CollectionDiffers, NoSuchCollection, Store, StoreInUse

__all__ = [
    "Collection",
    "CollectionDiffers",
    "Filter",
    "FilterRefused",
    "Finished",
    "Found",
    "Known",
    "NewPassage",
    "NoSuchCollection",
    "Passage",
    "Store",
    "StoreInUse",
    "StoredDocument",
    "read_filter",
]
