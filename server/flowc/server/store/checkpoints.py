"""The checkpoints of graphs, as rows: LangGraph's checkpointers are made over these."""

import asyncio
import builtins
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import JSON, LargeBinary, Select, String, Text, bindparam, delete, insert, select
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, Session, mapped_column

from flowc.server.store.database import Database, reading, writing
from flowc.server.store.insertions import insertion_for
from flowc.server.store.prepared import Prepared, statements_for
from flowc.server.store.tables import Table
from flowc.server.store.values import Texts, copy_values, texts_of

# As many ancestors of a checkpoint are read at once.
_ANCESTORS = 200


class CheckpointRow(Table):
    """A checkpoint of a graph; the thread is its run.

    `refs` say which big values belong where in the values of its channels.
    """

    __tablename__ = "graph_checkpoints"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    thread_id: Mapped[str] = mapped_column(Text, primary_key=True)
    namespace: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(Text)
    encoding: Mapped[str] = mapped_column(String(16))
    checkpoint: Mapped[bytes] = mapped_column(LargeBinary)
    about: Mapped[Any] = mapped_column(JSON)
    refs: Mapped[str | None] = mapped_column(Text)


class WriteRow(Table):
    """What a task wrote to a channel after a checkpoint; `number` is negative for special ones."""

    __tablename__ = "graph_writes"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    thread_id: Mapped[str] = mapped_column(Text, primary_key=True)
    namespace: Mapped[str] = mapped_column(Text, primary_key=True)
    checkpoint_id: Mapped[str] = mapped_column(Text, primary_key=True)
    task_id: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    task_path: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    encoding: Mapped[str] = mapped_column(String(16))
    value: Mapped[bytes] = mapped_column(LargeBinary)
    refs: Mapped[str | None] = mapped_column(Text)


class ArchiveRow(Table):
    """All checkpoints of a failed run with their writes, compressed."""

    __tablename__ = "graph_archives"

    thread_id: Mapped[str] = mapped_column(Text, primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class CheckpointKey(NamedTuple):
    """The place of a checkpoint; without an id, of the newest one."""

    thread_id: str
    namespace: str = ""
    id: str | None = None


class StoredCheckpoint(NamedTuple):
    """A checkpoint with the writes after it, both as rows, and the big values of both."""

    checkpoint: Any
    writes: Sequence[Any]
    texts: Texts


CheckpointValues = Mapping[str, Any]
_TABLES = Table.metadata.tables
_CHECKPOINTS, _WRITES = _TABLES["graph_checkpoints"], _TABLES["graph_writes"]
_ARCHIVES = _TABLES["graph_archives"]
_IN_ORDER = (_WRITES.c.task_path, _WRITES.c.task_id, _WRITES.c.number)


class CheckpointStatements:
    """The insertions and deletions of checkpoints, for the driver."""

    def __init__(self, dialect: Dialect) -> None:
        def replacing(table: Any) -> Any:
            new = insertion_for(dialect, table)
            kept = {column.name for column in table.primary_key}
            others = {c.name: new.excluded[c.name] for c in table.c if c.name not in kept}
            return new.on_conflict_do_update(index_elements=sorted(kept), set_=others)

        once = insertion_for(dialect, _WRITES).on_conflict_do_nothing()
        self._checkpoint = Prepared(replacing(_CHECKPOINTS), dialect)
        self._write, self._special = Prepared(once, dialect), Prepared(replacing(_WRITES), dialect)
        self._clear = [
            Prepared(delete(table).where(table.c.thread_id == bindparam("thread")), dialect)
            for table in (_WRITES, _CHECKPOINTS)
        ]

    def put(
        self,
        driver: Any,
        checkpoints: Sequence[CheckpointValues],
        writes: Sequence[CheckpointValues],
    ) -> None:
        """Insert checkpoints and writes; special writes replace earlier ones."""
        for statement, rows in self._insertions(checkpoints, writes):
            statement.execute_each(driver, rows)

    def is_single(
        self, checkpoints: Sequence[CheckpointValues], writes: Sequence[CheckpointValues]
    ) -> bool:
        """Return whether one statement inserts all of these."""
        return sum(statements_for(rows) for _, rows in self._insertions(checkpoints, writes)) == 1

    def _insertions(
        self, checkpoints: Sequence[CheckpointValues], writes: Sequence[CheckpointValues]
    ) -> Iterator[tuple[Prepared, Sequence[CheckpointValues]]]:
        yield self._checkpoint, checkpoints
        if writes:
            yield self._write, [row for row in writes if row["number"] >= 0]
            yield self._special, [row for row in writes if row["number"] < 0]

    def clear(self, driver: Any, thread_ids: Sequence[str]) -> None:
        """Delete the checkpoints of threads."""
        threads = [{"thread": thread_id} for thread_id in thread_ids]
        for statement in self._clear if threads else ():
            statement.execute_each(driver, threads)


class StoredCheckpoints:
    """The stored checkpoints of all threads."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.statements = CheckpointStatements(database.dialect)

    async def put(
        self, checkpoints: Sequence[CheckpointValues], writes: Sequence[CheckpointValues]
    ) -> None:
        """Store checkpoints and writes, outside a run."""
        put = partial(self.statements.put, checkpoints=checkpoints, writes=writes)
        is_single = self.statements.is_single(checkpoints, writes)
        await asyncio.to_thread(self.database.transact, put, is_single=is_single)

    @reading
    def get(self, session: Session, key: CheckpointKey) -> StoredCheckpoint | None:
        """Return a checkpoint with the writes after it."""
        found = _of(key.thread_id, key.namespace)
        if key.id is not None:
            found = found.where(_CHECKPOINTS.c.id == key.id)
        row = session.execute(found.limit(1)).first()
        return None if row is None else _stored(session, row, _writes_after(session, [row]))

    @reading
    def list(
        self,
        session: Session,
        thread_id: str | None,
        namespace: str | None,
        id: str | None,
        before: str | None,
    ) -> builtins.list[StoredCheckpoint]:
        """Return checkpoints, newest first; None for all."""
        found = select(_CHECKPOINTS).order_by(_CHECKPOINTS.c.id.desc())
        for column, value in (("thread_id", thread_id), ("namespace", namespace), ("id", id)):
            found = found if value is None else found.where(_CHECKPOINTS.c[column] == value)
        if before is not None:
            found = found.where(_CHECKPOINTS.c.id < before)
        rows = session.execute(found).all()
        return [_stored(session, row, _writes_after(session, [row])) for row in rows]

    @reading
    def ancestors(
        self, session: Session, key: CheckpointKey, channels: Sequence[str]
    ) -> builtins.list[StoredCheckpoint]:
        """Return the next ancestors of a checkpoint, nearest first, with writes to channels."""
        rows = builtins.list(_chain(session, key))
        writes = _writes_after(session, rows, channels)
        return [
            _stored(session, row, [write for write in writes if write.checkpoint_id == row.id])
            for row in rows
        ]

    @writing
    def delete(self, session: Session, thread_ids: Sequence[str]) -> None:
        """Delete all checkpoints of threads."""
        delete_threads(session, thread_ids)

    @writing
    def delete_of_runs(self, session: Session, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints whose metadata names one of these runs."""
        named = _CHECKPOINTS.c.about["run_id"].as_string().in_(run_ids)
        for row in session.execute(select(_CHECKPOINTS).where(named)).all():
            _delete(session, row)

    @writing
    def keep_only(
        self, session: Session, thread_id: str, namespace: str, ids: Sequence[str]
    ) -> None:
        """Delete the checkpoints of a thread and namespace, except some."""
        for row in session.execute(_of(thread_id, namespace)).all():
            if row.id not in ids:
                _delete(session, row)

    @writing
    def copy(self, session: Session, source: str, target: str) -> None:
        """Copy all checkpoints of a thread to another one."""
        for table in (_CHECKPOINTS, _WRITES):
            rows = session.execute(select(table).where(table.c.thread_id == source)).mappings()
            copies = [{**row, "thread_id": target} for row in rows]
            if copies:
                session.execute(insert(table), copies)
        copy_values(session, source, target)


def _stored(session: Session, row: Any, writes: Sequence[Any]) -> StoredCheckpoint:
    references = [row.refs, *(write.refs for write in writes)]
    return StoredCheckpoint(row, writes, texts_of(session, row.thread_id, references))


def delete_threads(session: Session, thread_ids: Sequence[str]) -> None:
    """Delete all checkpoints of threads, within a transaction."""
    for table in (_WRITES, _CHECKPOINTS, _ARCHIVES):
        session.execute(delete(table).where(table.c.thread_id.in_(thread_ids)))


def _of(thread_id: str, namespace: str) -> Select[Any]:
    mine = (_CHECKPOINTS.c.thread_id == thread_id) & (_CHECKPOINTS.c.namespace == namespace)
    return select(_CHECKPOINTS).where(mine).order_by(_CHECKPOINTS.c.id.desc())


def _chain(session: Session, key: CheckpointKey) -> Iterator[Any]:
    """Yield the next ancestors of a checkpoint: ids grow, so they are among the older ones."""
    mine = _of(key.thread_id, key.namespace)
    first = session.execute(mine.where(_CHECKPOINTS.c.id == key.id)).first()
    wanted = first.parent_id if first is not None else None
    if wanted is None:
        return
    older = mine.where(_CHECKPOINTS.c.id <= wanted).limit(_ANCESTORS)
    for row in session.execute(older).all():
        if row.id == wanted:
            yield row
            wanted = row.parent_id


def _writes_after(
    session: Session, rows: Sequence[Any], channels: Sequence[str] | None = None
) -> Sequence[Any]:
    """Return the writes after checkpoints of one thread and namespace, in LangGraph's order."""
    if not rows:
        return []
    found = select(_WRITES).where(
        _WRITES.c.thread_id == rows[0].thread_id,
        _WRITES.c.namespace == rows[0].namespace,
        _WRITES.c.checkpoint_id.in_([row.id for row in rows]),
    )
    if channels is not None:
        found = found.where(_WRITES.c.channel.in_(channels))
    return session.execute(found.order_by(*_IN_ORDER)).all()


def _delete(session: Session, row: Any) -> None:
    session.execute(
        delete(_WRITES).where(
            _WRITES.c.thread_id == row.thread_id,
            _WRITES.c.namespace == row.namespace,
            _WRITES.c.checkpoint_id == row.id,
        )
    )
    session.execute(
        delete(_CHECKPOINTS).where(
            _CHECKPOINTS.c.thread_id == row.thread_id,
            _CHECKPOINTS.c.namespace == row.namespace,
            _CHECKPOINTS.c.id == row.id,
        )
    )
