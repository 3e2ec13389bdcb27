"""The messages that runs add to their thread, in the transactions of those runs."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from flowc.server.records.message_text import question_of, text_of
from flowc.server.records.refused import Refused
from flowc.server.records.runs import UNFINISHED, RunRecord
from flowc.server.records.times import now
from flowc.server.store.tables import InterruptRow, MessageRow, RunRow, ThreadRow


class NoSuchThread(Refused):
    """The thread does not exist, or belongs to another tenant."""


class ThreadBusy(Refused):
    """The last run of this thread has not ended; wait for it or cancel it."""


class ThreadOfAnother(Refused):
    """The thread belongs to another workflow; leave `thread_id` out to begin a new one."""


def begin_turn(session: Session, tenant: str, run: RunRecord, message: Any) -> None:
    """Append the message that starts a run; raise NoSuchThread, ThreadOfAnother or ThreadBusy."""
    assert run.thread_id is not None  # a message belongs to a thread
    thread = thread_row(session, tenant, run.thread_id)
    if thread.workflow_id not in {None, run.workflow_id}:
        raise ThreadOfAnother
    is_busy = select(RunRow.id).where(
        RunRow.tenant == tenant,
        RunRow.thread_id == thread.id,
        RunRow.id != run.id,
        RunRow.status.in_(UNFINISHED),
    )
    if session.scalar(is_busy.limit(1)) is not None:
        raise ThreadBusy
    thread.workflow_id = thread.workflow_id or run.workflow_id
    append_message(session, thread, "user", message, run.id)


def end_turn(session: Session, tenant: str, run: RunRow | RunRecord) -> None:
    """Append the output of a completed run as the assistant's message."""
    if run.thread_id is None or run.status != "completed":
        return
    thread = session.get(ThreadRow, (tenant, run.thread_id), with_for_update=True)
    if thread is not None:
        append_message(session, thread, "assistant", text_of(run.output), run.id)


def ask_in_turn(session: Session, run: RunRow, question: InterruptRow) -> None:
    """Append a question to a person as the assistant's message, if it is the one to answer now."""
    if run.thread_id is not None and question_to_answer(session, run) == question.id:
        _append_question(session, run, run.thread_id, question.data)


def ask_the_next(session: Session, run: RunRow) -> None:
    """Append the question that is now to be answered, if the run asks another one."""
    next_one = question_to_answer(session, run)
    question = session.get(InterruptRow, next_one) if next_one is not None else None
    if run.thread_id is not None and question is not None:
        _append_question(session, run, run.thread_id, question.data)


def question_to_answer(session: Session, run: RunRow) -> str | None:
    """Return the id of the question in a run's thread that the next message answers.

    Of several open questions, it is the oldest one: the others are asked after its answer.
    """
    if run.thread_id is None:
        return None
    mine = (InterruptRow.run_id == run.id) & (InterruptRow.kind == "human")
    found = select(InterruptRow.id).where(mine, InterruptRow.status == "waiting")
    return session.scalar(found.order_by(InterruptRow.created_at, InterruptRow.id).limit(1))


def _append_question(session: Session, run: RunRow, thread_id: str, data: Any) -> None:
    thread = session.get(ThreadRow, (run.tenant, thread_id), with_for_update=True)
    if thread is not None:
        append_message(session, thread, "assistant", question_of(data), run.id)


def append_message(
    session: Session, thread: ThreadRow, role: str, content: Any, run_id: str | None
) -> None:
    """Append one message to a locked thread."""
    thread.messages += 1
    thread.updated_at = now()
    session.add(
        MessageRow(
            tenant=thread.tenant,
            thread_id=thread.id,
            number=thread.messages,
            role=role,
            content=content,
            run_id=run_id,
            created_at=thread.updated_at,
        )
    )


def thread_row(session: Session, tenant: str, id: str) -> ThreadRow:
    """Return a thread, locked until the transaction ends; raise NoSuchThread."""
    row = session.get(ThreadRow, (tenant, id), with_for_update=True, populate_existing=True)
    if row is None:
        raise NoSuchThread
    return row
