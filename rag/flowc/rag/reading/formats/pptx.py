"""What stands on each slide of a presentation?"""

from collections.abc import Iterator
from typing import Any, BinaryIO

from pptx import Presentation

from flowc.rag.documents import Metadata, Section
from flowc.rag.reading.formats.tables import row_text

MAX_DEPTH = 20


def read(file: BinaryIO) -> Iterator[Section | Metadata]:
    """Give a section for each slide, its number as the page, with the speaker's notes."""
    presentation = Presentation(file)
    said = presentation.core_properties
    slides = presentation.slides
    yield {"pages": len(slides)}
    yield {name: text for name in ("title", "author") if (text := getattr(said, name))}
    for number, slide in enumerate(slides, 1):
        title = slide.shapes.title
        heading = " ".join(title.text_frame.text.split()) if title is not None else ""
        told = [text for shape in slide.shapes for text in _texts(shape, 0)]
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            told.append(slide.notes_slide.notes_text_frame.text)
        text = "\n".join(line for line in told if line.strip())
        if text:
            yield Section(text + "\n\n", number, (heading,) if heading else ())


def _texts(shape: Any, depth: int) -> Iterator[str]:
    if shape.has_text_frame:
        yield shape.text_frame.text
    if getattr(shape, "has_table", False) and shape.has_table:
        for row in shape.table.rows:
            yield row_text([cell.text for cell in row.cells])
    if hasattr(shape, "shapes") and depth < MAX_DEPTH:
        for inner in shape.shapes:
            yield from _texts(inner, depth + 1)
