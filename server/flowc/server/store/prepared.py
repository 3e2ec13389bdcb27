"""Statements that are compiled once and executed by the driver itself.

SQLAlchemy's own execution costs ten times what SQLite needs for a short statement. What every run
writes at every superstep is written in this way; the statements are still SQLAlchemy's, so that
both databases have the same ones.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

Encode = Callable[[Any], Any]


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
        if rows:
            connection.cursor().executemany(self.sql, [self._encoded(row) for row in rows])

    def _encoded(self, values: Mapping[str, Any]) -> Any:
        given = {**self._constants, **values} if self._constants else values
        encoded = [
            (name, given[name] if encode is None else encode(given[name]))
            for name, encode in self._encoders
        ]
        return [value for _, value in encoded] if self._is_positional else dict(encoded)


def encoder(kind: TypeEngine[Any], dialect: Dialect) -> Encode | None:
    """Return what makes a value of a type one that the driver takes; None if nothing is needed."""
    return kind.dialect_impl(dialect).bind_processor(dialect)


def decoder(kind: TypeEngine[Any], dialect: Dialect) -> Encode | None:
    """Return what makes a value of the driver one of a type; None if nothing is needed."""
    return kind.dialect_impl(dialect).result_processor(dialect, None)
