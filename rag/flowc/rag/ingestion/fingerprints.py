"""Computes the fingerprint that shows whether a document must be ingested again."""

import json
from hashlib import sha256
from typing import NamedTuple

from flowc.rag.chunking import Chunking
from flowc.rag.ingestion.items import DocumentItem

# Raise it when the same file would become other passages: all documents are then ingested again.
_EDITION = 1


class Fingerprints(NamedTuple):
    """Everything that one ingestion applies to all of its documents."""

    chunking: Chunking
    with_ocr: bool
    origin: str

    def of(self, item: DocumentItem, digest: str) -> str:
        """Return the fingerprint of an item whose content has this digest.

        It differs when the content, its metadata or a setting differs, so that unchanged documents
        need not be read again.
        """
        settings = {
            "chunking": self.chunking.model_dump(),
            "ocr": self.with_ocr,
            "media_type": item.media_type,
            "metadata": item.metadata,
            "origin": self.origin,
            "edition": _EDITION,
            "content": digest,
        }
        return sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()
