"""Requests for chat completions, and the turns of conversations that they begin or continue."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flowc.server.access.callers import Caller
from flowc.server.api.hang_ups import OnDisconnect
from flowc.server.api.protocols.openai.message_inputs import inputs_of_messages, text_to_answer
from flowc.server.api.protocols.openai.parameters import inputs_from
from flowc.server.api.protocols.openai.reading import messages_in, referred_in, text_in
from flowc.server.conversations.chat import Chat, Turn
from flowc.server.conversations.inputs import TakenInputs
from flowc.server.process.tenants import Tenant
from flowc.server.records.senders import Sender
from flowc.server.records.threads import THREAD_ID
from flowc.server.runs.run_options import RunOptions

_Messages = Sequence[Mapping[str, Any]]


class StreamOptions(BaseModel):
    """What a stream holds in addition to the text."""

    model_config = ConfigDict(extra="forbid")

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class CompletionRequest(BaseModel):
    """A conversation; any other field must be an input of the workflow, or change nothing."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=200, description="Id of a workflow, or `id@version`.")
    messages: list[dict[str, Any]] = Field(min_length=1, max_length=10_000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = Field(default=None, max_length=512, description="Who asks; for your logs.")
    metadata: dict[str, str] | None = Field(
        default=None, max_length=16, description="Your own data."
    )
    thread_id: str | None = Field(
        default=None,
        pattern=THREAD_ID,
        description="The thread to store the conversation in; it begins if there is none.",
    )
    on_disconnect: OnDisconnect = Field(
        default="cancel", description="What becomes of the run if the client hangs up."
    )

    @property
    def parameters(self) -> dict[str, Any]:
        """All that is for the workflow, other than the messages."""
        named = {"user": self.user, "metadata": self.metadata}
        return {**(self.model_extra or {}), **named}

    @property
    def wants_usage(self) -> bool:
        """Whether the end of a stream has the usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


async def begin_completion(body: CompletionRequest, tenant: Tenant, caller: Caller) -> Turn:
    """Begin the turn of the last message, or answer the question before it."""
    chat = tenant.chat
    stored, compiled = await chat.model(body.model)
    caller.require_workflow(stored.id)
    inputs, messages = chat.inputs_of(compiled), messages_in(body.messages, "messages")
    given = inputs_from(body.parameters, inputs, is_stored=False)
    answered = await _answered(chat, stored.id, body.thread_id, messages)
    if answered is not None:
        return answered
    given |= await _inputs(body, chat, inputs, messages)
    thread_id = body.thread_id
    if thread_id is None and _needs_thread(inputs, messages):
        thread_id = await chat.thread_with(stored.id, messages[:-1])
    elif thread_id is not None:
        earlier = _spoken(messages[:-1])
        await chat.open_thread(thread_id, stored.id, body.metadata or {}, earlier)
    is_kept = thread_id is not None and messages[-1]["role"] == "user"
    message = messages[-1]["content"] if is_kept else None
    options = RunOptions(sender=Sender(body.user, body.metadata))
    return await chat.begin(stored, compiled, thread_id, given, message=message, options=options)


async def _inputs(
    body: CompletionRequest, chat: Chat, inputs: TakenInputs, messages: _Messages
) -> dict[str, Any]:
    """Return the inputs in which the workflow gets the messages, and those of its thread."""
    where, has_earlier = f"messages[{len(messages) - 1}]", len(messages) > 1
    if body.thread_id is None:
        has_earlier = has_earlier and not _needs_thread(inputs, messages)
        return inputs_of_messages(messages, inputs, where, has_earlier=has_earlier)
    if has_earlier or inputs.takes_conversation:
        messages = _with_history(messages, await chat.history(body.thread_id))
    named = {"thread_id": body.thread_id} if inputs.may_have("thread_id") else {}
    return {**inputs_of_messages(messages, inputs, where, has_earlier=has_earlier), **named}


def _needs_thread(inputs: TakenInputs, messages: _Messages) -> bool:
    """Return whether nodes can only remember the messages if a thread has them.

    A thread has no calls of tools.
    """
    has_calls = any(each["role"] == "tool" or "tool_calls" in each for each in messages)
    return inputs.forgets and len(messages) > 1 and not has_calls


async def _answered(
    chat: Chat, workflow_id: str, thread_id: str | None, messages: _Messages
) -> Turn | None:
    """Return the turn of the last message if it answers a question, else None.

    The question is that of the thread, or else the message before the last one.
    """
    where = f"messages[{len(messages) - 1}]"
    if thread_id is not None:
        waiting = await chat.runs.stored_runs.waiting_in([thread_id], workflow_id)
        if waiting is None:
            return None
        return await chat.answer(waiting, text_to_answer(messages, where))
    if [each["role"] for each in messages[-2:]] != ["assistant", "user"]:
        return None
    reference = referred_in(text_in(messages[-2]["content"]))
    if reference is None:
        return None
    asked = await chat.runs.stored_runs.question(workflow_id, reference)
    if asked is None:
        return None
    return await chat.answer_question(asked, text_to_answer(messages, where))


def _with_history(messages: _Messages, history: _Messages) -> list[Mapping[str, Any]]:
    """Return messages after those of their thread, unless they are a whole conversation."""
    if any(each["role"] in {"assistant", "tool"} for each in messages[:-1]):
        return list(messages)
    system = [each for each in messages[:-1] if each["role"] == "system"]
    return [*system, *history, *_spoken(messages[:-1]), messages[-1]]


def _spoken(messages: _Messages) -> list[Mapping[str, Any]]:
    """Return what a thread keeps of messages: those of the user and the assistant."""
    return [each for each in messages if each["role"] in {"user", "assistant"}]
