"""The uploaded files of a tenant, as nodes read them."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import BinaryIO, NamedTuple


class FileInfo(NamedTuple):
    """An uploaded file; `size` is in bytes, `digest` is the SHA-256 of its content."""

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
        """Return a file's name, type and size; None if there is no such file."""

    @abstractmethod
    async def open(self, id: str) -> BinaryIO:
        """Return its content as an open file with a descriptor; raise FileNotFoundError."""


class NoFiles(Files):
    """A host without uploads."""

    async def info(self, id: str) -> FileInfo | None:
        """Return None."""
        return None

    async def open(self, id: str) -> BinaryIO:
        """Raise FileNotFoundError."""
        raise FileNotFoundError(id)
