"""Selects the earlier messages of a conversation that are sent to a model again."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from flowc.compiler.node import Context, NodeError, Role
from flowc.nodes.ai.messages import ChatMessage, as_sent
from flowc.nodes.ai.structured import ModelSession
from flowc.nodes.services.models.tokens import tokens_in
from flowc.nodes.services.threads import Thread, ThreadMessage

# Recorded test cases are found by what was sent: a change of this text makes them miss.
_SUM_UP = (
    "Sum up this conversation for someone who will continue it: facts, names, figures, decisions,"
    " open questions. Write nothing else."
)


# Longest shared memory: it is stored with the run's variables.
_MOST_SHARED = 1_000


class Memory(BaseModel):
    """How many earlier messages to send: the newest ones, up to `max_tokens` and `max_messages`.

    With `summarize`, the model sums up older messages once, and the summary is sent in their place.

    With `shared`, these are not the messages of the run's conversation, but those that the nodes of
    this run share under the name: what each is asked, and what it answers. They are the variable
    of that name, `{{variables.team}}`, so nodes that run at the same time cannot share one. The
    items of a map begin with what was there before the map; a sub-workflow shares nothing with it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: int = Field(
        default=4_000, ge=1, le=10_000_000, description="Most tokens of earlier messages."
    )
    max_messages: int | None = Field(
        default=None, ge=1, le=10_000, description="Most earlier messages."
    )
    summarize: bool = Field(default=False, description="Whether to sum up older messages.")
    shared: Annotated[str | None, Role.RAW] = Field(
        default=None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$",
        description="Name under which nodes of this run share what they are asked and answer.",
    )

    @model_validator(mode="after")
    def _sums_up_a_thread(self) -> "Memory":
        if self.summarize and self.shared is not None:
            raise ValueError("`summarize` is for a conversation, and not for a `shared` memory")
        return self


async def earlier_messages(
    memory: Memory, context: Context, session: ModelSession
) -> list[dict[str, Any]]:
    """Return the earlier messages of the conversation.

    These are the `messages` of the run's input, except the last one, if the caller sent any;
    otherwise those stored for the run's thread. A shared memory is neither.
    """
    if memory.shared is not None:
        return await _newest(
            await as_sent(_shared(memory.shared, context.variables), context), memory
        )
    sent = context.input.get("messages")
    if isinstance(sent, list):
        given = [ChatMessage.model_validate(each) for each in sent[:-1]]
        return await _newest(await as_sent(given, context), memory)
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


def with_turn(
    memory: Memory,
    variables: Mapping[str, Any],
    asked: Sequence[ChatMessage],
    answer: ChatMessage,
) -> dict[str, Any]:
    """Return the variable of a shared memory with one more turn, or {} if nothing is shared."""
    if memory.shared is None:
        return {}
    own = [each for each in (*asked, answer) if each.role != "system"]
    turn = [{**each.model_dump(exclude_none=True), "content": _plain(each)} for each in own]
    earlier = [each.model_dump(exclude_none=True) for each in _shared(memory.shared, variables)]
    return {memory.shared: [*earlier, *turn][-_MOST_SHARED:]}


def _plain(message: ChatMessage) -> str:
    """Return the texts of a message; its pictures and files are only for the one who was asked."""
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text for part in message.content if part.text is not None)


def _shared(name: str, variables: Mapping[str, Any]) -> list[ChatMessage]:
    try:
        return [ChatMessage.model_validate(each) for each in variables.get(name) or ()]
    except (ValidationError, TypeError):
        message = f"The variable {name!r} has no messages, so it cannot be a shared memory."
        hint = "Share the memory under a name that no variable has."
        raise NodeError("not-a-memory", message, field="memory", hint=hint) from None


async def _of_thread(memory: Memory, context: Context, thread: Thread) -> list[dict[str, Any]]:
    """Return the summary and the newest messages after it."""
    number, summary = await thread.summary()
    messages = await as_sent([_message(each) for each in await thread.history(number)], context)
    return [*_as_message(summary), *await _newest(messages, memory)]


async def _summed_up(
    memory: Memory, context: Context, thread: Thread, session: ModelSession
) -> list[dict[str, Any]]:
    """Return the summary and the messages after it; messages without room become a new summary."""
    number, summary = await thread.summary()
    history = await thread.history(number)
    messages = await as_sent([_message(each) for each in history], context)
    most = memory.max_messages or len(messages)
    if await _tokens_in(messages) <= memory.max_tokens and len(messages) <= most:
        return [*_as_message(summary), *await _newest(messages, memory)]
    # Half of the room stays free, so that the next turns need no new summary.
    half = {"max_tokens": memory.max_tokens // 2, "max_messages": max(most // 2, 1)}
    newest = await _newest(messages, memory.model_copy(update=half))
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


async def _newest(messages: list[dict[str, Any]], memory: Memory) -> list[dict[str, Any]]:
    """Return the newest messages that fit, beginning with one of the user or the system.

    A tool's message without the request before it would be refused by providers.
    """
    room, first = memory.max_tokens, len(messages)
    last = max(first - (memory.max_messages or first), 0)
    while first > last and (room := room - await _tokens_in(messages[first - 1 : first])) >= 0:
        first -= 1
    while first < len(messages) and messages[first]["role"] not in {"user", "system"}:
        first += 1
    return messages[first:]
