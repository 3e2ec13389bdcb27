"""What do the rows of a table in CSV say?"""

import csv
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.reading.formats import text
from flowc.rag.reading.formats.tables import rows_text

SAMPLE = 1 << 14
MAX_FIELD = 1 << 20


def read(file: BinaryIO) -> Iterator[Section]:
    """Give the rows, each with the names in the first."""
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
        if len(rest) > MAX_FIELD:
            raise DocumentRefused("broken-document", "A line of the table has no end.")
    if rest:
        yield rest
