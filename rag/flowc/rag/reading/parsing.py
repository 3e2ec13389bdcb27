"""Parses a file of any format into sections; runs in a locked process only."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from flowc.rag.documents import DocumentRefused, Metadata, Section
from flowc.rag.reading.detection import format_of
from flowc.rag.reading.formats import FORMATS, DocumentFormat, ParsingOptions
from flowc.rag.reading.limits import ReadingLimits
from flowc.rag.reading.text_recognition import TextRecogniser

# All of them at once, when this module is imported: no file can be opened later.
PARSERS = {format.name: format.load_parser() for format in FORMATS}


class Request(NamedTuple):
    """A file's name and media type, and the limits for reading it."""

    name: str
    media_type: str | None
    limits: ReadingLimits


def parse(
    file: BinaryIO, size: int, request: Request, recogniser: TextRecogniser | None
) -> Iterator[Section | Metadata]:
    """Yield the sections of a file, and what it says about itself; raise DocumentRefused."""
    limits = request.limits
    _require_size(size, limits.max_bytes)
    format = format_of(file, request.name, request.media_type)
    if not format.is_streamed:
        _require_size(size, limits.max_whole_bytes)
    yield {"format": format.name}
    if format.needs_ocr and recogniser is None:
        message = f"The text of this {format.name} can be recognised only with OCR."
        raise DocumentRefused("no-ocr", message)
    characters = 0
    for found in _parsed(file, format, ParsingOptions(limits.max_pages, recogniser)):
        if isinstance(found, Section):
            characters += len(found.text)
            if characters > limits.max_characters:
                message = f"The document has more than {limits.max_characters:,} characters."
                raise DocumentRefused("document-too-large", message)
        yield found


def _parsed(
    file: BinaryIO, format: DocumentFormat, options: ParsingOptions
) -> Iterator[Section | Metadata]:
    try:
        yield from PARSERS[format.name](file, options)
    except (DocumentRefused, MemoryError):
        raise
    except RecursionError:
        raise DocumentRefused("broken-document", "The document is nested too deeply.") from None
    except Exception as problem:
        # A library failed in a way that it does not document: the file is broken.
        kind = "Office file" if format.archive_part is not None else format.name
        message = f"The {kind} cannot be read: {type(problem).__name__}: {str(problem)[:200]}"
        raise DocumentRefused("broken-document", message) from None


def _require_size(size: int, limit: int) -> None:
    if size > limit:
        message = f"The file has {size:,} bytes, more than {limit:,}."
        raise DocumentRefused("document-too-large", message)
