"""How does a file become sections? All formats in one table; in a locked process only."""

from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from flowc.rag.documents import DocumentRefused, Metadata, Section
from flowc.rag.reading.detection import OFFICE, STREAMED, format_of
from flowc.rag.reading.formats import (
    csv,
    docx,
    eml,
    html,
    image,
    json,
    markdown,
    pdf,
    pptx,
    text,
    xlsx,
)
from flowc.rag.reading.limits import ReadingLimits
from flowc.rag.reading.recognition import Recognise

Parse = Callable[[BinaryIO], Iterator[Section | Metadata]]

PARSERS: dict[str, Parse] = {
    "text": text.read,
    "markdown": markdown.read,
    "html": html.read,
    "docx": docx.read,
    "pptx": pptx.read,
    "xlsx": xlsx.read,
    "csv": csv.read,
    "json": json.read,
    "jsonl": json.read_lines,
    "eml": eml.read,
}


class Request(NamedTuple):
    """What is to be read, and how."""

    name: str
    media_type: str | None
    limits: ReadingLimits


def parse(
    file: BinaryIO, size: int, request: Request, recognise: Recognise | None
) -> Iterator[Section | Metadata]:
    """Give what a file says of itself, and its sections; raise DocumentRefused."""
    limits = request.limits
    _require_size(size, limits.max_bytes)
    format = format_of(file, request.name, request.media_type)
    if format not in STREAMED:
        _require_size(size, limits.max_whole_bytes)
    yield {"format": format}
    characters = 0
    for found in _found(file, format, limits, recognise):
        if isinstance(found, Section):
            characters += len(found.text)
            if characters > limits.max_characters:
                message = f"The document has more than {limits.max_characters:,} characters."
                raise DocumentRefused("document-too-large", message)
        yield found


def _found(
    file: BinaryIO, format: str, limits: ReadingLimits, recognise: Recognise | None
) -> Iterator[Section | Metadata]:
    try:
        if format == "pdf":
            yield from pdf.read(file, limits.max_pages, recognise)
        elif format == "image":
            yield from image.read(file, recognise)
        else:
            yield from PARSERS[format](file)
    except (DocumentRefused, MemoryError):
        raise
    except RecursionError:
        raise DocumentRefused("broken-document", "The document is nested too deep.") from None
    except Exception as problem:
        # A library met what it did not expect: the file is broken, whatever it says.
        kind = "Office file" if format in OFFICE else format
        message = f"The {kind} cannot be read: {type(problem).__name__}: {str(problem)[:200]}"
        raise DocumentRefused("broken-document", message) from None


def _require_size(size: int, limit: int) -> None:
    if size > limit:
        message = f"The file has {size:,} bytes, more than {limit:,}."
        raise DocumentRefused("document-too-large", message)
