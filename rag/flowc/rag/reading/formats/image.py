"""Recognises the text of an image."""

from collections.abc import Iterator
from typing import BinaryIO

from flowc.rag.documents import Section
from flowc.rag.reading.formats import ParsingOptions


def read(file: BinaryIO, options: ParsingOptions) -> Iterator[Section]:
    """Yield the text of the image; without a recogniser, it has none."""
    text = options.recogniser.image(file) if options.recogniser is not None else ""
    if text.strip():
        yield Section(text.strip() + "\n", page=1)
