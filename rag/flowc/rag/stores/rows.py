"""How does a passage stand in a row of a table?"""

import json
from typing import Any

from sqlalchemy import Row

from flowc.rag.stores.records import NewPassage, Passage


def row_of(new: NewPassage) -> dict[str, Any]:
    """Return what is written of a passage, but for its vector; what is nested is JSON."""
    passage = new.passage
    return {
        "version": new.draft,
        "number": passage.number,
        "source": passage.source,
        "page": passage.page,
        "last_page": passage.last_page,
        "tokens": passage.tokens,
        "start": passage.start,
        "end": passage.end,
        "headings": json.dumps(passage.headings),
        "metadata": json.dumps(passage.metadata),
        "text": passage.text,
    }


def passage_of(row: Row[Any]) -> Passage:
    """Return a row as a passage."""
    return Passage(
        source=row.source,
        number=row.number,
        text=row.text,
        tokens=row.tokens,
        start=row.start,
        end=row.end,
        page=row.page,
        last_page=row.last_page,
        headings=tuple(_read(row.headings)),
        metadata=_read(row.metadata),
    )


def _read(nested: Any) -> Any:
    """Return what was nested: SQLite gives it as it was written, PostgreSQL as it was meant."""
    return json.loads(nested) if isinstance(nested, str) else nested
