"""Responses: each is a run; `previous_response_id` names the thread that it continues."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from flowc.server.access.callers import Caller
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.protocols.openai.completions import (
    completed,
    stopped,
    tool_calls_of,
    usage_of,
)
from flowc.server.api.protocols.openai.reading import messages_in, text_in
from flowc.server.api.refused_requests import NotCompleted, Unsupported
from flowc.server.api.sse import event, stream
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.conversations.chat import Chat, OpenQuestion, TextPiece, Turn, TurnEnded
from flowc.server.process.process import Process
from flowc.server.records.message_text import text_of
from flowc.server.records.runs import RunRecord
from flowc.server.store.runs.stored_runs import NoSuchRun

router = APIRouter(route_class=StrictRoute)
_PREFIX = "resp_"


class ResponseRequest(BaseModel):
    """A message; parameters that workflows set themselves (`temperature`, …) are ignored."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=200, description="Id of a workflow, or `id@version`.")
    input: str | list[dict[str, Any]]
    instructions: str | None = None
    previous_response_id: str | None = Field(default=None, max_length=100)
    stream: bool = False
    metadata: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None


@router.post("/responses", response_model=None, summary="Create Response")
async def respond(body: ResponseRequest, process: CurrentProcess, caller: CurrentCaller) -> Any:
    """Answer a message, as one object or as a stream of typed events."""
    turn = await _turn(body, process, caller)
    response = _Response(body, turn.run_id, turn.after)
    if body.stream:
        return stream(_events(process.chat, turn, response), stopped)
    last = await process.chat.outcome(turn)
    if isinstance(last, OpenQuestion):
        return response.ended(last.text, await process.stored_runs.get(turn.run_id))
    return response.ended(last.text, completed(last))


@router.get("/responses/{response_id}")
async def get_response(
    response_id: Annotated[str, Path(max_length=100, description="Id of the response.")],
    process: CurrentProcess,
    caller: CurrentCaller,
) -> dict[str, Any]:
    """Return an earlier response, which may still be in progress."""
    run = await process.stored_runs.get(_run_id(response_id))
    caller.require_workflow(run.workflow_id or "")
    response = _Response(ResponseRequest(model=run.workflow_id or "", input=""), run.id)
    if run.status == "completed":
        return response.ended(text_of(run.output), run)
    if run.status in {"failed", "cancelled"}:
        return response.failed(NotCompleted(run))
    return response.body("in_progress")


async def _turn(body: ResponseRequest, process: Process, caller: Caller) -> Turn:
    stored, compiled = await process.chat.model(body.model)
    caller.require_workflow(stored.id)
    given = body.input
    items = [{"role": "user", "content": given}] if isinstance(given, str) else _messages_of(given)
    messages = messages_in(items)
    if not messages or messages[-1]["role"] != "user":
        raise Unsupported("invalid_input", "input: the last item must be a message of the user.")
    text = text_in(messages[-1]["content"])
    thread_id = await _thread(body, process, stored.id, caller)
    waiting = await process.stored_runs.waiting_in([thread_id], stored.id)
    if waiting is not None:
        return await process.chat.answer(waiting, text, is_kept=True)
    for message in messages[:-1]:
        await process.threads.append_message(thread_id, message["role"], message["content"], None)
    values = {"instructions": body.instructions, "tools": body.tools or None}
    more = {name: value for name, value in values.items() if value is not None}
    sent = {"message": text, "thread_id": thread_id, **more}
    return await process.chat.begin(
        stored, compiled, thread_id, sent, message=messages[-1]["content"]
    )


async def _thread(body: ResponseRequest, process: Process, workflow_id: str, caller: Caller) -> str:
    """Return a new thread, or a copy of the previous response's as it was after it."""
    if body.previous_response_id is None:
        return (await process.threads.create(workflow_id, body.metadata or {})).id
    run = await process.stored_runs.get(_run_id(body.previous_response_id))
    caller.require_workflow(run.workflow_id or "")
    if run.thread_id is None:
        raise NoSuchRun
    return (await process.threads.fork(run.thread_id, run.id)).id


def _messages_of(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages among the items, without others such as reasoning."""
    return [item for item in items if item.get("type", "message") == "message"]


def _run_id(response_id: str) -> str:
    if not response_id.startswith(_PREFIX):
        raise NoSuchRun
    # A run that asked questions has several responses; a number after the dot tells them apart.
    return response_id.removeprefix(_PREFIX).partition(".")[0]


@dataclass
class _Response:
    """A response in its stages."""

    request: ResponseRequest
    run_id: str
    after: int = 0
    created_at: int = field(default_factory=lambda: int(time.time()))

    @property
    def id(self) -> str:
        """The id of the run; a turn that continues the run adds the event it continues after."""
        more = f".{self.after}" if self.after else ""
        return f"{_PREFIX}{self.run_id}{more}"

    @property
    def message_id(self) -> str:
        return f"msg_{self.id.removeprefix(_PREFIX)}"

    def body(self, status: str, **more: Any) -> dict[str, Any]:
        request = self.request
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": request.instructions,
            "metadata": request.metadata or {},
            "model": request.model,
            "output": [],
            "parallel_tool_calls": True,
            "previous_response_id": request.previous_response_id,
            "temperature": None,
            "tool_choice": "auto",
            "tools": request.tools or [],
            "top_p": None,
            "usage": None,
            **more,
        }

    def message(self, text: str, status: str) -> dict[str, Any]:
        content = [_content(text)] if status == "completed" else []
        kind = {"id": self.message_id, "type": "message", "role": "assistant"}
        return {**kind, "status": status, "content": content}

    def ended(self, text: str, run: RunRecord) -> dict[str, Any]:
        output = [self.message(text, "completed"), *_calls(run)]
        return self.body("completed", output=output, usage=_usage(run))

    def failed(self, problem: NotCompleted) -> dict[str, Any]:
        error = {"code": "server_error", "message": str(problem)}
        return self.body("failed", error=error)


def _content(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _calls(run: RunRecord) -> Iterator[dict[str, Any]]:
    for call in tool_calls_of(run) if run.status == "completed" else ():
        id, function = str(call.get("id")), call["function"]
        kind = {"type": "function_call", "id": f"fc_{id}", "call_id": id, "status": "completed"}
        yield {**kind, "name": function["name"], "arguments": function["arguments"]}


def _usage(run: RunRecord) -> dict[str, Any]:
    usage = usage_of(run)
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": usage["prompt_tokens_details"],
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": usage["completion_tokens_details"],
        "total_tokens": usage["total_tokens"],
    }


async def _events(chat: Chat, turn: Turn, response: _Response) -> AsyncIterator[str]:
    number = -1

    def typed(kind: str, **data: Any) -> str:
        nonlocal number
        number += 1
        return event({"type": kind, "sequence_number": number, **data}, kind)

    place: dict[str, Any] = {"output_index": 0, "content_index": 0, "item_id": response.message_id}
    item = {"output_index": 0}
    yield typed("response.created", response=response.body("in_progress"))
    yield typed("response.in_progress", response=response.body("in_progress"))
    begun = response.message("", "in_progress")
    yield typed("response.output_item.added", item=begun, **item)
    yield typed("response.content_part.added", part=_content(""), **place)
    text = ""
    async for piece in chat.pieces(turn):
        if isinstance(piece, TurnEnded) and piece.run.status != "completed":
            yield typed("response.failed", response=response.failed(NotCompleted(piece.run)))
            return
        if isinstance(piece, TextPiece | OpenQuestion):
            text += piece.text
            delta = {"delta": piece.text, "logprobs": []}
            yield typed("response.output_text.delta", **delta, **place)
    yield typed("response.output_text.done", text=text, logprobs=[], **place)
    yield typed("response.content_part.done", part=_content(text), **place)
    yield typed("response.output_item.done", item=response.message(text, "completed"), **item)
    run = await chat.runs.stored_runs.get(turn.run_id)
    for index, call in enumerate(_calls(run), start=1):
        yield typed("response.output_item.added", output_index=index, item=call)
        yield typed("response.output_item.done", output_index=index, item=call)
    yield typed("response.completed", response=response.ended(text, run))
