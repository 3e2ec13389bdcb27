"""What is a document, once it has been read?"""

from dataclasses import dataclass
from typing import Any

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document's text that stands on one page and under one heading.

    The text of a document is that of its sections, one after the other; places in it are counted in
    characters from its beginning, pages from 1. `headings` is the path from the title down.
    """

    text: str
    page: int | None = None
    headings: tuple[str, ...] = ()


class DocumentRefused(Exception):
    """Whoever reads a document that cannot be read meets this; the message tells its owner why.

    `code` is one of `broken-document`, `encrypted-document`, `document-too-large`,
    `document-too-slow`, `unknown-format`, `no-such-document`, `several-documents`,
    `document-not-allowed`, `no-ocr`.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)
