"""How do documents come into a collection, and stay as they are where they come from?"""

from flowc.rag.ingestion.drafts import as_passage
from flowc.rag.ingestion.ingestion import Ingestion
from flowc.rag.ingestion.items import Item, from_file, from_text, opened, spooled
from flowc.rag.ingestion.report import Report, Tell

__all__ = [
    "Ingestion",
    "Item",
    "Report",
    "Tell",
    "as_passage",
    "from_file",
    "from_text",
    "opened",
    "spooled",
]
