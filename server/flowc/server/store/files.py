"""Uploaded files: in the database, part by part, so that every process can read them."""

import builtins
import tempfile
import uuid
from typing import BinaryIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from flowc.nodes.services.files import FileInfo, Files
from flowc.server.records.refused import Refused
from flowc.server.records.times import now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.tables import FilePartRow, FileRow

PART = 1 << 20


class NoSuchFile(Refused):
    """The file does not exist, or belongs to another tenant."""


class StoredFiles(Files):
    """One tenant's uploaded files."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self._tenant = database, tenant

    async def add(self, file: BinaryIO, name: str, media_type: str, digest: str) -> FileInfo:
        """Store a whole file; it is visible once all of it is stored."""
        file.seek(0)
        id, size, number = uuid.uuid4().hex, 0, 0
        await self._begin(id, name, media_type, digest)
        while part := file.read(PART):
            await self._add(id, number, part)
            size, number = size + len(part), number + 1
        return await self._end(id, size)

    async def info(self, id: str) -> FileInfo | None:
        """Return what is known of a file; None if it does not exist."""
        try:
            return await self.get(id)
        except NoSuchFile:
            return None

    async def open(self, id: str) -> BinaryIO:
        """Return a temporary copy with a descriptor; raise FileNotFoundError."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        number = 0
        while (part := await self.part(id, number)) is not None:
            file.write(part)
            number += 1
        file.seek(0)
        if await self.info(id) is None:
            file.close()
            raise FileNotFoundError(id)
        return file

    @reading
    def get(self, session: Session, id: str) -> FileInfo:
        """Return what is known of a file; raise NoSuchFile."""
        return _info(self._row(session, id))

    @reading
    def list(
        self, session: Session, limit: int, offset: int
    ) -> tuple[builtins.list[FileInfo], int]:
        """Return a page of files, the newest first, and how many there are."""
        mine = (FileRow.tenant == self._tenant, FileRow.is_whole)
        total = session.scalar(select(func.count()).select_from(FileRow).where(*mine))
        found = select(FileRow).where(*mine).order_by(FileRow.created_at.desc(), FileRow.id)
        rows = session.scalars(found.limit(limit).offset(offset))
        return [_info(row) for row in rows], int(total or 0)

    @reading
    def part(self, session: Session, id: str, number: int) -> bytes | None:
        """Return a part of a file's content, numbered from 0; None beyond its end."""
        row = session.get(FilePartRow, (self._tenant, id, number))
        return bytes(row.data) if row is not None else None

    @writing
    def delete(self, session: Session, id: str) -> None:
        """Delete a file; raise NoSuchFile. Documents ingested from it remain."""
        session.delete(self._row(session, id))

    @writing
    def _begin(self, session: Session, id: str, name: str, media_type: str, digest: str) -> None:
        session.add(
            FileRow(
                tenant=self._tenant,
                id=id,
                name=name,
                media_type=media_type,
                size=0,
                digest=digest,
                is_whole=False,
                created_at=now(),
            )
        )

    @writing
    def _add(self, session: Session, id: str, number: int, data: bytes) -> None:
        session.add(FilePartRow(tenant=self._tenant, file_id=id, number=number, data=data))

    @writing
    def _end(self, session: Session, id: str, size: int) -> FileInfo:
        row = session.get_one(FileRow, (self._tenant, id))
        row.size, row.is_whole = size, True
        return _info(row)

    def _row(self, session: Session, id: str) -> FileRow:
        row = session.get(FileRow, (self._tenant, id))
        if row is None or not row.is_whole:
            raise NoSuchFile
        return row


def _info(row: FileRow) -> FileInfo:
    return FileInfo(row.id, row.name, row.media_type, row.size, row.digest, row.created_at)
