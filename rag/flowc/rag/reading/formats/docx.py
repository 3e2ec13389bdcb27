"""Reads the text of a Word document under its headings."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from docx import Document
from docx.document import Document as WordDocument
from docx.table import Table
from docx.text.paragraph import Paragraph

from flowc.rag.documents import Metadata, Section
from flowc.rag.reading.formats import ParsingOptions
from flowc.rag.reading.formats.tables import row_text
from flowc.rag.reading.headings import Headings

_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)


def read(file: BinaryIO, _: ParsingOptions) -> Iterator[Section | Metadata]:
    """Yield a section for each heading, tables row by row."""
    document = Document(file)
    properties = document.core_properties
    yield {name: text for name in ("title", "author") if (text := getattr(properties, name))}
    headings, text = Headings(), ""
    for block in document.iter_inner_content():
        level = _level(block) if isinstance(block, Paragraph) else None
        if level is not None:
            if text.strip():
                yield Section(text, headings=headings.path)
            text = ""
            headings.enter(level, block.text if isinstance(block, Paragraph) else "")
        text += _text_of(block)
    text += _headers_and_footers(document)
    if text.strip():
        yield Section(text, headings=headings.path)


def _level(paragraph: Paragraph) -> int | None:
    name = str(paragraph.style.name) if paragraph.style is not None else ""
    if name == "Title":
        return 1
    found = _HEADING.fullmatch(name)
    return int(found[1]) + 1 if found else None


def _text_of(block: Paragraph | Table) -> str:
    if isinstance(block, Paragraph):
        return block.text + "\n\n" if block.text.strip() else ""
    rows = [row_text([cell.text for cell in row.cells]) for row in block.rows]
    return "\n".join(row for row in rows if row) + "\n\n"


def _headers_and_footers(document: WordDocument) -> str:
    parts = [part for section in document.sections for part in (section.header, section.footer)]
    # A linked part has no text of its own; reading its paragraphs would add an empty part.
    texts = [p.text for part in parts if not part.is_linked_to_previous for p in part.paragraphs]
    return "\n".join(text for text in texts if text.strip())
