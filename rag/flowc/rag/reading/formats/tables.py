"""Turns the rows of a table into text."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from flowc.rag.documents import Section

ROWS = 200


def row_text(cells: Iterable[object], names: Iterable[str] = ()) -> str:
    """Return a row as one line; empty cells are left out.

    >>> row_text(["Ann", "", 3], ["name", "town", "age"])
    'name: Ann | age: 3'
    >>> row_text(["Ann", 3])
    'Ann | 3'
    """
    filled = []
    for name, cell in zip_longest(names, cells, fillvalue=""):
        text = " ".join(str("" if cell is None else cell).split())
        if text:
            filled.append(f"{name}: {text}" if name else text)
    return " | ".join(filled)


def rows_text(
    rows: Iterable[list[object]], page: int | None = None, headings: tuple[str, ...] = ()
) -> Iterator[Section]:
    """Yield the rows of a table, 200 to a section; the first row has the names of the columns.

    Each row repeats the names, so that a passage is understood without the table's head.
    """
    names: list[str] | None = None
    lines: list[str] = []
    for row in rows:
        if names is None:
            if any(cell not in (None, "") for cell in row):
                names = [" ".join(str("" if cell is None else cell).split()) for cell in row]
                lines.append(row_text(names))
            continue
        lines.append(row_text(row, names))
        if len(lines) >= ROWS:
            yield Section(_joined(lines), page, headings)
            lines = []
    if any(lines):
        yield Section(_joined(lines), page, headings)


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines if line)
