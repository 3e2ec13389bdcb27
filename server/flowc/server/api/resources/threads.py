"""Routes for threads: conversations, their messages, and chats with workflows."""

from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.hang_ups import OnDisconnect, WatchedTurn, unread
from flowc.server.api.paging import MAX_NUMBER, Page, PageLimit, PageOffset, page_fields
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.executions import IdempotencyKey
from flowc.server.api.resources.runs import RunPage
from flowc.server.api.resources.workflows import WorkflowId
from flowc.server.api.sse import DESCRIBED, event, stream
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.conversations.chat import (
    AgentStep,
    Chat,
    LastPiece,
    OpenQuestion,
    QuestionLeft,
    TextPiece,
    Turn,
    TurnEnded,
)
from flowc.server.engine.publishing.watchers import ServerStops
from flowc.server.records.run_keys import client_key
from flowc.server.records.runs import Run, RunStatus
from flowc.server.records.threads import THREAD_ID, MessageRecord, ThreadRecord
from flowc.server.runs.run_options import RunOptions
from flowc.server.store.parts import ListPart
from flowc.server.store.runs.stored_runs import WantedRuns

ThreadId = Annotated[str, Path(max_length=128, description="Id of the thread.")]

router = APIRouter(tags=["threads"], route_class=StrictRoute, responses=RESPONSES)


class ThreadBody(BaseModel):
    """A conversation."""

    id: str
    workflow_id: str | None
    metadata: dict[str, Any]
    messages: int = Field(description="Number of messages.")
    created_at: datetime
    updated_at: datetime


class ThreadPage(Page):
    """A page of threads, most recently used first."""

    items: list[ThreadBody]


class MessageBody(BaseModel):
    """One message of a thread."""

    number: int = Field(description="Position in the thread, from 1.")
    role: str = Field(description="`user` or `assistant`.")
    content: Any = Field(description="A text, or a list of parts.")
    run_id: str | None = Field(description="The run that the message started, answered or is from.")
    created_at: datetime


class NewThread(RequestBody):
    """A thread without messages."""

    workflow_id: str | None = Field(default=None, max_length=128)
    metadata: dict[str, Any] = Field(default_factory=dict, description="Your own data.")


class ChatRequest(RequestBody):
    """A message to a workflow."""

    holder = "input"

    message: str = Field(min_length=1, max_length=1_000_000)
    thread_id: str | None = Field(
        default=None,
        pattern=THREAD_ID,
        description="The thread to continue, or to begin if there is none; default: a new one.",
    )
    input: dict[str, Any] = Field(
        default_factory=dict, description="Input of the workflow other than the message."
    )
    stream: bool = Field(default=True, description="Send the answer as server-sent events.")
    on_disconnect: OnDisconnect = Field(
        default="continue", description="What becomes of the run if the client hangs up."
    )


class ChatQuestion(BaseModel):
    """A question of the run; the next message in the thread answers it."""

    id: str = Field(description="Id of the interrupt.")
    data: dict[str, Any]


class ChatReply(BaseModel):
    """The answer to a message."""

    thread_id: str
    run_id: str
    status: RunStatus
    message: str = Field(description="What the workflow answers or asks.")
    question: ChatQuestion | None = Field(default=None, description="Set while the run waits.")
    output: Any = Field(default=None, description="The output of the run.")
    error: dict[str, Any] | None = None
    usage: dict[str, float] = Field(default_factory=dict)


@router.post("/threads", status_code=HTTPStatus.CREATED)
async def create_thread(tenant: CurrentTenant, body: NewThread | None = None) -> ThreadBody:
    """Create a thread without messages."""
    new = body or NewThread()
    if new.workflow_id is not None:
        await tenant.stored_workflows.get(new.workflow_id)
    return _body(await tenant.threads.create(new.workflow_id, new.metadata))


@router.get("/threads")
async def list_threads(
    tenant: CurrentTenant,
    workflow_id: Annotated[str | None, Query(max_length=128)] = None,
    limit: PageLimit = 50,
    offset: PageOffset = 0,
) -> ThreadPage:
    """Return a page of threads, most recently used first."""
    found, total = await tenant.threads.list(limit, offset, workflow_id)
    items = [_body(thread) for thread in found]
    return ThreadPage(items=items, total=total, limit=limit, offset=offset)


@router.get("/threads/{thread_id}")
async def get_thread(thread_id: ThreadId, tenant: CurrentTenant) -> ThreadBody:
    """Return a thread."""
    return _body(await tenant.threads.get(thread_id))


@router.delete("/threads/{thread_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_thread(thread_id: ThreadId, tenant: CurrentTenant) -> Response:
    """Delete a thread and its messages; its runs stay."""
    await tenant.threads.delete(thread_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/threads/{thread_id}/messages")
async def read_messages(
    thread_id: ThreadId,
    tenant: CurrentTenant,
    after: Annotated[
        int, Query(ge=0, le=MAX_NUMBER, description="Only messages with greater numbers.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> list[MessageBody]:
    """Return the messages of a thread, oldest first."""
    found = await tenant.threads.messages(thread_id, after, limit)
    return [_message(message) for message in found]


@router.get("/threads/{thread_id}/runs")
async def read_thread_runs(
    thread_id: ThreadId,
    tenant: CurrentTenant,
    limit: PageLimit = 50,
    offset: PageOffset = 0,
) -> RunPage:
    """Return a page of a thread's runs, newest first."""
    await tenant.threads.get(thread_id)
    found = await tenant.stored_runs.list(ListPart(limit, offset), WantedRuns(thread_id=thread_id))
    return RunPage(items=list[Run](found.items), **page_fields(found, limit, offset))


@router.post(
    "/workflows/{workflow_id}/chat",
    summary="Chat with a Workflow",
    response_model=ChatReply,
    responses={**CONFLICT, **DESCRIBED},
)
async def chat(
    workflow_id: WorkflowId,
    body: ChatRequest,
    tenant: CurrentTenant,
    request: Request,
    key: IdempotencyKey = None,
) -> Any:
    """Send a message to a workflow that takes a `message`.

    The message starts a run; if a run of the workflow waits for an answer in the thread, it
    answers that run.

    The response is a stream of events: first `thread`, then `token` for each piece of text, and
    from agents `thought`, `tool_call` and `tool_result`; last `question`, `message` or `error`.
    With `stream: false`, it is one JSON object.
    """
    turn = await _turn(workflow_id, body, tenant.chat, key)
    watched = WatchedTurn(tenant.chat, turn, body.on_disconnect)
    if body.stream:
        return stream(_events(watched), _stopped, hung_up=watched.hung_up)
    last = await watched.outcome(request)
    return _reply(turn, last) if last is not None else unread()


async def _turn(workflow_id: str, body: ChatRequest, chat: Chat, key: str | None) -> Turn:
    stored, compiled = await chat.model(workflow_id)
    thread_id, is_new = body.thread_id, body.thread_id is None
    if thread_id is None:
        thread_id = (await chat.threads.create(stored.id, {})).id
    else:
        await chat.open_thread(thread_id, stored.id, {})
    inputs = chat.inputs_of(compiled)
    options = RunOptions(client_key(key), thread_id=thread_id, has_new_thread=is_new)
    own: dict[str, Any] = {"message": body.message, "thread_id": thread_id}
    given = {name: value for name, value in own.items() if inputs.may_have(name)}
    if inputs.names("content"):
        given["content"] = body.message
    if inputs.names("messages"):
        earlier = await chat.history(thread_id, stored.id, options.idempotency_key)
        given["messages"] = [*earlier, {"role": "user", "content": body.message}]
    return await chat.take(stored, compiled, body.message, options, {**body.input, **given})


def _stopped(stop: ServerStops) -> str:
    error = {"code": "server-stops", "message": str(stop), "run_id": stop.run_id}
    return event(error, "error")


async def _events(watched: WatchedTurn) -> AsyncIterator[str]:
    turn = watched.turn
    yield event({"thread_id": turn.thread_id, "run_id": turn.run_id}, "thread")
    async for piece in watched.pieces():
        match piece:
            case TextPiece(text):
                yield event({"text": text}, "token")
            case AgentStep(kind, data):
                yield event(data, kind)
            case OpenQuestion(asked):
                data = {"id": asked.id, "text": piece.text, "data": asked.data}
                yield event(data, "question")
            case QuestionLeft(run, text):
                yield event({"text": text, "output": None, "usage": run.usage}, "message")
            case TurnEnded(run, text) if run.status == "completed":
                answer = {"text": text, "output": run.output, "usage": run.usage}
                yield event(answer, "message")
            case TurnEnded(run):
                yield event(run.error or {"code": run.status}, "error")


def _reply(turn: Turn, last: LastPiece) -> ChatReply:
    if isinstance(last, OpenQuestion):
        asked = ChatQuestion(id=last.interrupt.id, data=last.interrupt.data)
        where = {"thread_id": turn.thread_id, "run_id": turn.run_id, "status": "waiting"}
        return ChatReply.model_validate({**where, "message": last.text, "question": asked})
    run = last.run
    return ChatReply(
        thread_id=turn.thread_id or "",
        run_id=run.id,
        status=run.status,
        message=last.text,
        output=run.output,
        error=run.error if isinstance(last, TurnEnded) else None,
        usage=run.usage,
    )


def _body(thread: ThreadRecord) -> ThreadBody:
    fields = thread._asdict()
    return ThreadBody(metadata=fields.pop("meta"), **fields)


def _message(message: MessageRecord) -> MessageBody:
    return MessageBody(**message._asdict())
