"""The table of document formats, one row each.

Detection, parsing and the reading process follow this table. A format is parsed by the module here
that has its name. Parsers and their libraries take a second and 40 MB to import, so only the
reading process loads them.
"""

import importlib
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol

from flowc.rag.documents import Metadata, Section
from flowc.rag.reading.text_recognition import TextRecogniser


class ParsingOptions(NamedTuple):
    """What a parser gets in addition to the file; without OCR there is no recogniser."""

    max_pages: int
    recogniser: TextRecogniser | None


class Parser(Protocol):
    """The function `read` of a format's module."""

    def __call__(self, file: BinaryIO, options: ParsingOptions, /) -> Iterator[Section | Metadata]:
        """Yield the sections of a file, and what it says about itself; raise DocumentRefused."""
        ...


class DocumentFormat(NamedTuple):
    """One document format: how it is recognised, and what parsing it takes.

    A `signature` is searched for in the first kilobyte of a file, an `archive_part` among the names
    in a ZIP archive. Formats without either are recognised by suffix or media type. A streamed
    format is parsed piece by piece, so its files may be larger. The modules of `late_imports` are
    imported before the reading process locks itself, since it cannot open files afterwards.
    """

    name: str
    suffixes: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    signature: re.Pattern[bytes] | None = None
    archive_part: str | None = None
    is_streamed: bool = False
    needs_ocr: bool = False
    late_imports: tuple[str, ...] = ()

    @property
    def has_known_content(self) -> bool:
        """Whether every file of this format is recognised by its content."""
        return self.signature is not None or self.archive_part is not None

    def load_parser(self) -> Parser:
        """Import the format's parser."""
        parser: Parser = importlib.import_module(f"{__name__}.{self.name}").read
        return parser


TEXT = DocumentFormat(
    "text",
    suffixes=(".txt", ".text", ".log", ".rst"),
    media_types=("text/plain",),
    is_streamed=True,
    late_imports=("encodings",),
)
FORMATS = (
    TEXT,
    DocumentFormat(
        "markdown",
        suffixes=(".md", ".markdown"),
        media_types=("text/markdown",),
        is_streamed=True,
    ),
    DocumentFormat(
        "html",
        suffixes=(".html", ".htm", ".xhtml"),
        media_types=("text/html", "application/xhtml+xml"),
    ),
    DocumentFormat(
        "pdf",
        suffixes=(".pdf",),
        media_types=("application/pdf",),
        # Some files have other bytes before it.
        signature=re.compile(rb"%PDF-"),
        late_imports=("pypdf",),
    ),
    DocumentFormat(
        "docx",
        suffixes=(".docx",),
        archive_part="word/document.xml",
        late_imports=("docx",),
    ),
    DocumentFormat(
        "pptx",
        suffixes=(".pptx",),
        archive_part="ppt/presentation.xml",
        late_imports=("pptx",),
    ),
    DocumentFormat(
        "xlsx",
        suffixes=(".xlsx",),
        archive_part="xl/workbook.xml",
    ),
    DocumentFormat(
        "csv",
        suffixes=(".csv", ".tsv"),
        media_types=("text/csv",),
        is_streamed=True,
    ),
    DocumentFormat(
        "json",
        suffixes=(".json",),
        media_types=("application/json",),
    ),
    DocumentFormat(
        "jsonl",
        suffixes=(".jsonl", ".ndjson"),
        media_types=("application/x-ndjson", "application/jsonl"),
        is_streamed=True,
    ),
    DocumentFormat(
        "eml",
        suffixes=(".eml",),
        media_types=("message/rfc822",),
        late_imports=("email",),
    ),
    # PNG, JPEG, TIFF in both byte orders, WebP. Folders are not searched for images.
    DocumentFormat(
        "image",
        signature=re.compile(
            rb"\A(?:\x89PNG\r\n\x1a\n|\xff\xd8\xff|II\*\0|MM\0\*|.{8}WEBP)", re.DOTALL
        ),
        needs_ocr=True,
    ),
)
