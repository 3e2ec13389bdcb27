"""Chat completions: each request has the whole conversation; its last message starts a run.

When the run asks a question, the question is the completion. A request that ends with this question
and an answer continues the run.
"""

import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request

from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.hang_ups import WatchedTurn, unread
from flowc.server.api.protocols.openai.completion_turns import CompletionRequest, begin_completion
from flowc.server.api.protocols.openai.reading import with_reference
from flowc.server.api.refused_requests import NotCompleted
from flowc.server.api.sse import event, stream
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.conversations.chat import (
    Chat,
    LastPiece,
    OpenQuestion,
    QuestionLeft,
    TextPiece,
    Turn,
    TurnEnded,
)
from flowc.server.engine.publishing.watchers import ServerStops
from flowc.server.records.runs import RunRecord

router = APIRouter(route_class=StrictRoute)


@router.post("/chat/completions", response_model=None, summary="Create Chat Completion")
async def complete(
    body: CompletionRequest, tenant: CurrentTenant, caller: CurrentCaller, request: Request
) -> Any:
    """Answer the last message of a conversation."""
    turn = await begin_completion(body, tenant, caller)
    watched = WatchedTurn(tenant.chat, turn, body.on_disconnect)
    if body.stream:
        return stream(_chunks(watched, tenant.chat, body), stopped, hung_up=watched.hung_up)
    last = await watched.outcome(request)
    if last is None:
        return unread()
    message, reason = _answer(last, body)
    return {
        **_head(turn, body.model, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": usage_of(await tenant.stored_runs.get(turn.run_id)),
    }


def stopped(stop: ServerStops) -> str:
    """Return the last event of a stream that ends because the server stops."""
    error = {"message": str(stop), "type": "server_error", "param": None, "code": "server-stops"}
    return event({"error": error})


def _answer(last: LastPiece, body: CompletionRequest) -> tuple[dict[str, Any], str]:
    """Return the message, and the reason why it ends."""
    if isinstance(last, OpenQuestion):
        return {"role": "assistant", "content": _asked(last, body), "refusal": None}, "stop"
    message = {"role": "assistant", "content": last.text, "refusal": None}
    if isinstance(last, TurnEnded) and (calls := tool_calls_of(completed(last))):
        return {**message, "content": last.text or None, "tool_calls": calls}, "tool_calls"
    return message, "stop"


def _asked(question: OpenQuestion, body: CompletionRequest) -> str:
    """Return a question as clients send it back; a thread tells what its answer belongs to."""
    if body.thread_id is not None:
        return question.text
    return with_reference(question.text, question.interrupt.id)


def completed(last: TurnEnded) -> RunRecord:
    """Return the run of a turn; raise NotCompleted if it has not completed."""
    if last.run.status != "completed":
        raise NotCompleted(last.run)
    return last.run


def tool_calls_of(run: RunRecord) -> list[dict[str, Any]]:
    """Return the tool calls that the workflow leaves to its caller."""
    calls = run.output.get("tool_calls") if isinstance(run.output, dict) else None
    return [{**call, "type": "function"} for call in calls] if isinstance(calls, list) else []


async def _chunks(watched: WatchedTurn, chat: Chat, body: CompletionRequest) -> AsyncIterator[str]:
    head = _head(watched.turn, body.model, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return event({**head, "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    reason = "stop"
    async for piece in watched.pieces():
        if isinstance(piece, TextPiece | QuestionLeft):
            yield chunk({"content": piece.text})
        elif isinstance(piece, OpenQuestion):
            yield chunk({"content": _asked(piece, body)})
        elif isinstance(piece, TurnEnded) and piece.run.status != "completed":
            yield event({"error": NotCompleted(piece.run).as_openai()})
            return
        elif isinstance(piece, TurnEnded) and (calls := tool_calls_of(piece.run)):
            reason = "tool_calls"
            yield chunk({"tool_calls": [{"index": n, **call} for n, call in enumerate(calls)]})
    yield chunk({}, reason)
    if body.wants_usage:
        run = await chat.runs.stored_runs.get(watched.turn.run_id)
        yield event({**head, "choices": [], "usage": usage_of(run)})
    yield event("[DONE]")


def _head(turn: Turn, model: str, kind: str) -> dict[str, Any]:
    id = f"chatcmpl-{turn.run_id}"
    return {"id": id, "object": kind, "created": int(time.time()), "model": model}


def usage_of(run: RunRecord) -> dict[str, Any]:
    """Return the tokens that all model calls of a run have used."""
    usage = {name: int(value) for name, value in run.usage.items() if name != "cost"}
    cached, reasoning = usage.get("cached_tokens", 0), usage.get("reasoning_tokens", 0)
    return {
        "prompt_tokens": usage.get("prompt_tokens", 0),
        "completion_tokens": usage.get("completion_tokens", 0),
        "total_tokens": usage.get("total_tokens", 0),
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
