"""Chat completions: each request has the whole conversation; its last message starts a run.

When the run asks a question, the question is the completion. A request that ends with this question
and an answer continues the run.
"""

import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from flowc.server.access.callers import Caller
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.protocols.openai.reading import conversations, messages_in, text_in
from flowc.server.api.refused_requests import NotCompleted, Unsupported
from flowc.server.api.sse import event, stream
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.conversations.chat import Chat, OpenQuestion, TextPiece, Turn, TurnEnded
from flowc.server.engine.publishing.watchers import ServerStops
from flowc.server.process.process import Process
from flowc.server.records.runs import RunRecord

router = APIRouter(route_class=StrictRoute)

# How many of the latest turns are searched for a run that waits.
_SEARCHED_TURNS = 20


class StreamOptions(BaseModel):
    """What a stream holds in addition to the text."""

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """A conversation; parameters that workflows set themselves (`temperature`, …) are ignored."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=200, description="Id of a workflow, or `id@version`.")
    messages: list[dict[str, Any]] = Field(min_length=1, max_length=10_000)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    user: str | None = Field(
        default=None, description="Tells apart people who send the same conversation."
    )
    tools: list[dict[str, Any]] | None = None


@router.post("/chat/completions", response_model=None, summary="Create Chat Completion")
async def complete(body: CompletionRequest, process: CurrentProcess, caller: CurrentCaller) -> Any:
    """Answer the last message of a conversation."""
    if body.n not in {None, 1}:
        raise Unsupported("unsupported_value", "n: a workflow returns one answer; leave it out.")
    turn = await _turn(body, process, caller)
    if body.stream:
        has_usage = body.stream_options is not None and body.stream_options.include_usage
        return stream(_chunks(process.chat, turn, body.model, has_usage), stopped)
    message, reason, run = _answer(await process.chat.outcome(turn))
    return {
        **_head(turn, body.model, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": usage_of(run or await process.stored_runs.get(turn.run_id)),
    }


def stopped(stop: ServerStops) -> str:
    """Return the last event of a stream that ends because the server stops."""
    error = {"message": str(stop), "type": "server_error", "param": None, "code": "server-stops"}
    return event({"error": error})


async def _turn(body: CompletionRequest, process: Process, caller: Caller) -> Turn:
    stored, compiled = await process.chat.model(body.model)
    caller.require_workflow(stored.id)
    messages = messages_in(body.messages)
    names = conversations(body.model, body.user, messages)
    last, text = messages[-1], text_in(messages[-1]["content"])
    if last["role"] == "user" and len(messages) > 2 and messages[-2]["role"] == "assistant":
        waiting = await process.stored_runs.waiting_in(names[1:_SEARCHED_TURNS], stored.id)
        asked = await process.chat.asked(waiting) if waiting is not None else None
        if waiting and asked and OpenQuestion(asked).text == text_in(messages[-2]["content"]):
            return await process.chat.answer(waiting, text, is_kept=False)
    given = {"message": text, "messages": messages, **({"tools": body.tools} if body.tools else {})}
    name = names[0] if names else f"conversation:{time.time_ns()}"
    return await process.chat.begin(stored, compiled, name, given)


def _answer(last: OpenQuestion | TurnEnded) -> tuple[dict[str, Any], str, RunRecord | None]:
    """Return the message, the reason why it ends, and the run if it has ended."""
    if isinstance(last, OpenQuestion):
        return {"role": "assistant", "content": last.text, "refusal": None}, "stop", None
    run = completed(last)
    message = {"role": "assistant", "content": last.text, "refusal": None}
    if calls := tool_calls_of(run):
        return {**message, "content": last.text or None, "tool_calls": calls}, "tool_calls", run
    return message, "stop", run


def completed(last: TurnEnded) -> RunRecord:
    """Return the run of a turn; raise NotCompleted if it has not completed."""
    if last.run.status != "completed":
        raise NotCompleted(last.run)
    return last.run


def tool_calls_of(run: RunRecord) -> list[dict[str, Any]]:
    """Return the tool calls that the workflow leaves to its caller."""
    calls = run.output.get("tool_calls") if isinstance(run.output, dict) else None
    return [{**call, "type": "function"} for call in calls] if isinstance(calls, list) else []


async def _chunks(chat: Chat, turn: Turn, model: str, has_usage: bool) -> AsyncIterator[str]:
    head = _head(turn, model, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return event({**head, "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    reason = "stop"
    async for piece in chat.pieces(turn):
        if isinstance(piece, TextPiece | OpenQuestion):
            yield chunk({"content": piece.text})
        elif isinstance(piece, TurnEnded) and piece.run.status != "completed":
            yield event({"error": NotCompleted(piece.run).as_openai()})
            return
        elif isinstance(piece, TurnEnded) and (calls := tool_calls_of(piece.run)):
            reason = "tool_calls"
            yield chunk({"tool_calls": [{"index": n, **call} for n, call in enumerate(calls)]})
    yield chunk({}, reason)
    if has_usage:
        run = await chat.runs.stored_runs.get(turn.run_id)
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
