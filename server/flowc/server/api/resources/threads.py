"""Threads over HTTP: conversations, what was said in them, and the next thing to say."""

from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.resources.runs import RunBody, RunPage
from flowc.server.api.resources.workflows import IdempotencyKey, WorkflowId
from flowc.server.api.sse import event, stream
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.conversations.chat import Chat, Ended, Question, Step, Text, Turn
from flowc.server.process.process import Process
from flowc.server.records.runs import RunStatus
from flowc.server.records.threads import MessageRecord, ThreadRecord

ThreadId = Annotated[str, Path(max_length=128)]

router = APIRouter(tags=["threads"], route_class=StrictRoute, responses=RESPONSES)


class ThreadBody(BaseModel):
    """A conversation; `messages` is how many were said in it."""

    id: str
    workflow_id: str | None
    metadata: dict[str, Any]
    messages: int
    created_at: datetime
    updated_at: datetime


class ThreadPage(BaseModel):
    """A page of threads."""

    items: list[ThreadBody]
    total: int
    limit: int
    offset: int


class MessageBody(BaseModel):
    """One message; `run_id` is the run that it began, answered, or was said by."""

    number: int
    role: str
    content: Any
    run_id: str | None
    created_at: datetime


class NewThread(BaseModel):
    """What is known of a thread from the beginning."""

    workflow_id: str | None = Field(default=None, max_length=128)
    metadata: dict[str, Any] = Field(default_factory=dict)


class Message(BaseModel):
    """What a person says; without a `thread_id`, a new thread is begun.

    `input` is what the workflow takes besides `message` and `thread_id`.
    """

    message: str = Field(min_length=1, max_length=1_000_000)
    thread_id: str | None = Field(default=None, max_length=128)
    input: dict[str, Any] = Field(default_factory=dict)
    stream: bool = True


class Asked(BaseModel):
    """What the run asks a person; the next message answers it."""

    id: str
    data: dict[str, Any]


class Reply(BaseModel):
    """What came of a message: `message` is what the workflow says, or asks."""

    thread_id: str
    run_id: str
    status: RunStatus
    message: str
    question: Asked | None = None
    output: Any = None
    error: dict[str, Any] | None = None
    usage: dict[str, float] = Field(default_factory=dict)


@router.post("/threads", status_code=HTTPStatus.CREATED)
async def create_thread(process: CurrentProcess, body: NewThread | None = None) -> ThreadBody:
    """Begin a thread in which nothing was said yet."""
    new = body or NewThread()
    if new.workflow_id is not None:
        await process.stored_workflows.get(new.workflow_id)
    return _body(await process.threads.create(new.workflow_id, new.metadata))


@router.get("/threads")
async def list_threads(
    process: CurrentProcess,
    workflow_id: Annotated[str | None, Query(max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> ThreadPage:
    """Return a page of threads, the last that was spoken in first."""
    found, total = await process.threads.list(limit, offset, workflow_id)
    items = [_body(thread) for thread in found]
    return ThreadPage(items=items, total=total, limit=limit, offset=offset)


@router.get("/threads/{thread_id}")
async def get_thread(thread_id: ThreadId, process: CurrentProcess) -> ThreadBody:
    """Return a thread."""
    return _body(await process.threads.get(thread_id))


@router.delete("/threads/{thread_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_thread(thread_id: ThreadId, process: CurrentProcess) -> Response:
    """Forget a thread and what was said in it; its runs stay readable."""
    await process.threads.delete(thread_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/threads/{thread_id}/messages")
async def read_messages(
    thread_id: ThreadId,
    process: CurrentProcess,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> list[MessageBody]:
    """Return what was said in a thread after a number, in order."""
    found = await process.threads.messages(thread_id, after, limit)
    return [_message(message) for message in found]


@router.get("/threads/{thread_id}/runs")
async def read_thread_runs(
    thread_id: ThreadId,
    process: CurrentProcess,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> RunPage:
    """Return a page of a thread's runs, newest first."""
    await process.threads.get(thread_id)
    found, total = await process.stored_runs.list(limit, offset, thread_id=thread_id)
    items = [RunBody.model_validate(run.as_json()) for run in found]
    return RunPage(items=items, total=total, limit=limit, offset=offset)


@router.post(
    "/workflows/{workflow_id}/chat",
    response_model=Reply,
    responses={**CONFLICT, HTTPStatus.OK: {"content": {"text/event-stream": {}}}},
)
async def chat(
    workflow_id: WorkflowId, body: Message, process: CurrentProcess, key: IdempotencyKey = None
) -> Any:
    """Say something to a workflow, which takes a `message`: it begins a run, or answers one.

    The answer is sent as it comes, as events: `thread` at first, then `token`, and of an agent
    `thought`, `tool_call`, `tool_result`; at the end `question`, `message` or `error`. Without
    `stream`, it is returned when it is all there.
    """
    stored, compiled = await process.chat.model(workflow_id)
    thread_id = body.thread_id or (await process.threads.create(stored.id, {})).id
    waiting = await process.stored_runs.waiting_in([thread_id])
    if waiting is not None:
        await process.threads.get(thread_id)
        turn = await process.chat.answer(waiting, body.message, is_kept=True)
    else:
        given = {**body.input, "message": body.message, "thread_id": thread_id}
        turn = await process.chat.begin(
            stored, compiled, thread_id, given, message=body.message, idempotency_key=key
        )
    return stream(_events(process.chat, turn)) if body.stream else await _reply(process, turn)


async def _events(chat: Chat, turn: Turn) -> AsyncIterator[str]:
    yield event({"thread_id": turn.thread_id, "run_id": turn.run_id}, "thread")
    async for piece in chat.pieces(turn):
        match piece:
            case Text(text):
                yield event({"text": text}, "token")
            case Step(kind, data):
                yield event(data, kind)
            case Question(asked):
                data = {"id": asked.id, "text": piece.text, "data": asked.data}
                yield event(data, "question")
            case Ended(run, text) if run.status == "completed":
                said = {"text": text, "output": run.output, "usage": run.usage}
                yield event(said, "message")
            case Ended(run):
                yield event(run.error or {"code": run.status}, "error")


async def _reply(process: Process, turn: Turn) -> Reply:
    last = await process.chat.outcome(turn)
    if isinstance(last, Question):
        asked = Asked(id=last.interrupt.id, data=last.interrupt.data)
        where = {"thread_id": turn.thread_id, "run_id": turn.run_id, "status": "waiting"}
        return Reply.model_validate({**where, "message": last.text, "question": asked})
    run = last.run
    return Reply(
        thread_id=turn.thread_id or "",
        run_id=run.id,
        status=run.status,
        message=last.text,
        output=run.output,
        error=run.error,
        usage=run.usage,
    )


def _body(thread: ThreadRecord) -> ThreadBody:
    fields = thread._asdict()
    return ThreadBody(metadata=fields.pop("meta"), **fields)


def _message(message: MessageRecord) -> MessageBody:
    return MessageBody(**message._asdict())
