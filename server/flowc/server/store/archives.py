"""The checkpoints of failed runs, compressed: a retry reads them again, most are never retried.

The rows of a short run's checkpoints repeat its ids and the names of its channels again and again;
together, they compress to a quarter.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

from flowc.server.store.checkpoints import CheckpointStatements
from flowc.server.store.prepared import Prepared
from flowc.server.store.tables import Table

# More than this is left as it is: compressing it would hold up what other runs have to write.
_MOST_BYTES = 100_000
_LEVEL = 3
_CHECKPOINTS, _WRITES, _ARCHIVES = (
    Table.metadata.tables[name] for name in ("graph_checkpoints", "graph_writes", "graph_archives")
)
_TABLES = (_CHECKPOINTS, _WRITES)
# The columns that are no JSON, as tables have them.
_BINARY = frozenset({"checkpoint", "value"})


class ArchiveStatements:
    """Puts checkpoints into archives, on the driver's connection."""

    def __init__(self, dialect: Dialect) -> None:
        thread: Any = bindparam("thread")
        sizes = [
            select(func.coalesce(func.sum(func.length(column)), 0))
            .where(column.table.c.thread_id == thread)
            .scalar_subquery()
            for column in (_CHECKPOINTS.c.checkpoint, _WRITES.c.value)
        ]
        self._size = Prepared(select(*sizes), dialect)
        self._rows = [
            Prepared(select(table).where(table.c.thread_id == thread), dialect) for table in _TABLES
        ]
        self._insert = Prepared(insert(_ARCHIVES), dialect)
        self._checkpoints = CheckpointStatements(dialect)

    def archive(self, driver: Any, thread_ids: Sequence[str]) -> None:
        """Archive the checkpoints of threads, in a transaction that has begun."""
        archived = [thread_id for thread_id in thread_ids if self._archive(driver, thread_id)]
        self._checkpoints.clear(driver, archived)

    def _archive(self, driver: Any, thread_id: str) -> bool:
        about = {"thread": thread_id}
        [sizes] = self._size.fetch(driver, about)
        if sum(sizes) > _MOST_BYTES:
            return False
        found = [statement.fetch(driver, about) for statement in self._rows]
        if any(found):
            self._insert.execute(driver, {"thread_id": thread_id, "data": _packed(found)})
        return any(found)


def restore(session: Session, thread_id: str) -> None:
    """Make the checkpoints of a thread rows again, within a transaction."""
    mine = _ARCHIVES.c.thread_id == thread_id
    data = session.scalar(select(_ARCHIVES.c.data).where(mine))
    if data is None:
        return
    for table, rows in zip(_TABLES, _unpacked(data), strict=True):
        if rows:
            session.execute(insert(table), rows)
    session.execute(delete(_ARCHIVES).where(mine))


def _packed(found: Sequence[Sequence[tuple[Any, ...]]]) -> bytes:
    text = json.dumps(found, separators=(",", ":"), default=_as_text)
    return zlib.compress(text.encode(), _LEVEL)


def _as_text(value: bytes) -> str:
    return bytes(value).decode("latin-1")


def _unpacked(data: bytes) -> list[list[Mapping[str, Any]]]:
    found = json.loads(zlib.decompress(data))
    return [
        [_values(table.columns.keys(), row) for row in rows]
        for table, rows in zip(_TABLES, found, strict=True)
    ]


def _values(names: Sequence[str], row: Sequence[Any]) -> Mapping[str, Any]:
    return {
        name: value.encode("latin-1") if name in _BINARY else value
        for name, value in zip(names, row, strict=True)
    }
