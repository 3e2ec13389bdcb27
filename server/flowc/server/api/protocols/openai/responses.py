"""Responses: each one is a run, and `previous_response_id` names the thread it goes on with."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.protocols.openai.completions import completed, tool_calls_of, usage_of
from flowc.server.api.protocols.openai.reading import messages_in, text_in
from flowc.server.api.refused_requests import NotCompleted, Unsupported
from flowc.server.api.sse import event, stream
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.conversations.chat import Chat, Ended, Question, Text, Turn
from flowc.server.process.process import Process
from flowc.server.records.runs import RunRecord
from flowc.server.records.speech import text_of
from flowc.server.store.runs.stored_runs import NoSuchRun

router = APIRouter(route_class=StrictRoute)
_PREFIX = "resp_"


class NewResponse(BaseModel):
    """What is asked; parameters that a workflow sets itself are taken, and have no meaning."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=200)
    input: str | list[dict[str, Any]]
    instructions: str | None = None
    previous_response_id: str | None = Field(default=None, max_length=100)
    stream: bool = False
    metadata: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None


@router.post("/responses", response_model=None)
async def respond(body: NewResponse, process: CurrentProcess) -> Any:
    """Answer, at once or as a stream of typed events."""
    turn = await _turn(body, process)
    shown = _Shown(body, turn.run_id, turn.after)
    if body.stream:
        return stream(_events(process.chat, turn, shown))
    last = await process.chat.outcome(turn)
    if isinstance(last, Question):
        return shown.ended(last.text, await process.stored_runs.get(turn.run_id))
    return shown.ended(last.text, completed(last))


@router.get("/responses/{response_id}")
async def get_response(
    response_id: Annotated[str, Path(max_length=100)], process: CurrentProcess
) -> dict[str, Any]:
    """Return a response that was begun before."""
    run = await process.stored_runs.get(_run_id(response_id))
    shown = _Shown(NewResponse(model=run.workflow_id or "", input=""), run.id)
    if run.status == "completed":
        return shown.ended(text_of(run.output), run)
    if run.status in {"failed", "cancelled"}:
        return shown.failed(NotCompleted(run))
    return shown.body("in_progress")


async def _turn(body: NewResponse, process: Process) -> Turn:
    stored, compiled = await process.chat.model(body.model)
    given = body.input
    items = [{"role": "user", "content": given}] if isinstance(given, str) else _said(given)
    messages = messages_in(items)
    if not messages or messages[-1]["role"] != "user":
        raise Unsupported("invalid_input", "input: the last item must be a message of the user.")
    text = text_in(messages[-1]["content"])
    thread_id = await _thread(body, process, stored.id)
    waiting = await process.stored_runs.waiting_in([thread_id])
    if waiting is not None:
        return await process.chat.answer(waiting, text, is_kept=True)
    for message in messages[:-1]:
        await process.threads.say(thread_id, message["role"], message["content"], None)
    values = {"instructions": body.instructions, "tools": body.tools or None}
    more = {name: value for name, value in values.items() if value is not None}
    sent = {"message": text, "thread_id": thread_id, **more}
    return await process.chat.begin(
        stored, compiled, thread_id, sent, message=messages[-1]["content"]
    )


async def _thread(body: NewResponse, process: Process, workflow_id: str) -> str:
    """Return the thread to go on with: a new one, or as it was after the previous response."""
    if body.previous_response_id is None:
        return (await process.threads.create(workflow_id, body.metadata or {})).id
    run = await process.stored_runs.get(_run_id(body.previous_response_id))
    if run.thread_id is None:
        raise NoSuchRun
    return (await process.threads.fork(run.thread_id, run.id)).id


def _said(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages among the items; others, such as reasoning, are left out."""
    return [item for item in items if item.get("type", "message") == "message"]


def _run_id(response_id: str) -> str:
    if not response_id.startswith(_PREFIX):
        raise NoSuchRun
    # A run that asked has several responses.
    return response_id.removeprefix(_PREFIX).partition(".")[0]


@dataclass
class _Shown:
    """A response as it is shown, from its beginning to its end."""

    asked: NewResponse
    run_id: str
    after: int = 0
    created_at: int = field(default_factory=lambda: int(time.time()))

    @property
    def id(self) -> str:
        """A turn that goes on with a run has an id of its own."""
        more = f".{self.after}" if self.after else ""
        return f"{_PREFIX}{self.run_id}{more}"

    @property
    def message_id(self) -> str:
        return f"msg_{self.id.removeprefix(_PREFIX)}"

    def body(self, status: str, **more: Any) -> dict[str, Any]:
        asked = self.asked
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.instructions,
            "metadata": asked.metadata or {},
            "model": asked.model,
            "output": [],
            "parallel_tool_calls": True,
            "previous_response_id": asked.previous_response_id,
            "temperature": None,
            "tool_choice": "auto",
            "tools": asked.tools or [],
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
        said = {"code": "server_error", "message": str(problem)}
        return self.body("failed", error=said)


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


async def _events(chat: Chat, turn: Turn, shown: _Shown) -> AsyncIterator[str]:
    number = -1

    def told(kind: str, **data: Any) -> str:
        nonlocal number
        number += 1
        return event({"type": kind, "sequence_number": number, **data}, kind)

    place: dict[str, Any] = {"output_index": 0, "content_index": 0, "item_id": shown.message_id}
    item = {"output_index": 0}
    yield told("response.created", response=shown.body("in_progress"))
    yield told("response.in_progress", response=shown.body("in_progress"))
    begun = shown.message("", "in_progress")
    yield told("response.output_item.added", item=begun, **item)
    yield told("response.content_part.added", part=_content(""), **place)
    text = ""
    async for piece in chat.pieces(turn):
        if isinstance(piece, Ended) and piece.run.status != "completed":
            yield told("response.failed", response=shown.failed(NotCompleted(piece.run)))
            return
        if isinstance(piece, Text | Question):
            text += piece.text
            said = {"delta": piece.text, "logprobs": []}
            yield told("response.output_text.delta", **said, **place)
    yield told("response.output_text.done", text=text, logprobs=[], **place)
    yield told("response.content_part.done", part=_content(text), **place)
    yield told("response.output_item.done", item=shown.message(text, "completed"), **item)
    run = await chat.runs.stored_runs.get(turn.run_id)
    for index, call in enumerate(_calls(run), start=1):
        yield told("response.output_item.added", output_index=index, item=call)
        yield told("response.output_item.done", output_index=index, item=call)
    yield told("response.completed", response=shown.ended(text, run))
