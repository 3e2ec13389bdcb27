"""The insertion of new runs."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Insert, Table, bindparam, insert, text
from sqlalchemy.engine import Dialect

from flowc.server.store.tables import RunRow
from flowc.server.store.values import Values

# SQLite has one writer at a time. The newest row has the greatest key, also after older ones, or
# newer ones, were deleted.
_NEXT = {
    "sqlite": "(coalesce((select key from runs order by rowid desc limit 1), 0) + 1)",
    "postgresql": "nextval('run_keys')",
}
_RUNS: Table = RunRow.metadata.tables["runs"]


def creation_of(dialect: Dialect) -> Insert:
    """Return the insertion of a run, which gives it the next key."""
    values: dict[str, Any] = {
        column.name: bindparam(column.name, type_=column.type)
        for column in _RUNS.c
        if column.name != "key"
    }
    return insert(_RUNS).values(**values, key=text(_NEXT[dialect.name]))


def parted(row: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """Return the row of a new run without the big values of its input."""
    given, refs = values.part(row["input"])
    return {**row, "input": given, "input_refs": refs, "output_refs": None}
