"""Turns a table in CSV, with any usual separator, into text."""

import csv
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.reading.formats import ParsingOptions, text
from flowc.rag.reading.formats.tables import rows_text

SAMPLE = 1 << 14
MAX_FIELD = 1 << 20


def read(file: BinaryIO, _: ParsingOptions) -> Iterator[Section]:
    """Yield the rows, each cell with the name of its column."""
    csv.field_size_limit(MAX_FIELD)
    pieces = text.decoded(file)
    first = next(pieces, "")
    reader = csv.reader(_lines(chain([first], pieces)), _dialect(first))
    try:
        yield from rows_text(list(row) for row in reader)
    except csv.Error as problem:
        message = f"Line {reader.line_num} of the table cannot be read: {problem}"
        raise DocumentRefused("broken-document", message) from None


def _dialect(sample: str) -> type[csv.Dialect]:
    try:
        return csv.Sniffer().sniff(sample[:SAMPLE], delimiters=",;\t|")
    except csv.Error:
        return csv.excel


def _lines(pieces: Iterator[str]) -> Iterator[str]:
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        yield from (line + "\n" for line in lines)
        # The reader of the standard library would first collect the whole line.
        if len(rest) > MAX_FIELD:
            raise DocumentRefused("broken-document", "A line of the table is too long.")
    if rest:
        yield rest
