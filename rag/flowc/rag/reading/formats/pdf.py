"""What stands on each page of a PDF?"""

from collections.abc import Iterator
from typing import Any, BinaryIO

import pypdf
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from flowc.rag.documents import DocumentRefused, Metadata, Section
from flowc.rag.reading.recognition import Recognise

MAX_STREAM = 32 << 20
# Nothing in a PDF is unpacked to more than this, and no program is called for it.
_LIMITS: dict[str, Any] = {
    "array_based_stream_maximum_output_length": MAX_STREAM,
    "zlib_maximum_output_length": MAX_STREAM,
    "lzw_maximum_output_length": MAX_STREAM,
    "run_length_maximum_output_length": MAX_STREAM,
    "brotli_maximum_output_length": MAX_STREAM,
    "jbig2dec_binary": None,
    "disable_legacy_handling": True,
}
_SAID = ("title", "author", "subject", "creator", "producer")


def read(
    file: BinaryIO, max_pages: int, recognise: Recognise | None
) -> Iterator[Section | Metadata]:
    """Give a section for each page; where one has no text, it is recognised, if that is wanted."""
    pypdf.overwrite_configuration(**_LIMITS)
    document = _opened(file)
    count = len(document.pages)
    if count > max_pages:
        message = f"The PDF has {count:,} pages, more than {max_pages:,}."
        raise DocumentRefused("document-too-large", message)
    yield {"pages": count, **_metadata(document)}
    without_text = []
    for number, page in enumerate(document.pages, 1):
        text = _text_of(page, number)
        if not text.strip() and recognise is not None:
            text = recognise.page(file, number)
        if text.strip():
            yield Section(text.strip() + "\n\n", page=number)
        else:
            without_text.append(number)
    yield {"pages_without_text": without_text}


def _opened(file: BinaryIO) -> pypdf.PdfReader:
    try:
        document = pypdf.PdfReader(file, strict=False)
        # Many are encrypted only so that nobody changes them, and open without a password.
        if document.is_encrypted and not document.decrypt(""):
            raise DocumentRefused("encrypted-document", "The PDF opens only with a password.")
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
        message = f"Page {number} of the PDF unpacks to more than it may: {problem}"
        raise DocumentRefused("document-too-large", message) from None
    except Exception as problem:
        message = f"Page {number} of the PDF is broken: {type(problem).__name__}: {problem}"
        raise DocumentRefused("broken-document", message) from None


def _metadata(document: pypdf.PdfReader) -> Metadata:
    try:
        said = document.metadata
        found = {name: str(getattr(said, name) or "").strip() for name in _SAID}
    except Exception:  # what a broken PDF says of itself can be anything, and is no reason to stop
        return {}
    return {name: value for name, value in found.items() if value}
