"""Gets documents from folders that the operator allows, from uploads, and from the web."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, BinaryIO

from flowc.nodes.services.egress import (
    EgressDenied,
    HttpClient,
    RequestFailed,
    ResponseTooLarge,
    ResponseUnreadable,
)
from flowc.nodes.services.files import Files, HeldFiles
from flowc.rag.documents import DocumentRefused
from flowc.rag.folders import Folders
from flowc.rag.ingestion import DocumentItem, spooled

# Largest document from the web; it is downloaded to memory.
MAX_BYTES = 64 << 20
SECONDS = 60.0
REDIRECTS = 5


class Sources:
    """The places that workflows can get documents from."""

    def __init__(self, folders: Folders, http: HttpClient, files: Files | None = None) -> None:
        self.folders, self._http, self._files = folders, http, files or HeldFiles()

    async def in_folders(
        self, paths: Iterable[str], pattern: str, metadata: dict[str, Any]
    ) -> AsyncIterator[DocumentItem]:
        """Yield the documents in folders, and single files; raise DocumentRefused."""
        for path in paths:
            found = await asyncio.to_thread(self.folders.items, path, pattern)
            while (item := await asyncio.to_thread(next, found, None)) is not None:
                yield DocumentItem(item.source, item.open, None, metadata)

    async def count(self, paths: Iterable[str], pattern: str) -> int:
        """Return the number of documents in folders; raise DocumentRefused."""
        found = (self.folders.items(path, pattern) for path in paths)
        return await asyncio.to_thread(lambda: sum(1 for items in found for _ in items))

    async def uploaded(self, id: str, metadata: dict[str, Any] | None = None) -> DocumentItem:
        """Return an uploaded file; its name is its source; raise DocumentRefused."""
        info = await self._files.info(id)
        if info is None:
            raise DocumentRefused("no-such-document", f"There is no uploaded file {id!r}.")
        known = {"file_id": info.id, **(metadata or {})}
        loop, files = asyncio.get_running_loop(), self._files

        def open_here() -> BinaryIO:
            # This runs in a thread, while the files belong to the event loop.
            return asyncio.run_coroutine_threadsafe(files.open(id), loop).result()

        return DocumentItem(info.name, open_here, info.media_type, known, info.digest)

    async def on_the_web(self, url: str, metadata: dict[str, Any] | None = None) -> DocumentItem:
        """Download a document; its URL is its source; raise DocumentRefused.

        Only addresses that the operator allows are contacted.
        """
        content, media_type = await self._fetched(url)
        return DocumentItem(url, partial(spooled, content), media_type, metadata or {})

    async def one(self, path: str | None, file: str | None, url: str | None) -> DocumentItem:
        """Return the document that one of the three arguments names; raise DocumentRefused."""
        if file is not None:
            return await self.uploaded(file)
        if url is not None:
            return await self.on_the_web(url)
        wanted = path or ""
        return DocumentItem(wanted, partial(self.folders.open, wanted))

    async def _fetched(self, url: str) -> tuple[bytes, str]:
        try:
            answer = await self._http.request(
                "GET", url, max_redirects=REDIRECTS, max_bytes=MAX_BYTES, deadline=SECONDS
            )
        except (EgressDenied, ResponseTooLarge, ResponseUnreadable) as problem:
            raise DocumentRefused("document-not-allowed", f"{url}: {problem}.") from None
        except (TimeoutError, RequestFailed):
            raise DocumentRefused("no-such-document", f"{url} does not respond.") from None
        if answer.status_code != HTTPStatus.OK:
            message = f"{url} responds with status {answer.status_code}."
            raise DocumentRefused("no-such-document", message)
        return answer.content, answer.headers.get("content-type", "")
