"""Converts passages to rows of a table, and back."""

import json
from typing import Any

from sqlalchemy import Row

from flowc.rag.stores.records import NewPassage, Passage


def row_of(new: NewPassage) -> dict[str, Any]:
    """Return a passage as a row without its vector; nested values are JSON."""
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
    """Return the passage in a row."""
    return Passage(
        source=row.source,
        number=row.number,
        text=row.text,
        tokens=row.tokens,
        start=row.start,
        end=row.end,
        page=row.page,
        last_page=row.last_page,
        headings=tuple(_parsed(row.headings)),
        metadata=_parsed(row.metadata),
    )


def _parsed(nested: Any) -> Any:
    """Return a nested value; SQLite returns it as text, PostgreSQL already parsed."""
    return json.loads(nested) if isinstance(nested, str) else nested
