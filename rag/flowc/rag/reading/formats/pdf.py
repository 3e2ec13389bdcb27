"""Reads the pages of a PDF."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import pypdf
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from flowc.rag.documents import DocumentRefused, Metadata, Section
from flowc.rag.reading.formats import ParsingOptions

MAX_STREAM = 32 << 20
# No stream of a PDF may unpack to more than this, and no program is started for one.
_LIMITS: dict[str, Any] = {
    "array_based_stream_maximum_output_length": MAX_STREAM,
    "zlib_maximum_output_length": MAX_STREAM,
    "lzw_maximum_output_length": MAX_STREAM,
    "run_length_maximum_output_length": MAX_STREAM,
    "brotli_maximum_output_length": MAX_STREAM,
    "jbig2dec_binary": None,
    "disable_legacy_handling": True,
}
_PROPERTIES = ("title", "author", "subject", "creator", "producer")


def read(file: BinaryIO, options: ParsingOptions) -> Iterator[Section | Metadata]:
    """Yield a section for each page; text is recognised on pages without any, if there is OCR."""
    pypdf.overwrite_configuration(**_LIMITS)
    document = _opened(file)
    count = len(document.pages)
    if count > options.max_pages:
        message = f"The PDF has {count:,} pages, more than {options.max_pages:,}."
        raise DocumentRefused("document-too-large", message)
    yield {"pages": count, **_metadata(document)}
    without_text = []
    for number, page in enumerate(document.pages, 1):
        text = _text_of(page, number)
        if not text.strip() and options.recogniser is not None:
            text = options.recogniser.page(file, number)
        if text.strip():
            yield Section(text.strip() + "\n\n", page=number)
        else:
            without_text.append(number)
    yield {"pages_without_text": without_text}


def _opened(file: BinaryIO) -> pypdf.PdfReader:
    try:
        document = pypdf.PdfReader(file, strict=False)
        # Many are encrypted only against changes, and open with an empty password.
        if document.is_encrypted and not document.decrypt(""):
            raise DocumentRefused(
                "encrypted-document", "The PDF can be opened only with a password."
            )
        len(document.pages)
    except DependencyError:
        raise DocumentRefused("encrypted-document", "The PDF is encrypted.") from None
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, RecursionError) as problem:
        raise DocumentRefused("broken-document", f"The PDF is broken: {problem}") from None
    return document


def _text_of(page: Any, number: int) -> str:
    try:
        return str(page.extract_text())
    except MemoryError:
        raise
    except LimitReachedError as problem:
        message = f"Page {number} of the PDF unpacks to more than is allowed: {problem}"
        raise DocumentRefused("document-too-large", message) from None
    except Exception as problem:
        message = f"Page {number} of the PDF is broken: {type(problem).__name__}: {problem}"
        raise DocumentRefused("broken-document", message) from None


def _metadata(document: pypdf.PdfReader) -> Metadata:
    try:
        info = document.metadata
        found = {name: str(getattr(info, name) or "").strip() for name in _PROPERTIES}
    except Exception:  # broken metadata can raise anything, and the pages may still be readable
        return {}
    return {name: value for name, value in found.items() if value}
