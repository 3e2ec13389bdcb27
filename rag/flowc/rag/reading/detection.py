"""In which format is a file?"""

from pathlib import PurePath
from typing import BinaryIO, Literal, get_args

from flowc.rag.documents import DocumentRefused
from flowc.rag.reading.archives import require_harmless

Format = Literal[
    "text",
    "markdown",
    "html",
    "pdf",
    "docx",
    "pptx",
    "xlsx",
    "csv",
    "json",
    "jsonl",
    "eml",
    "image",
]
FORMATS: tuple[str, ...] = get_args(Format)
# Those that are read piece by piece, so that their length costs no memory.
STREAMED = frozenset({"text", "markdown", "csv", "jsonl"})
OFFICE = frozenset({"docx", "pptx", "xlsx"})

SUFFIXES: dict[str, Format] = {
    ".txt": "text", ".text": "text", ".log": "text", ".rst": "text",
    ".md": "markdown", ".markdown": "markdown",
    ".html": "html", ".htm": "html", ".xhtml": "html",
    ".pdf": "pdf", ".docx": "docx", ".pptx": "pptx", ".xlsx": "xlsx",
    ".csv": "csv", ".tsv": "csv",
    ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".eml": "eml",
}  # fmt: skip
MEDIA_TYPES: dict[str, Format] = {
    "application/pdf": "pdf", "text/html": "html", "application/xhtml+xml": "html",
    "text/markdown": "markdown", "text/csv": "csv", "application/json": "json",
    "application/x-ndjson": "jsonl", "application/jsonl": "jsonl", "message/rfc822": "eml",
    "text/plain": "text",
}  # fmt: skip
_OFFICE_PARTS: dict[str, Format] = {
    "word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx",
}  # fmt: skip
# Old Office files, and new ones with a password, which are wrapped in the same way.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# PNG, JPEG and TIFF; WebP says its name later.
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")
_HEAD = 1_024


def suffix_format(name: str) -> Format | None:
    """Return the format that a file's name tells of."""
    return SUFFIXES.get(PurePath(name).suffix.lower())


def format_of(file: BinaryIO, name: str, media_type: str | None = None) -> Format:
    """Return the format of a file, by what is in it, then by its name; raise DocumentRefused."""
    head = file.read(_HEAD)
    file.seek(0)
    named = suffix_format(name) or MEDIA_TYPES.get((media_type or "").partition(";")[0].strip())
    if b"%PDF-" in head:
        return "pdf"
    if head.startswith(_IMAGES) or head[8:12] == b"WEBP":
        return "image"
    if head.startswith(_OLE):
        message = "It is an Office file with a password, or one of before 2007; save it as docx."
        raise DocumentRefused("encrypted-document", message)
    if head.startswith(b"PK\x03\x04"):
        return _office_format(file)
    if named in OFFICE or named == "pdf":
        message = f"{name} is named as {_article(named)} {named}, and is none."
        raise DocumentRefused("broken-document", message)
    return named or "text"


def _office_format(file: BinaryIO) -> Format:
    names = set(require_harmless(file).namelist())
    file.seek(0)
    for part, format in _OFFICE_PARTS.items():
        if part in names:
            return format
    raise DocumentRefused("unknown-format", "It is an archive; only documents can be read.")


def _article(word: str) -> str:
    return "an" if word[0] in "aeiox" else "a"
