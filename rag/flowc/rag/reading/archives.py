"""Refuses ZIP archives, such as Office files, that are broken or unpack to too much."""

import zipfile
from typing import BinaryIO

from flowc.rag.documents import DocumentRefused

MAX_FILES = 5_000
MAX_UNPACKED = 256 << 20
MAX_RATIO = 200
# Smaller files may have any ratio of packed to unpacked size.
RATIO_FROM = 1 << 20
PIECE = 1 << 16


def require_harmless(file: BinaryIO) -> zipfile.ZipFile:
    """Return the archive; raise DocumentRefused.

    An archive can declare sizes that are too small, so each file is unpacked once, piece by piece,
    and compared with what was declared.
    """
    try:
        archive = zipfile.ZipFile(file)
        _require_sizes(archive.infolist())
        for entry in archive.infolist():
            _require_declared_size(archive, entry)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError) as problem:
        raise DocumentRefused("broken-document", f"The archive is broken: {problem}") from None
    except RuntimeError:
        raise DocumentRefused("encrypted-document", "The document is encrypted.") from None
    return archive


def _require_sizes(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_FILES:
        raise _too_large(f"contains {len(entries):,} files")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED:
        raise _too_large(f"unpacks to {unpacked:,} bytes")
    for entry in entries:
        if entry.file_size > RATIO_FROM and entry.file_size > MAX_RATIO * entry.compress_size:
            raise _too_large(f"contains {entry.filename[:80]!r}, which unpacks to far too much")


def _require_declared_size(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    read = 0
    with archive.open(entry) as inside:
        while piece := inside.read(PIECE):
            read += len(piece)
            if read > entry.file_size:
                raise _too_large(f"contains {entry.filename[:80]!r}, which is larger than declared")


def _too_large(what: str) -> DocumentRefused:
    return DocumentRefused("document-too-large", f"The document {what}.")
