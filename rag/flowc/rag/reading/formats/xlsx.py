"""Reads the sheets of a workbook."""

from collections.abc import Iterator
from typing import BinaryIO

from python_calamine import CalamineError, CalamineWorkbook

from flowc.rag.documents import DocumentRefused, Metadata, Section
from flowc.rag.reading.formats import ParsingOptions
from flowc.rag.reading.formats.tables import rows_text


def read(file: BinaryIO, _: ParsingOptions) -> Iterator[Section | Metadata]:
    """Yield the rows of each sheet, with its number as the page and its name as the heading."""
    try:
        workbook = CalamineWorkbook.from_filelike(file)
        yield {"pages": len(workbook.sheet_names), "sheets": list(workbook.sheet_names)}
        for number, name in enumerate(workbook.sheet_names, 1):
            rows = workbook.get_sheet_by_name(name).iter_rows()
            yield from rows_text((list(row) for row in rows), number, (name,))
    except CalamineError as problem:
        raise DocumentRefused("broken-document", f"The workbook is broken: {problem}") from None
