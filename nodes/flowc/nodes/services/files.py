"""Where are the files that people have uploaded?"""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import BinaryIO, NamedTuple


class FileInfo(NamedTuple):
    """What is known of an uploaded file; `digest` is the SHA-256 of its content."""

    id: str
    name: str
    media_type: str
    size: int
    digest: str
    created_at: datetime


class Files(ABC):
    """One tenant's uploaded files."""

    @abstractmethod
    async def info(self, id: str) -> FileInfo | None:
        """Return what is known of a file, if there is one."""

    @abstractmethod
    async def open(self, id: str) -> BinaryIO:
        """Return a copy of its content, as a file with a descriptor; raise FileNotFoundError."""


class NoFiles(Files):
    """A host without uploads."""

    async def info(self, id: str) -> FileInfo | None:
        """Return nothing."""
        return None

    async def open(self, id: str) -> BinaryIO:
        """Raise FileNotFoundError."""
        raise FileNotFoundError(id)
