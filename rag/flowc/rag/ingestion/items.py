"""What is to be ingested?"""

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """A document to be: `source` is what it is known by, `open` gives a file with a descriptor.

    Its metadata can be searched for; texts, numbers and booleans count.
    """

    source: str
    open: Callable[[], BinaryIO]
    media_type: str | None = None
    metadata: Metadata = field(default_factory=dict)


def from_file(path: Path, source: str | None = None, metadata: Metadata | None = None) -> Item:
    """Return a file of this machine as an item; its path is its source unless told otherwise."""
    return Item(source or path.as_posix(), lambda: path.open("rb"), metadata=metadata or {})


def from_text(source: str, text: str, metadata: Metadata | None = None) -> Item:
    """Return a text as an item."""

    def open_text() -> BinaryIO:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it is given to who closes it
        file.write(text.encode(errors="replace"))
        file.seek(0, io.SEEK_SET)
        return file

    return Item(source, open_text, "text/plain", metadata or {})
