"""Responses: each is a run; `previous_response_id` names the thread that it continues."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from flowc.server.access.callers import Caller
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.hang_ups import WatchedTurn, unread
from flowc.server.api.protocols.openai.completions import (
    completed,
    stopped,
    tool_calls_of,
    usage_of,
)
from flowc.server.api.protocols.openai.response_turns import (
    PREFIX,
    ResponseRequest,
    begin_response,
    run_id_of,
    turn_in,
)
from flowc.server.api.refused_requests import NotCompleted
from flowc.server.api.sse import event, stream
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.conversations.chat import (
    Chat,
    OpenQuestion,
    QuestionLeft,
    TextPiece,
    TurnEnded,
)
from flowc.server.process.tenants import Tenant
from flowc.server.records.message_text import text_of
from flowc.server.records.runs import RunRecord
from flowc.server.store.runs.steering import NotPossible

# Parameters that a response repeats, as they were sent.
_ECHOED = frozenset(
    {"temperature", "top_p", "tool_choice", "parallel_tool_calls", "max_output_tokens", "text",
     "reasoning", "max_tool_calls", "truncation", "service_tier", "top_logprobs"}
)  # fmt: skip
router = APIRouter(route_class=StrictRoute)


@router.post("/responses", response_model=None, summary="Create Response")
async def respond(
    body: ResponseRequest, tenant: CurrentTenant, caller: CurrentCaller, request: Request
) -> Any:
    """Answer a message, as one object or as a stream of typed events."""
    turn = await begin_response(body, tenant, caller)
    response = _Response(body, turn.run_id, turn.after)
    watched = WatchedTurn(tenant.chat, turn, "continue" if body.background else body.on_disconnect)
    if body.stream:
        events = _events(tenant.chat, watched, response)
        return stream(events, stopped, hung_up=watched.hung_up)
    if body.background:
        return response.body("in_progress")
    last = await watched.outcome(request)
    if last is None:
        return unread()
    run = completed(last) if isinstance(last, TurnEnded) else None
    return response.ended(last.text, run or await tenant.stored_runs.get(turn.run_id))


@router.get("/responses/{response_id}")
async def get_response(
    response_id: Annotated[str, Path(max_length=100, description="Id of the response.")],
    tenant: CurrentTenant,
    caller: CurrentCaller,
) -> dict[str, Any]:
    """Return an earlier response, which may still be in progress."""
    return await _as_it_is(response_id, await _run_of(response_id, tenant, caller), tenant)


@router.post("/responses/{response_id}/cancel")
async def cancel_response(
    response_id: Annotated[str, Path(max_length=100, description="Id of the response.")],
    tenant: CurrentTenant,
    caller: CurrentCaller,
) -> dict[str, Any]:
    """End the run of a response in progress; one that has ended stays as it is."""
    run = await _run_of(response_id, tenant, caller)
    with suppress(NotPossible):
        run = await tenant.runs.cancel(run.id)
    return await _as_it_is(response_id, run, tenant)


async def _run_of(response_id: str, tenant: Tenant, caller: Caller) -> RunRecord:
    run = await tenant.stored_runs.get(run_id_of(response_id))
    caller.require_workflow(run.workflow_id or "")
    return run


async def _as_it_is(id: str, run: RunRecord, tenant: Tenant) -> dict[str, Any]:
    """Return a response as its run is now."""
    first = await tenant.stored_runs.events(run.id, 0, 1)
    metadata = first[0].data.get("metadata") if first else None
    request = ResponseRequest(model=run.workflow_id or "", input="", metadata=metadata)
    response = _Response(request, run.id, turn_in(id))
    if run.status == "completed":
        return response.ended(text_of(run.output), run)
    if run.status == "cancelled":
        return response.body("cancelled")
    if run.status == "failed":
        return response.failed(NotCompleted(run))
    asked = await tenant.chat.asked(run.id) if run.status == "waiting" else None
    if asked is not None:
        return response.ended(OpenQuestion(asked).text, run)
    return response.body("in_progress")


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
        return f"{PREFIX}{self.run_id}{more}"

    @property
    def message_id(self) -> str:
        return f"msg_{self.id.removeprefix(PREFIX)}"

    def body(self, status: str, **more: Any) -> dict[str, Any]:
        request = self.request
        sent = {
            name: value for name, value in (request.model_extra or {}).items() if name in _ECHOED
        }
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
            "background": bool(request.background),
            "conversation": {"id": request.thread_id} if request.thread_id is not None else None,
            **sent,
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


async def _events(chat: Chat, watched: WatchedTurn, response: _Response) -> AsyncIterator[str]:
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
    async for piece in watched.pieces():
        if isinstance(piece, TurnEnded) and piece.run.status != "completed":
            yield typed("response.failed", response=response.failed(NotCompleted(piece.run)))
            return
        if isinstance(piece, TextPiece | OpenQuestion | QuestionLeft):
            text += piece.text
            delta = {"delta": piece.text, "logprobs": []}
            yield typed("response.output_text.delta", **delta, **place)
    yield typed("response.output_text.done", text=text, logprobs=[], **place)
    yield typed("response.content_part.done", part=_content(text), **place)
    yield typed("response.output_item.done", item=response.message(text, "completed"), **item)
    run = await chat.runs.stored_runs.get(watched.turn.run_id)
    for index, call in enumerate(_calls(run), start=1):
        yield typed("response.output_item.added", output_index=index, item=call)
        yield typed("response.output_item.done", output_index=index, item=call)
    yield typed("response.completed", response=response.ended(text, run))
