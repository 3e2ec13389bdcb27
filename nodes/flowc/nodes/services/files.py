"""The uploaded files of a tenant, as nodes read them and add to them."""

import hashlib
import io
import uuid
from abc import ABC, abstractmethod
from datetime import UTC, datetime
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

    @abstractmethod
    async def add(self, file: BinaryIO, name: str, media_type: str, digest: str) -> FileInfo:
        """Store a whole file."""

    async def add_content(self, content: bytes, name: str, media_type: str) -> FileInfo:
        """Store a content that is in memory."""
        digest = hashlib.sha256(content).hexdigest()
        return await self.add(io.BytesIO(content), name, media_type, digest)


class HeldFiles(Files):
    """Files in the memory of a process that keeps none: those of one run of `flowc run`."""

    def __init__(self) -> None:
        self._held = dict[str, tuple[FileInfo, bytes]]()

    async def info(self, id: str) -> FileInfo | None:
        """Return what is known of a file; None if it does not exist."""
        found = self._held.get(id)
        return found[0] if found is not None else None

    async def open(self, id: str) -> BinaryIO:
        """Return a copy with a descriptor; raise FileNotFoundError."""
        import tempfile  # noqa: PLC0415 - few runs read such files

        if id not in self._held:
            raise FileNotFoundError(id)
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        file.write(self._held[id][1])
        file.seek(0)
        return file

    async def add(self, file: BinaryIO, name: str, media_type: str, digest: str) -> FileInfo:
        """Hold a file until the process ends."""
        file.seek(0)
        content, id = file.read(), uuid.uuid4().hex
        info = FileInfo(id, name, media_type, len(content), digest, datetime.now(UTC))
        self._held[id] = info, content
        return info
