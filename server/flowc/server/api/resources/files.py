"""Routes for uploaded files, which workflows can read."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from flowc.rag.ingestion.items import digest_of_file
from flowc.server.api.admission import AdmittedRoute
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.paging import MAX_NUMBER, Page
from flowc.server.api.refused_requests import FileNameRefused
from flowc.server.store.files import StoredFiles

FILES = "/knowledge/files"
MAX_NAME = 255

router = APIRouter(prefix=FILES, tags=["knowledge"], route_class=AdmittedRoute, responses=RESPONSES)

FileId = Annotated[str, Path(max_length=64, description="Id of an uploaded file.")]


class FileBody(BaseModel):
    """An uploaded file."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    media_type: str
    size: int = Field(description="In bytes.")
    digest: str = Field(description="SHA-256 of the content, in hexadecimal.")
    created_at: datetime


class FilePage(Page):
    """A page of files, newest first."""

    items: list[FileBody]


@router.post("", status_code=HTTPStatus.CREATED)
async def upload_file(file: UploadFile, tenant: CurrentTenant) -> FileBody:
    """Upload a file; its name becomes the `source` of the document when it is ingested."""
    name = file_name(file.filename)
    digest = await asyncio.to_thread(digest_of_file, file.file)
    media_type = (file.content_type or "application/octet-stream")[:255]
    return FileBody.model_validate(await tenant.files.add(file.file, name, media_type, digest))


@router.get("")
async def list_files(
    tenant: CurrentTenant,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Largest number to return.")] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_NUMBER, description="Number of files to skip.")] = 0,
) -> FilePage:
    """Return a page of files, newest first."""
    found, total = await tenant.files.list(limit, offset)
    return FilePage(
        items=[FileBody.model_validate(each) for each in found],
        total=total,
        limit=limit,
        offset=offset,
    )


@router.get("/{file_id}")
async def get_file(file_id: FileId, tenant: CurrentTenant) -> FileBody:
    """Return a file's name, type, size and digest."""
    return FileBody.model_validate(await tenant.files.get(file_id))


@router.get("/{file_id}/content", response_class=StreamingResponse)
async def get_content(file_id: FileId, tenant: CurrentTenant) -> StreamingResponse:
    """Download a file; browsers save it and never display it."""
    info = await tenant.files.get(file_id)
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(info.name)}",
        "content-length": str(info.size),
    }
    return StreamingResponse(
        _content(tenant.files, file_id), media_type="application/octet-stream", headers=headers
    )


@router.delete("/{file_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_file(file_id: FileId, tenant: CurrentTenant) -> Response:
    """Delete a file; documents ingested from it stay in their collections."""
    await tenant.files.delete(file_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def file_name(given: str | None) -> str:
    """Return the name of a file without its folders; raise FileNameRefused."""
    name = (given or "").replace("\\", "/").rpartition("/")[2]
    if not name or len(name) > MAX_NAME or "\0" in name:
        raise FileNameRefused
    return name


async def _content(files: StoredFiles, id: str) -> AsyncIterator[bytes]:
    number = 0
    while (part := await files.part(id, number)) is not None:
        yield part
        number += 1
