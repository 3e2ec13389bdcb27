"""Requests for responses, and the turns of conversations that they begin or continue."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from flowc.server.access.callers import Caller
from flowc.server.api.hang_ups import OnDisconnect
from flowc.server.api.protocols.openai.completion_turns import StreamOptions
from flowc.server.api.protocols.openai.completions import tool_calls_of
from flowc.server.api.protocols.openai.message_inputs import inputs_of_messages, text_to_answer
from flowc.server.api.protocols.openai.parameters import inputs_from
from flowc.server.api.protocols.openai.response_items import messages_of, renamed
from flowc.server.api.refused_requests import Unsupported
from flowc.server.conversations.chat import Chat, Turn
from flowc.server.process.tenants import Tenant
from flowc.server.records.message_text import text_of
from flowc.server.records.runs import RunRecord
from flowc.server.records.senders import Sender
from flowc.server.records.threads import THREAD_ID
from flowc.server.runs.run_options import RunOptions
from flowc.server.store.runs.stored_runs import NoSuchRun

# The ids of responses begin with this.
PREFIX = "resp_"
_Messages = Sequence[Mapping[str, Any]]
_ThreadId = Annotated[str, Field(pattern=THREAD_ID)]


class ConversationReference(BaseModel):
    """The thread of a conversation."""

    model_config = ConfigDict(extra="forbid")

    id: _ThreadId


class ResponseRequest(BaseModel):
    """A message; any other field must be an input of the workflow, or change nothing."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=200, description="Id of a workflow, or `id@version`.")
    input: str | list[dict[str, Any]]
    instructions: str | None = None
    previous_response_id: str | None = Field(default=None, max_length=100)
    conversation: _ThreadId | ConversationReference | None = Field(
        default=None, description="The thread of the conversation; it begins if there is none."
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    background: bool | None = Field(
        default=None, description="Return at once; the response is then read by its id."
    )
    user: str | None = Field(default=None, max_length=512, description="Who asks; for your logs.")
    metadata: dict[str, str] | None = Field(
        default=None, max_length=16, description="Your own data."
    )
    tools: list[dict[str, Any]] | None = None
    on_disconnect: OnDisconnect = Field(
        default="cancel", description="What becomes of the run if the client hangs up."
    )

    @property
    def parameters(self) -> dict[str, Any]:
        """All that is for the workflow, other than the messages."""
        own = {"user": self.user, "metadata": self.metadata, "tools": self.tools}
        return {**renamed(self.model_extra or {}), **own, "instructions": self.instructions}

    @property
    def thread_id(self) -> str | None:
        """The thread that the request names."""
        named = self.conversation
        return named.id if isinstance(named, ConversationReference) else named


async def begin_response(body: ResponseRequest, tenant: Tenant, caller: Caller) -> Turn:
    """Begin the turn of a message, or answer the question of the response before it."""
    chat = tenant.chat
    stored, compiled = await chat.model(body.model)
    caller.require_workflow(stored.id)
    inputs = chat.inputs_of(compiled)
    given = inputs_from(body.parameters, inputs, is_stored=True)
    messages = messages_of(body.input, takes_calls=inputs.takes_conversation)
    if not messages or messages[-1]["role"] not in {"user", "tool"}:
        sentence = "the last item must be a message of the user, or a result of a tool."
        raise Unsupported("invalid_input", "input", sentence)
    where = "input" if isinstance(body.input, str) else f"input[{len(body.input) - 1}]"
    before = await _run_before(body, tenant, caller)
    thread_id = await _thread(body, tenant, stored.id, before)
    waiting = await tenant.stored_runs.waiting_in([thread_id], stored.id)
    if waiting is not None:
        return await chat.answer(waiting, text_to_answer(messages, where))
    if inputs.takes_conversation:
        earlier = await _earlier(chat, thread_id, before)
        given |= inputs_of_messages([*earlier, *messages], inputs, where, has_earlier=False)
    else:
        given |= inputs_of_messages(messages, inputs, where, has_earlier=False)
    for message in messages[:-1]:
        if message["role"] != "tool" and "tool_calls" not in message:
            await tenant.threads.append_message(
                thread_id, message["role"], message["content"], None
            )
    if inputs.may_have("thread_id"):
        given["thread_id"] = thread_id
    last = messages[-1]
    kept = last["content"] if last["role"] == "user" else None
    options = RunOptions(sender=Sender(body.user, body.metadata))
    return await chat.begin(stored, compiled, thread_id, given, message=kept, options=options)


def run_id_of(response_id: str) -> str:
    """Return the id of the run of a response; raise NoSuchRun."""
    if not response_id.startswith(PREFIX):
        raise NoSuchRun
    # A run that asked questions has several responses; a number after the dot tells them apart.
    return response_id.removeprefix(PREFIX).partition(".")[0]


def turn_in(response_id: str) -> int:
    """Return the number of the event after which the turn of a response begins.

    >>> turn_in("resp_a.5"), turn_in("resp_a")
    (5, 0)
    """
    number = response_id.partition(".")[2]
    return int(number) if number.isascii() and number.isdigit() else 0


async def _run_before(body: ResponseRequest, tenant: Tenant, caller: Caller) -> RunRecord | None:
    """Return the run of the previous response, if the request names one."""
    if body.previous_response_id is None:
        return None
    if body.conversation is not None:
        sentence = "it cannot be used together with `previous_response_id`."
        raise Unsupported("invalid_input", "conversation", sentence)
    run = await tenant.stored_runs.get(run_id_of(body.previous_response_id))
    caller.require_workflow(run.workflow_id or "")
    if run.thread_id is None:
        raise NoSuchRun
    return run


async def _thread(
    body: ResponseRequest, tenant: Tenant, workflow_id: str, before: RunRecord | None
) -> str:
    """Return the thread that the request names, a copy of the one before, or a new one."""
    if before is not None:
        return (await tenant.threads.fork(before.thread_id or "", before.id)).id
    if body.thread_id is None:
        return (await tenant.threads.create(workflow_id, body.metadata or {})).id
    await tenant.chat.open_thread(body.thread_id, workflow_id, body.metadata or {})
    return body.thread_id


async def _earlier(chat: Chat, thread_id: str, before: RunRecord | None) -> list[Any]:
    """Return the messages before those of a request, with the calls of tools among them."""
    sent = before.input.get("messages") if before is not None else None
    if before is None or not isinstance(sent, list):
        return await chat.history(thread_id)
    answer: dict[str, Any] = {"role": "assistant", "content": text_of(before.output)}
    if calls := tool_calls_of(before):
        answer["tool_calls"] = calls
    return [*sent, answer]
