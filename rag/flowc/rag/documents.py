"""Defines the text of a document, as reading produces it and chunking takes it."""

from dataclasses import dataclass
from typing import Any

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document's text that is on one page and under one heading.

    The text of a document is that of its sections, one after the other. Positions in it are counted
    in characters from its beginning, pages from 1. `headings` is the path from the title down.
    """

    text: str
    page: int | None = None
    headings: tuple[str, ...] = ()


class DocumentRefused(Exception):
    """The document cannot be read; the message says why, and its owner may see it.

    `code` is one of `broken-document`, `encrypted-document`, `document-too-large`,
    `document-too-slow`, `unknown-format`, `no-such-document`, `several-documents`,
    `document-not-allowed`, `no-ocr`.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)
