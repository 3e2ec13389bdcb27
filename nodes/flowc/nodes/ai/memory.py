"""Selects the earlier messages of a conversation that are sent to a model again."""

import asyncio
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flowc.compiler.node import Context
from flowc.nodes.ai.messages import ChatMessage, as_sent
from flowc.nodes.ai.structured import ModelSession
from flowc.nodes.services.models.tokens import tokens_in
from flowc.nodes.services.threads import Thread, ThreadMessage

# Recorded test cases are found by what was sent: a change of this text makes them miss.
_SUM_UP = (
    "Sum up this conversation for someone who will continue it: facts, names, figures, decisions,"
    " open questions. Write nothing else."
)


class Memory(BaseModel):
    """How many earlier messages to send: the newest ones, up to `max_tokens`.

    With `summarize`, the model sums up older messages once, and the summary is sent in their place.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: int = Field(
        default=4_000, ge=1, le=10_000_000, description="Most tokens of earlier messages."
    )
    summarize: bool = Field(default=False, description="Whether to sum up older messages.")


async def earlier_messages(
    memory: Memory, context: Context, session: ModelSession
) -> list[dict[str, Any]]:
    """Return the earlier messages of the conversation.

    These are the `messages` of the run's input, except the last one, if the caller sent any;
    otherwise those stored for the run's thread.
    """
    sent = context.input.get("messages")
    if isinstance(sent, list):
        given = [ChatMessage.model_validate(each) for each in sent[:-1]]
        return await _newest(await as_sent(given, context), memory.max_tokens)
    thread = context.services.get(Thread)
    if not isinstance(thread, Thread):
        return []
    if not memory.summarize:
        return await _of_thread(memory, context, thread)
    found: list[list[dict[str, Any]]] = []

    async def sum_up() -> None:
        found.append(await _summed_up(memory, context, thread, session))

    # Once: what the summary cost also counts if the node waits and runs again.
    await context.once("summary", sum_up)
    return found[0] if found else await _of_thread(memory, context, thread)


async def _of_thread(memory: Memory, context: Context, thread: Thread) -> list[dict[str, Any]]:
    """Return the summary and the newest messages after it."""
    number, summary = await thread.summary()
    messages = await as_sent([_message(each) for each in await thread.history(number)], context)
    return [*_as_message(summary), *await _newest(messages, memory.max_tokens)]


async def _summed_up(
    memory: Memory, context: Context, thread: Thread, session: ModelSession
) -> list[dict[str, Any]]:
    """Return the summary and the messages after it; messages without room become a new summary."""
    number, summary = await thread.summary()
    history = await thread.history(number)
    messages = await as_sent([_message(each) for each in history], context)
    if await _tokens_in(messages) <= memory.max_tokens:
        return [*_as_message(summary), *await _newest(messages, memory.max_tokens)]
    # Half of the room stays free, so that the next turns need no new summary.
    newest = await _newest(messages, memory.max_tokens // 2)
    older = messages[: len(messages) - len(newest)]
    asked = [*_as_message(summary), *older, {"role": "user", "content": _SUM_UP}]
    summary = (await session.unstreamed().ask(asked)).text
    await thread.sum_up(history[len(older) - 1].number, summary)
    return [*_as_message(summary), *newest]


def _message(stored: ThreadMessage) -> ChatMessage:
    fields = {"role": stored.role, "content": stored.content, **stored.more}
    return ChatMessage.model_validate(fields)


def _as_message(summary: str) -> list[dict[str, Any]]:
    if not summary:
        return []
    return [{"role": "system", "content": f"Summary of the conversation so far:\n{summary}"}]


async def _tokens_in(messages: list[dict[str, Any]]) -> int:
    # In a thread: counting many tokens would block the event loop.
    return await asyncio.to_thread(tokens_in, messages)


async def _newest(messages: list[dict[str, Any]], max_tokens: int) -> list[dict[str, Any]]:
    """Return the newest messages that fit, beginning with one of the user or the system.

    A tool's message without the request before it would be refused by providers.
    """
    room, first = max_tokens, len(messages)
    while first > 0 and (room := room - await _tokens_in(messages[first - 1 : first])) >= 0:
        first -= 1
    while first < len(messages) and messages[first]["role"] not in {"user", "system"}:
        first += 1
    return messages[first:]
