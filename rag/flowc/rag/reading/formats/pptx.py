"""Reads the slides of a presentation."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from pptx import Presentation

from flowc.rag.documents import Metadata, Section
from flowc.rag.reading.formats import ParsingOptions
from flowc.rag.reading.formats.tables import row_text

MAX_DEPTH = 20


def read(file: BinaryIO, _: ParsingOptions) -> Iterator[Section | Metadata]:
    """Yield a section for each slide, with its number as the page, and the speaker's notes."""
    presentation = Presentation(file)
    properties = presentation.core_properties
    slides = presentation.slides
    yield {"pages": len(slides)}
    yield {name: text for name in ("title", "author") if (text := getattr(properties, name))}
    for number, slide in enumerate(slides, 1):
        title = slide.shapes.title
        heading = " ".join(title.text_frame.text.split()) if title is not None else ""
        texts = [text for shape in slide.shapes for text in _texts(shape, 0)]
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            texts.append(slide.notes_slide.notes_text_frame.text)
        text = "\n".join(line for line in texts if line.strip())
        if text:
            yield Section(text + "\n\n", number, (heading,) if heading else ())


def _texts(shape: Any, depth: int) -> Iterator[str]:
    if shape.has_text_frame:
        yield shape.text_frame.text
    if getattr(shape, "has_table", False) and shape.has_table:
        for row in shape.table.rows:
            yield row_text([cell.text for cell in row.cells])
    # Only groups have shapes of their own.
    if hasattr(shape, "shapes") and depth < MAX_DEPTH:
        for inner in shape.shapes:
            yield from _texts(inner, depth + 1)
