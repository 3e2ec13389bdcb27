"""Defines the documents to ingest, and opens them."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from flowc.rag.blocking import in_thread
from flowc.rag.documents import DocumentRefused, Metadata

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class DocumentItem:
    """A document to ingest; `source` is its name in the collection.

    `open` returns a file that has a descriptor, and may raise DocumentRefused or OSError. It is
    called in a thread: once for the digest, unless `digest` is the SHA-256 of the content already,
    and again for reading. Filters can compare those values of `metadata` that are texts, numbers or
    booleans.
    """

    source: str
    open: Callable[[], BinaryIO]
    media_type: str | None = None
    metadata: Metadata = field(default_factory=dict)
    digest: str | None = None


def from_file(
    path: Path, source: str | None = None, metadata: Metadata | None = None
) -> DocumentItem:
    """Return a file of this machine as an item; by default its path is its source."""
    return DocumentItem(source or path.as_posix(), lambda: path.open("rb"), None, metadata or {})


def from_text(source: str, text: str, metadata: Metadata | None = None) -> DocumentItem:
    """Return a text as an item."""
    raw = text.encode(errors="replace")
    digest = sha256(raw).hexdigest()
    return DocumentItem(source, partial(spooled, raw), "text/plain", metadata or {}, digest)


def digest_of(item: DocumentItem) -> str:
    """Return the SHA-256 of an item's content; raise DocumentRefused."""
    if item.digest is not None:
        return item.digest
    with _refusing(item), item.open() as file:
        return digest_of_file(file)


@asynccontextmanager
async def opened(item: DocumentItem) -> AsyncIterator[tuple[BinaryIO, str]]:
    """Open an item in a thread; yield its file and current digest; raise DocumentRefused."""
    with ExitStack() as stack:

        def open_in_thread() -> tuple[BinaryIO, str]:
            with _refusing(item):
                file = stack.enter_context(item.open())
                return file, digest_of_file(file)

        yield await in_thread(None, open_in_thread)


@contextmanager
def _refusing(item: DocumentItem) -> Iterator[None]:
    """Turn an OSError of an item's file into a DocumentRefused."""
    try:
        yield
    except OSError:
        message = f"{item.source} cannot be opened."
        raise DocumentRefused("no-such-document", message) from None


def digest_of_file(file: BinaryIO) -> str:
    """Return the SHA-256 of a file's content, and rewind the file."""
    digest = sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def spooled(raw: bytes) -> BinaryIO:
    """Return a file with this content that is deleted when it is closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(raw)
    file.seek(0)
    return file
