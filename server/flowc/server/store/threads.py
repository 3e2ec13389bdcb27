"""Threads, and the messages in them."""

import builtins
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, insert, literal, select
from sqlalchemy.orm import Session

from flowc.server.records.threads import MessageRecord, ThreadRecord
from flowc.server.records.times import now
from flowc.server.store.database import Database, reading, writing
from flowc.server.store.insertions import insertion
from flowc.server.store.lasting import VariableOwner, delete_variables
from flowc.server.store.messages import NoSuchThread, append_message, thread_row
from flowc.server.store.tables import MessageRow, RunRow, ThreadRow

_THREAD_FIELDS = tuple(ThreadRecord._fields)
_MESSAGE_FIELDS = tuple(MessageRecord._fields)
# How many earlier messages a run gets at most.
_REMEMBERED = 2_000


class StoredThreads:
    """One tenant's threads."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database, self._tenant = database, tenant

    @writing
    def create(
        self, session: Session, workflow_id: str | None, metadata: Mapping[str, Any]
    ) -> ThreadRecord:
        """Store a new thread."""
        return _record(self._new(session, workflow_id, metadata))

    @writing
    def open(
        self, session: Session, id: str, workflow_id: str, metadata: Mapping[str, Any]
    ) -> tuple[ThreadRecord, bool]:
        """Return the thread with an id, and whether it is new; begin it if there is none."""
        if (known := session.get(ThreadRow, (self._tenant, id))) is not None:
            return _record(known), False
        new = insertion(session, ThreadRow).values(self._values(id, workflow_id, metadata))
        done = session.execute(new.on_conflict_do_nothing().returning(ThreadRow.id)).first()
        return _record(self._row(session, id)), done is not None

    @reading
    def get(self, session: Session, id: str) -> ThreadRecord:
        """Return a thread; raise NoSuchThread."""
        return _record(self._row(session, id))

    @reading
    def list(
        self, session: Session, limit: int, offset: int, workflow_id: str | None = None
    ) -> tuple[builtins.list[ThreadRecord], int]:
        """Return a page of threads, the last active one first, and the number of all."""
        mine = [ThreadRow.tenant == self._tenant]
        if workflow_id is not None:
            mine.append(ThreadRow.workflow_id == workflow_id)
        total = session.scalar(select(func.count()).select_from(ThreadRow).where(*mine))
        found = select(ThreadRow).where(*mine).order_by(ThreadRow.updated_at.desc(), ThreadRow.id)
        rows = session.scalars(found.limit(limit).offset(offset))
        return [_record(row) for row in rows], int(total or 0)

    @writing
    def delete(self, session: Session, id: str) -> None:
        """Delete a thread with its messages and variables; its runs remain.

        Raises NoSuchThread.
        """
        session.delete(thread_row(session, self._tenant, id))
        delete_variables(session, self._tenant, VariableOwner("thread", id))

    @reading
    def messages(
        self, session: Session, id: str, after: int, limit: int
    ) -> builtins.list[MessageRecord]:
        """Return the messages with greater numbers, in order; raise NoSuchThread."""
        self._row(session, id)
        found = self._messages(id).where(MessageRow.number > after).order_by(MessageRow.number)
        return [MessageRecord(*row) for row in session.execute(found.limit(limit))]

    @writing
    def append_message(
        self, session: Session, id: str, role: str, content: Any, run_id: str | None
    ) -> None:
        """Append one message; raise NoSuchThread."""
        append_message(session, thread_row(session, self._tenant, id), role, content, run_id)

    @reading
    def history(
        self, session: Session, id: str, run_id: str, after: int
    ) -> builtins.list[MessageRecord]:
        """Return the messages of earlier completed runs, with numbers greater than `after`.

        The messages of failed and unfinished runs are left out.
        """
        is_done = (RunRow.id.is_(None)) | (RunRow.status == "completed")
        found = (
            self._messages(id)
            .outerjoin(RunRow, RunRow.id == MessageRow.run_id)
            .where(MessageRow.number > after, is_done)
            .where((MessageRow.run_id != run_id) | MessageRow.run_id.is_(None))
            .order_by(MessageRow.number.desc())
            .limit(_REMEMBERED)
        )
        return [MessageRecord(*row) for row in session.execute(found)][::-1]

    @reading
    def summary(self, session: Session, id: str) -> tuple[int, str]:
        """Return the number up to which a thread is summed up, and the summary; (0, "") if none."""
        row = session.get(ThreadRow, (self._tenant, id))
        return (row.summed_up, row.summary) if row is not None else (0, "")

    @writing
    def sum_up(self, session: Session, id: str, number: int, summary: str) -> None:
        """Store a summary of the messages up to a number, unless a newer one is there."""
        row = session.get(ThreadRow, (self._tenant, id), with_for_update=True)
        if row is not None and number >= row.summed_up:
            row.summed_up, row.summary = number, summary

    @writing
    def fork(self, session: Session, id: str, run_id: str) -> ThreadRecord:
        """Return a thread with the messages up to the end of a run; raise NoSuchThread.

        It is the same thread if the run's messages are its last ones, else a copy.
        """
        row = self._row(session, id)
        last = session.scalar(
            select(func.max(MessageRow.number)).where(
                MessageRow.tenant == self._tenant,
                MessageRow.thread_id == id,
                MessageRow.run_id == run_id,
            )
        )
        if last is None or last == row.messages:
            return _record(row)
        fork = self._new(session, row.workflow_id, row.meta)
        fork.messages = last
        session.flush()
        columns_of = {"number": MessageRow.number, "role": MessageRow.role}
        columns_of |= {"content": MessageRow.content, "run_id": MessageRow.run_id}
        columns = ["tenant", "thread_id", *columns_of, "created_at"]
        messages = select(
            literal(self._tenant), literal(fork.id), *columns_of.values(), MessageRow.created_at
        ).where(
            MessageRow.tenant == self._tenant,
            MessageRow.thread_id == id,
            MessageRow.number <= last,
        )
        session.execute(insert(MessageRow).from_select(columns, messages))
        return _record(fork)

    def _new(
        self, session: Session, workflow_id: str | None, metadata: Mapping[str, Any]
    ) -> ThreadRow:
        row = ThreadRow(**self._values(str(uuid.uuid4()), workflow_id, metadata))
        session.add(row)
        return row

    def _values(
        self, id: str, workflow_id: str | None, metadata: Mapping[str, Any]
    ) -> dict[str, Any]:
        moment = now()
        return {
            "tenant": self._tenant,
            "id": id,
            "workflow_id": workflow_id,
            "meta": dict(metadata),
            "messages": 0,
            "summed_up": 0,
            "summary": "",
            "created_at": moment,
            "updated_at": moment,
        }

    def _row(self, session: Session, id: str) -> ThreadRow:
        row = session.get(ThreadRow, (self._tenant, id))
        if row is None:
            raise NoSuchThread
        return row

    def _messages(self, id: str) -> Any:
        columns = [getattr(MessageRow, name) for name in _MESSAGE_FIELDS]
        return select(*columns).where(MessageRow.tenant == self._tenant, MessageRow.thread_id == id)


def _record(row: ThreadRow) -> ThreadRecord:
    return ThreadRecord(*(getattr(row, name) for name in _THREAD_FIELDS))
