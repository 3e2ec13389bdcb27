"""Brings documents into a collection, and keeps the collection up to date with its sources."""

from flowc.rag.ingestion.drafts import as_passage
from flowc.rag.ingestion.ingestion import Ingestion
from flowc.rag.ingestion.items import DocumentItem, from_file, from_text, opened, spooled
from flowc.rag.ingestion.progress import OnProgress
from flowc.rag.ingestion.report import Report

__all__ = [
    "DocumentItem",
    "Ingestion",
    "OnProgress",
    "Report",
    "as_passage",
    "from_file",
    "from_text",
    "opened",
    "spooled",
]
