"""Contents of uploaded files, as models take them and make them."""

import asyncio
import mimetypes
from collections.abc import Mapping
from typing import Any, NamedTuple

from flowc.compiler.node import Context, NodeError
from flowc.nodes.services.files import FileInfo, Files

# What the first bytes of a content are, for uploads whose sender did not say.
_SIGNS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (4, b"ftypM4A", "audio/mp4"),
)
_UNKNOWN = frozenset({"", "application/octet-stream", "binary/octet-stream"})


class UploadedContent(NamedTuple):
    """The content of an uploaded file; `media_type` has no parameters."""

    name: str
    media_type: str
    content: bytes


def id_of_file(given: Any) -> str | None:
    """Return the id of an uploaded file: a text, or an object that nodes and the API return.

    >>> id_of_file("8f3a"), id_of_file({"file": "8f3a", "size": 7}), id_of_file({"id": "8f3a"})
    ('8f3a', '8f3a', '8f3a')
    """
    if isinstance(given, Mapping):
        given = given.get("file") or given.get("id")
    return given if isinstance(given, str) and given else None


async def content_of_file(context: Context, given: Any, most: int) -> UploadedContent:
    """Return the content of an uploaded file; raise NodeError if it cannot be read."""
    files, id = _files(context), id_of_file(given)
    info = await files.info(id) if id is not None else None
    if info is None:
        message = f"There is no uploaded file {str(given)[:100]!r}."
        raise NodeError("no-such-file", message, hint="Write the id that the upload returned.")
    if info.size > most:
        message = f"The file {info.name[:100]!r} is larger than {most:,} bytes."
        raise NodeError("file-too-large", message)
    try:
        opened = await files.open(info.id)
    except FileNotFoundError:
        # Deleted since.
        raise NodeError("no-such-file", f"There is no uploaded file {info.id!r}.") from None
    with opened:
        content = await asyncio.to_thread(opened.read)
    return UploadedContent(info.name, media_type_of(info, content[:16]), content)


def media_type_of(info: FileInfo, start: bytes) -> str:
    """Return what a file is: as its sender said, or by its first bytes, or by its name."""
    said = info.media_type.partition(";")[0].strip().lower()
    if said not in _UNKNOWN:
        return said
    for at, sign, media_type in _SIGNS:
        if start[at : at + len(sign)] == sign:
            return media_type
    return mimetypes.guess_type(info.name)[0] or "application/octet-stream"


async def kept_as_file(
    context: Context, content: bytes, name: str, media_type: str
) -> dict[str, Any]:
    """Store a content as an upload, and return how outputs name it."""
    info = await _files(context).add_content(content, name, media_type)
    return {"file": info.id, "name": info.name, "media_type": info.media_type, "size": info.size}


def _files(context: Context) -> Files:
    return context.service(Files)  # type: ignore[type-abstract] # it is a key here, and not called
