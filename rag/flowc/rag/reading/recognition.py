"""What does whoever recognises text promise?"""

from typing import BinaryIO, Protocol


class Recognise(Protocol):
    """Recognises text that was scanned; there may be nobody who can."""

    def page(self, file: BinaryIO, number: int) -> str:
        """Return the text of a page of a PDF; pages are counted from 1."""
        ...

    def image(self, file: BinaryIO) -> str:
        """Return the text of an image."""
        ...
