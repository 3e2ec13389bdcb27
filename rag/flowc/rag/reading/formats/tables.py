"""How does a row of a table read as text?"""

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from flowc.rag.documents import Section

ROWS = 200


def row_text(cells: Iterable[object], names: Iterable[str] = ()) -> str:
    """Return a row as one line: `name: cell | name: cell`."""
    told = []
    for name, cell in zip_longest(names, cells, fillvalue=""):
        text = " ".join(str("" if cell is None else cell).split())
        if text:
            told.append(f"{name}: {text}" if name else text)
    return " | ".join(told)


def rows_text(
    rows: Iterable[list[object]], page: int | None = None, headings: tuple[str, ...] = ()
) -> Iterator[Section]:
    """Give a table's rows, each with the names that stand in the first, some hundreds at a time."""
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
