"""The checkpoints of failed runs, compressed: a retry reads them again, most are never retried.

The rows of a short run's checkpoints repeat its ids and the names of its channels again and again,
and much of that is the same in all runs; together, they compress to an eighth.
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
_LEVEL = 6
# What most archives have in common. It must stay as it is: without it, none of them can be read.
DICTIONARY = (
    rb"\u0081\u00a5error\u00a4text\u00a6prompt\u00a6result\u00a7message\u00a7outputs\u0080\u00a5usage"
    rb"\u0083\u00adprompt_tokens\u00b1completion_tokens\u00actotal_tokens\u00a4cost\u00cb\u00a5model"
    rb"\u00a6openai\u00adfinish_reason\u00a4stop"
    rb'","__error__","msgpack","\u00d9(NodeFailed('
    rb'","",null,"msgpack","\u0087\u00a1v\u0004\u00a2ts\u00d9 2026-01-01T00:00:00.000000+00:00'
    rb"\u00a2id"
    rb"\u00d9$1f0e0000-0000-6000-bfff-000000000000\u00aechannel_values\u0081\u00a9__start__\u0082"
    rb"\u00a5input\u0081\u00a7outputs\u0080\u00b0channel_versions\u0081\u00a9__start__\u0001"
    rb"\u00adversions_seen\u0080\u00b0updated_channels\u0091\u00a9__start__"
    rb'",{"source":"input","step":-1,"parents":{},"counters_since_delta_snapshot":{"outputs":[0,1]}}],["'
    rb"\u00aechannel_values\u0082\u00a5input\u0081\u00b0branch:to:\u00c0\u00b0channel_versions\u0084"
    rb"\u00a9__start__\u0002\u00a5input\u0002\u00a7outputs\u0002\u00afbranch:to:start\u0002"
    rb"\u00adversions_seen\u0081\u00a9__start__\u0081\u00a9__start__\u0001\u00b0updated_channels"
    rb"\u0093\u00afbranch:to:start\u00a5input\u00a7outputs"
    rb'",{"source":"loop","step":0,"parents":{},"counters_since_delta_snapshot":{"outputs":[1,2]}}]],[["'
    rb'",0,"~__pregel_pull, __start__","input","msgpack","'
    rb'",1,"~__pregel_pull, __start__","outputs","msgpack","\u0080"],["'
    rb'",2,"~__pregel_pull, start","branch:to:start","null",""],["'
    rb'",0,"~__pregel_pull, start","outputs","msgpack","\u0081\u00a5'
)
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
    compressor = zlib.compressobj(_LEVEL, zdict=DICTIONARY)
    return compressor.compress(text.encode()) + compressor.flush()


def _as_text(value: bytes) -> str:
    return bytes(value).decode("latin-1")


def _unpacked(data: bytes) -> list[list[Mapping[str, Any]]]:
    # What a former version compressed without the dictionary is read in the same way.
    found = json.loads(zlib.decompressobj(zdict=DICTIONARY).decompress(data))
    return [
        [_values(table.columns.keys(), row) for row in rows]
        for table, rows in zip(_TABLES, found, strict=True)
    ]


def _values(names: Sequence[str], row: Sequence[Any]) -> Mapping[str, Any]:
    # Rows of a former version have no references, which are the last column.
    values = row if len(row) == len(names) else [*row, None]
    return {
        name: value.encode("latin-1") if name in _BINARY else value
        for name, value in zip(names, values, strict=True)
    }
