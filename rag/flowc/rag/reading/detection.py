"""Detects the format of a file: by its content where that shows it, else by name or media type."""

from pathlib import PurePath
from typing import BinaryIO

from flowc.rag.documents import DocumentRefused
from flowc.rag.reading.archives import require_harmless
from flowc.rag.reading.formats import FORMATS, TEXT, DocumentFormat

# Office files from before 2007; newer ones with a password are wrapped in the same container.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_HEAD = 1_024

_BY_SUFFIX = {suffix: format for format in FORMATS for suffix in format.suffixes}
_BY_MEDIA_TYPE = {media_type: format for format in FORMATS for media_type in format.media_types}


def format_of_name(name: str) -> DocumentFormat | None:
    """Return the format that the suffix of a file's name stands for.

    >>> format_of_name("reports/2024.PDF").name
    'pdf'
    >>> format_of_name("program.exe") is None
    True
    """
    return _BY_SUFFIX.get(PurePath(name).suffix.lower())


def format_of(file: BinaryIO, name: str, media_type: str | None = None) -> DocumentFormat:
    """Return the format of a file; raise DocumentRefused.

    Content counts more than a name: a PDF called `notes.txt` is a PDF, and a text called
    `notes.pdf` is refused. What nothing identifies is taken for text.
    """
    head = file.read(_HEAD)
    file.seek(0)
    for format in FORMATS:
        if format.signature is not None and format.signature.search(head):
            return format
    if head.startswith(_OLE):
        message = "This is an Office file with a password, or from before 2007; save it as docx."
        raise DocumentRefused("encrypted-document", message)
    if head.startswith(_ZIP):
        return _format_of_archive(file)
    named = format_of_name(name) or _format_of_media_type(media_type) or TEXT
    if named.has_known_content:
        message = f"{name} is named like {_article(named.name)} {named.name}, but is not one."
        raise DocumentRefused("broken-document", message)
    return named


def _format_of_media_type(media_type: str | None) -> DocumentFormat | None:
    return _BY_MEDIA_TYPE.get((media_type or "").partition(";")[0].strip())


def _format_of_archive(file: BinaryIO) -> DocumentFormat:
    names = set(require_harmless(file).namelist())
    file.seek(0)
    for format in FORMATS:
        if format.archive_part in names:
            return format
    raise DocumentRefused("unknown-format", "This is an archive; only documents can be read.")


def _article(word: str) -> str:
    return "an" if word[0] in "aeiox" else "a"
