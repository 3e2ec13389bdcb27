"""Reads documents of all formats."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any, BinaryIO

from flowc.rag.documents import DocumentRefused, Metadata, Section
from flowc.rag.reading.limits import OCR_LIMITS, ReadingLimits
from flowc.rag.reading.processes import ReadingProcesses


class Reading:
    """A document that is being read; its sections can be iterated once.

    `metadata` is complete after the last section: `format`, and what the document says about
    itself, such as `title`, `author`, `pages`, `pages_without_text`.
    """

    def __init__(self, frames: AsyncIterator[dict[str, Any]]) -> None:
        self._frames = frames
        self.metadata: Metadata = {}

    async def __aiter__(self) -> AsyncIterator[Section]:
        """Yield the sections; raise DocumentRefused, possibly after some of them."""
        async for sections in self.batches():
            for section in sections:
                yield section

    async def batches(self) -> AsyncIterator[list[Section]]:
        """Yield the sections, several at a time."""
        refused: list[str] | None = None
        async for frame in self._frames:
            self.metadata |= frame.get("metadata", {})
            refused = frame.get("refused", refused)
            if "sections" in frame:
                yield [Section(text, page, tuple(path)) for text, page, path in frame["sections"]]
        if refused is not None:
            raise DocumentRefused(*refused)


class Reader:
    """Reads documents of all formats, in processes that can do nothing else; close it when done.

    With OCR, the text of scanned pages is recognised; this needs the extra `flowc[ocr]`.
    """

    def __init__(self, processes: int = 2, limits: ReadingLimits = ReadingLimits()) -> None:
        self._plain = ReadingProcesses(processes)
        self._ocr = ReadingProcesses(1, with_ocr=True)
        self.limits = limits

    @asynccontextmanager
    async def reading(
        self, file: BinaryIO, name: str, media_type: str | None = None, *, with_ocr: bool = False
    ) -> AsyncIterator[Reading]:
        """Open a document for reading; name and media type help where its content is not clear."""
        if os.fstat(file.fileno()).st_size > self.limits.max_bytes:
            message = f"{name} has more than {self.limits.max_bytes:,} bytes."
            raise DocumentRefused("document-too-large", message)
        if with_ocr and find_spec("rapidocr") is None:
            raise DocumentRefused("no-ocr", "OCR needs the extra `flowc[ocr]` on the server.")
        processes = self._ocr if with_ocr else self._plain
        limits = OCR_LIMITS if with_ocr else self.limits
        # On the descriptor, since a file object that has read ahead only moves in its buffer.
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        async with processes.reading(file.fileno(), name, media_type, limits) as frames:
            yield Reading(frames)

    async def read(
        self, file: BinaryIO, name: str, media_type: str | None = None, *, with_ocr: bool = False
    ) -> tuple[list[Section], Metadata]:
        """Return all sections of a document, and its metadata; raise DocumentRefused."""
        async with self.reading(file, name, media_type, with_ocr=with_ocr) as reading:
            sections = [section async for section in reading]
        return sections, reading.metadata

    async def aclose(self) -> None:
        """End the processes."""
        await self._plain.aclose()
        await self._ocr.aclose()
