"""Defines what a recogniser of scanned text must provide."""

from typing import BinaryIO, Protocol


class TextRecogniser(Protocol):
    """Recognises scanned text (OCR)."""

    def page(self, file: BinaryIO, number: int) -> str:
        """Return the text of a page of a PDF; pages are counted from 1."""
        ...

    def image(self, file: BinaryIO) -> str:
        """Return the text of an image."""
        ...
