"""Statements that are compiled once and executed by the driver itself.

SQLAlchemy's own execution costs ten times what SQLite needs for a short statement. What every run
writes at every superstep is written in this way; the statements are still SQLAlchemy's, so that
both databases have the same ones.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Executable
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

Encode = Callable[[Any], Any]

_ROW = re.compile(r"VALUES (\((?:[^()]|\([^()]*\))*\))")
_NAME = re.compile(r"%\((\w+)\)s")
# Most groups of rows are one statement; few sizes, so that a driver finds most statements prepared.
_SIZES = (64, 16, 8, 7, 6, 5, 4, 3, 2, 1)

T = TypeVar("T")


class Prepared:
    """One statement for a dialect; its parameters are encoded as SQLAlchemy encodes them."""

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        assert isinstance(statement, ClauseElement)  # every statement is one
        compiled: Any = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._is_positional = bool(compiled.positional)
        names: Sequence[str] = compiled.positiontup if self._is_positional else list(compiled.binds)
        binds = {name: compiled.binds[name] for name in names}
        self._encoders = [(name, encoder(compiled.binds[name].type, dialect)) for name in names]
        self._by_size: dict[int, str] = {}
        selected = getattr(statement, "selected_columns", ())
        self._decoders = [decoder(column.type, dialect) for column in selected]
        # What the statement itself says, as in `set worker = null`.
        self._constants = {name: bind.value for name, bind in binds.items() if not bind.required}

    def execute(self, connection: Any, values: Mapping[str, Any]) -> Any:
        """Execute the statement on a driver's connection; return its cursor."""
        return connection.execute(self.sql, self._encoded(values))

    def fetch(self, connection: Any, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Execute a selection; return its rows, decoded."""
        rows = self.execute(connection, values).fetchall()
        return [
            tuple(
                value if decode is None else decode(value)
                for value, decode in zip(row, self._decoders, strict=True)
            )
            for row in rows
        ]

    def execute_each(self, connection: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute the statement for each row."""
        encoded = [self._encoded(row) for row in rows]
        if _ROW.search(self.sql):
            self._insert(connection, encoded)
        elif encoded:
            connection.cursor().executemany(self.sql, encoded)

    def _insert(self, connection: Any, rows: Sequence[Any]) -> None:
        """Insert several rows at once: for each statement, SQLite gives Python's lock away."""
        for part in _parts(rows):
            values: Any = list(chain(*part)) if self._is_positional else _numbered(part)
            connection.execute(self._sized(len(part)), values)

    def _sized(self, size: int) -> str:
        """Return the insertion with placeholders for a number of rows."""
        if size not in self._by_size:
            found = _ROW.search(self.sql)
            assert found is not None  # an insertion has a row
            rows = [_NAME.sub(rf"%(\1_{at})s", found[1]) for at in range(size)]
            start, end = found.span(1)
            self._by_size[size] = self.sql[:start] + ", ".join(rows) + self.sql[end:]
        return self._by_size[size]

    def _encoded(self, values: Mapping[str, Any]) -> Any:
        given = {**self._constants, **values} if self._constants else values
        encoded = [
            (name, given[name] if encode is None else encode(given[name]))
            for name, encode in self._encoders
        ]
        return [value for _, value in encoded] if self._is_positional else dict(encoded)


class PreparedForRows:
    """A statement for any number of rows, as in `update … from (values (…), (…))`.

    `make` returns it for a number of rows; the parameter `name_0` is the first row's `name`.
    """

    def __init__(self, make: Callable[[int], Executable], dialect: Dialect) -> None:
        self._of_size = cache(lambda size: Prepared(make(size), dialect))

    def fetch(self, connection: Any, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Execute the statement for all rows; return what it returned, as the driver gives it."""
        found: list[tuple[Any, ...]] = []
        for part in _parts(rows):
            found += self._of_size(len(part)).execute(connection, _numbered(part)).fetchall()
        return found


def statements_for(rows: Sequence[Any]) -> int:
    """Return how many statements insert rows."""
    return len(list(_parts(rows)))


def _numbered(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{name}_{at}": row[name] for at, row in enumerate(rows) for name in row}


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield rows in groups that have one of the sizes."""
    start = 0
    while start < len(rows):
        size = next(size for size in _SIZES if size <= len(rows) - start)
        yield rows[start : start + size]
        start += size


def encoder(kind: TypeEngine[Any], dialect: Dialect) -> Encode | None:
    """Return what makes a value of a type one that the driver takes; None if nothing is needed."""
    return kind.dialect_impl(dialect).bind_processor(dialect)


def decoder(kind: TypeEngine[Any], dialect: Dialect) -> Encode | None:
    """Return what makes a value of the driver one of a type; None if nothing is needed."""
    return kind.dialect_impl(dialect).result_processor(dialect, None)
