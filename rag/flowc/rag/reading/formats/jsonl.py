"""Turns a file with one JSON value on each line into text."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.reading.formats import ParsingOptions, text
from flowc.rag.reading.formats.json import records, value_of

MAX_LINE = 16 << 20


def read(file: BinaryIO, _: ParsingOptions) -> Iterator[Section]:
    """Yield the value of each line, several hundred to a section."""
    yield from records(_values(file))


def _values(file: BinaryIO) -> Iterator[Any]:
    rest, number = "", 0
    for piece in text.decoded(file):
        *lines, rest = (rest + piece).split("\n")
        for line in lines:
            number += 1
            if line.strip():
                yield value_of(line, f"Line {number}")
        if len(rest) > MAX_LINE:
            raise DocumentRefused("document-too-large", f"Line {number + 1} is too long.")
    if rest.strip():
        yield value_of(rest, f"Line {number + 1}")
