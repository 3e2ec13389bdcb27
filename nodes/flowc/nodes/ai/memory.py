"""What does a model remember of what was said before?"""

import asyncio
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flowc.compiler.node import Context
from flowc.nodes.ai.messages import ChatMessage, as_sent
from flowc.nodes.ai.structured import ModelSession
from flowc.nodes.services.models.tokens import tokens_in
from flowc.nodes.services.threads import Thread, ThreadMessage

_SUM_UP = (
    "Sum up this conversation for somebody who goes on with it: facts, names, figures, decisions,"
    " open questions. Write nothing else."
)


class Memory(BaseModel):
    """How much of the conversation a model is told: its newest messages, up to so many tokens.

    With `summarize`, what falls out is summed up by a model, once, and told in short.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: int = Field(default=4_000, ge=1, le=10_000_000)
    summarize: bool = False


async def earlier_messages(
    memory: Memory, context: Context, session: ModelSession
) -> list[dict[str, Any]]:
    """Return what was said before, as messages.

    It is what the caller sent along, as `messages` in the run's input, all but the last one; or
    else what is kept of the thread.
    """
    sent = context.input.get("messages")
    if isinstance(sent, list):
        said = [ChatMessage.model_validate(each) for each in sent[:-1]]
        return await _newest(await as_sent(said, context), memory.max_tokens)
    thread = context.services.get(Thread)
    if not isinstance(thread, Thread):
        return []
    number, summary = await thread.summary()
    history = await thread.history(number)
    messages = await as_sent([_message(each) for each in history], context)
    if not memory.summarize or await _tokens_in(messages) <= memory.max_tokens:
        return [*_in_short(summary), *await _newest(messages, memory.max_tokens)]
    # Half of the room is left for what comes, so that not every turn sums up anew.
    kept = await _newest(messages, memory.max_tokens // 2)
    fallen = messages[: len(messages) - len(kept)]
    asked = [*_in_short(summary), *fallen, {"role": "user", "content": _SUM_UP}]
    summary = (await session.unstreamed().ask(asked)).text
    await thread.sum_up(history[len(fallen) - 1].number, summary)
    return [*_in_short(summary), *kept]


def _message(said: ThreadMessage) -> ChatMessage:
    return ChatMessage.model_validate({"role": said.role, "content": said.content})


def _in_short(summary: str) -> list[dict[str, Any]]:
    if not summary:
        return []
    return [{"role": "system", "content": f"What was said before, in short:\n{summary}"}]


async def _tokens_in(messages: list[dict[str, Any]]) -> int:
    # Counting takes long enough to keep others waiting.
    return await asyncio.to_thread(tokens_in, messages)


async def _newest(messages: list[dict[str, Any]], max_tokens: int) -> list[dict[str, Any]]:
    """Return the newest messages that fit; they begin with what a person said."""
    room, first = max_tokens, len(messages)
    while first > 0 and (room := room - await _tokens_in(messages[first - 1 : first])) >= 0:
        first -= 1
    while first < len(messages) and messages[first]["role"] not in {"user", "system"}:
        first += 1
    return messages[first:]
