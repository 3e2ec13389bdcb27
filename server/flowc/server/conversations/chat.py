"""Chats with workflows: each message starts a run, or answers the question of a waiting run."""

from collections.abc import AsyncIterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from cachetools import LRUCache

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.running.events import EventKind
from flowc.nodes.people.human import as_answer
from flowc.server.conversations.inputs import TakenInputs
from flowc.server.conversations.speakers import speakers
from flowc.server.records.interrupts import InterruptRecord
from flowc.server.records.message_text import question_of, text_of
from flowc.server.records.refused import Refused
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.records.spoken_answers import answer_in, leaves
from flowc.server.records.workflow_names import id_and_version
from flowc.server.runs.run_options import KeyTaken, RunOptions
from flowc.server.runs.runs import Runs
from flowc.server.store import StoredWorkflow, StoredWorkflows
from flowc.server.store.messages import NoSuchThread, ThreadBusy, ThreadOfAnother
from flowc.server.store.runs.steering import NotAnswerable, NotPossible
from flowc.server.store.runs.stored_runs import WantedInterrupts
from flowc.server.store.threads import StoredThreads
from flowc.server.workflows.compiled import Workflows

# What watchers of a chat see of an agent before its answer.
STEPS = frozenset({"thought", "tool_call", "tool_result"})
_LEFT = "The question is withdrawn, and the run is cancelled."
_NOT_UNDERSTOOD = "I did not understand this answer; say {leaving} to withdraw the question."
# What is known of this many definitions stays in memory.
_MOST_KNOWN, _MOST_LISTED = 512, 10_000


class NoChat(Refused):
    """The workflow takes no `message`; declare one in its `input` to chat with it."""


@dataclass(frozen=True)
class TextPiece:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True)
class AgentStep:
    """A thought or tool call of an agent before its answer."""

    kind: str
    data: Any


@dataclass(frozen=True)
class OpenQuestion:
    """A question that the run asks; the next message answers it.

    If it is asked again, the last message was no answer.
    """

    interrupt: InterruptRecord
    is_again: bool = False

    @property
    def text(self) -> str:
        """The question as a message."""
        question = question_of(self.interrupt.data)
        if not self.is_again:
            return question
        is_plain = leaves("cancel", self.interrupt.data.get("schema", {}))
        leaving = '"cancel"' if is_plain else '"/cancel"'
        return f"{_NOT_UNDERSTOOD.format(leaving=leaving)}\n{question}"


@dataclass(frozen=True)
class TurnEnded:
    """The run has ended; `text` is the whole answer."""

    run: RunRecord
    text: str


@dataclass(frozen=True)
class QuestionLeft:
    """The message withdrew the question, and the run is cancelled."""

    run: RunRecord
    text: str = _LEFT


LastPiece = OpenQuestion | TurnEnded | QuestionLeft
Piece = TextPiece | AgentStep | LastPiece


@dataclass(frozen=True)
class Turn:
    """One message and the run that it starts, or that it continues after an event.

    `misread` is the question that the message did not answer; it is asked again. A turn that
    `is_joined` has begun before, with the same message. One that `is_left` has cancelled the run.
    """

    run_id: str
    workflow: CompiledWorkflow
    thread_id: str | None = None
    after: int = 0
    misread: InterruptRecord | None = None
    is_joined: bool = False
    is_left: bool = False


@dataclass(frozen=True)
class Chat:
    """One tenant's conversations with workflows."""

    runs: Runs
    threads: StoredThreads
    stored_workflows: StoredWorkflows
    workflows: Workflows
    _known: MutableMapping[str, TakenInputs] = field(
        default_factory=lambda: LRUCache[str, TakenInputs](_MOST_KNOWN)
    )
    # By id and version. Each takes few bytes, and to list them all takes seconds.
    _talkative: MutableMapping[tuple[str, int], bool] = field(
        default_factory=lambda: LRUCache[tuple[str, int], bool](_MOST_LISTED)
    )

    async def model(self, name: str) -> tuple[StoredWorkflow, CompiledWorkflow]:
        """Return a workflow by its id, or by its id and version such as `support@3`.

        Raises NoSuchWorkflow, or NoChat if the workflow takes no message.
        """
        stored = await self.stored_workflows.get(*id_and_version(name))
        compiled = await self.workflows.compiled(stored)
        if not self.inputs_of(compiled).may_get_message:
            raise NoChat
        return stored, compiled

    async def can_talk(self, stored: StoredWorkflow) -> bool:
        """Return whether a message is all that a workflow needs, and it is still valid."""
        version = (stored.id, stored.version)
        known = self._talkative.get(version)
        if known is None:
            known = self._talkative[version] = await self._is_for_messages(stored)
        return known

    async def _is_for_messages(self, stored: StoredWorkflow) -> bool:
        try:
            return self.inputs_of(await self.workflows.compiled(stored)).is_for_messages
        except DefinitionRefused:
            return False

    def inputs_of(self, compiled: CompiledWorkflow) -> TakenInputs:
        """Return the inputs that a workflow takes."""
        known = self._known.get(compiled.hash)
        if known is None:
            known = self._known[compiled.hash] = TakenInputs(compiled)
        return known

    async def history(
        self, thread_id: str, workflow_id: str = "", key: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the messages of a thread, without those of failed and unfinished runs.

        Nor are there those of the workflow's run with an idempotency `key`.
        """
        known = await self.runs.stored_runs.of_keys(workflow_id, key) if key is not None else None
        found = await self.threads.history(thread_id, known.run_id if known else "", 0)
        return [{"role": each.role, "content": each.content} for each in found]

    async def open_thread(
        self,
        id: str,
        workflow_id: str,
        metadata: Mapping[str, Any],
        earlier: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Begin a thread with earlier messages, unless it has begun; raise ThreadOfAnother."""
        thread, is_new = await self.threads.open(id, workflow_id, metadata)
        if thread.workflow_id not in {None, workflow_id}:
            raise ThreadOfAnother
        for message in earlier if is_new else ():
            await self.threads.append_message(id, message["role"], message["content"], None)

    async def thread_with(self, workflow_id: str, earlier: Sequence[Mapping[str, Any]]) -> str:
        """Return the id of a new thread with earlier messages."""
        id = (await self.threads.create(workflow_id, {})).id
        for message in earlier:
            await self.threads.append_message(id, message["role"], message["content"], None)
        return id

    async def take(
        self,
        stored: StoredWorkflow,
        compiled: CompiledWorkflow,
        message: str,
        options: RunOptions,
        given: Mapping[str, Any],
    ) -> Turn:
        """Answer the question of a workflow's run in a thread, or start a run with the message.

        Raises what `begin` and `answer` raise.
        """
        stored_runs, thread_id = self.runs.stored_runs, options.thread_id or ""
        key = options.idempotency_key
        if key is not None and (known := await stored_runs.answered_with(stored.id, key)):
            return await self._repeated(known, message)
        waiting = await stored_runs.waiting_in([thread_id], stored.id)
        # A message that is sent again does not answer the question that its first run asks.
        is_known = key is not None and await stored_runs.of_keys(stored.id, key) is not None
        if waiting is None or is_known:
            return await self.begin(
                stored, compiled, thread_id, given, message=message, options=options
            )
        await self.threads.get(thread_id)
        return await self.answer(waiting, message, key=key)

    async def answer_question(self, asked: InterruptRecord, message: str) -> Turn:
        """Answer a question; the same answer again is the same turn.

        Raises NotAnswerable if the question is not open any more, and Forbidden if it is of others.
        """
        if asked.status == "waiting":
            return await self.answer(asked.run_id, message, asked)
        self.runs.require_asked(asked)
        try:
            return await self._repeated(asked, message)
        except KeyTaken:
            raise NotAnswerable from None

    async def _repeated(self, asked: InterruptRecord, message: str) -> Turn:
        """Return the turn of an answer that is sent again; raise KeyTaken if it is another one."""
        schema = asked.data.get("schema", {})
        run = await self.runs.stored_runs.get(asked.run_id)
        if asked.status == "closed" and run.status == "cancelled" and leaves(message, schema):
            compiled = await self.workflows.pinned(run)
            return Turn(run.id, compiled, run.thread_id, is_joined=True, is_left=True)
        given = await answer_in(message, schema)
        if asked.status != "answered" or as_answer(given) != asked.answer:
            raise KeyTaken("idempotency key", asked.run_id)
        number = await self.runs.stored_runs.answer_event(asked)
        compiled = await self.workflows.pinned(run)
        return Turn(run.id, compiled, run.thread_id, number, is_joined=True)

    async def begin(
        self,
        stored: StoredWorkflow,
        compiled: CompiledWorkflow,
        thread_id: str | None,
        given: Mapping[str, Any],
        *,
        message: Any = None,
        options: RunOptions | None = None,
    ) -> Turn:
        """Start a run with a message; raise NoSuchThread, ThreadBusy, or what `Runs.submit` raises.

        With a `message`, the thread must be a stored one, and of no other workflow: ThreadOfAnother
        is raised.
        """
        options = replace(options or RunOptions(), thread_id=thread_id, message=message)
        run = await self.runs.submit(compiled, given, stored, options, is_awaited=True)
        return Turn(run.id, compiled, run.thread_id)

    async def answer(
        self,
        run_id: str,
        message: str,
        asked: InterruptRecord | None = None,
        *,
        key: str | None = None,
    ) -> Turn:
        """Answer a question of a run, by default its oldest one.

        Raises ThreadBusy if it asks none, and Forbidden if the question is for others.
        """
        run = await self.runs.stored_runs.get(run_id)
        compiled = await self.workflows.pinned(run)
        asked = asked or await self.asked(run_id)
        if asked is None:
            raise ThreadBusy
        schema = asked.data.get("schema", {})
        is_left = leaves(message, schema)
        # The caller that began the run may also withdraw a question that is for others.
        if not is_left or run.started_by != self.runs.caller.name:
            self.runs.require_asked(asked)
        after = await self.runs.stored_runs.last_event(run_id)
        turn = Turn(run_id, compiled, run.thread_id, after)
        if is_left:
            if key is not None:
                await self.runs.stored_runs.note_key(asked.id, key)
            return await self._leave(turn, message)
        given = await answer_in(message, schema)
        if given is None:
            question = OpenQuestion(asked, is_again=True).text
            await self._append(turn, ("user", message), ("assistant", question))
            return replace(turn, misread=asked)
        await self._append(turn, ("user", message))
        await self.runs.answer(asked.id, given, key)
        return turn

    async def _leave(self, turn: Turn, message: str) -> Turn:
        """Cancel the run of a question that a message withdraws."""
        await self._append(turn, ("user", message))
        try:
            await self.runs.cancel(turn.run_id, "A message in the chat withdrew its question.")
        except NotPossible:
            raise NotAnswerable from None
        await self._append(turn, ("assistant", _LEFT))
        return replace(turn, is_left=True)

    async def _append(self, turn: Turn, *messages: tuple[str, str]) -> None:
        """Append messages to the thread of a turn, if that is stored."""
        if turn.thread_id is None:
            return
        with suppress(NoSuchThread):
            for role, text in messages:
                await self.threads.append_message(turn.thread_id, role, text, turn.run_id)

    async def hung_up(self, turn: Turn) -> None:
        """End the run of a turn whose client does not wait for it any more."""
        with suppress(NotPossible):
            await self.runs.cancel(turn.run_id, "The client hung up.")

    async def asked(self, run_id: str) -> InterruptRecord | None:
        """Return the first open question of a run."""
        found = await self.runs.stored_runs.interrupts(
            WantedInterrupts(run_id=run_id, kind="human", status="waiting")
        )
        return found[0] if found else None

    async def outcome(self, turn: Turn) -> LastPiece:
        """Wait for the end of a turn: a question, or the end of its run."""
        async for piece in self.pieces(turn):
            if isinstance(piece, LastPiece):
                return piece
        raise AssertionError("a turn ends with a question, or with its run")

    async def pieces(self, turn: Turn) -> AsyncIterator[Piece]:
        """Yield the pieces of a turn as they arrive, up to its question or the end of its run."""
        if turn.misread is not None:
            yield OpenQuestion(turn.misread, is_again=True)
            return
        if turn.is_left:
            yield QuestionLeft(await self.runs.stored_runs.get(turn.run_id))
            return
        text_so_far, speaks = "", speakers(turn.workflow)
        async for event in self.runs.events(turn.run_id, turn.after):
            if event.kind == EventKind.NODE_SAID and (step := _step(event)) is not None:
                # A thought has been streamed as text, but is not part of the answer.
                text_so_far = "" if step.kind == "thought" else text_so_far
                yield step
            elif event.kind == EventKind.NODE_SAID and _is_spoken(event, speaks):
                text_so_far += event.data["data"]["text"]
                yield TextPiece(event.data["data"]["text"])
            elif event.kind == EventKind.RUN_WAITING and (asked := await self.asked(turn.run_id)):
                yield OpenQuestion(asked)
                return
        run = await self.runs.at_rest(turn.run_id)
        text = text_of(run.output) if run.status == "completed" else ""
        if rest := _rest(text_so_far, text):
            yield TextPiece(rest)
        yield TurnEnded(run, text)


def _is_spoken(event: RunEvent, speaks: frozenset[str]) -> bool:
    return event.path == "" and event.node_id in speaks and event.data["kind"] == "token"


def _step(event: RunEvent) -> AgentStep | None:
    kind = event.data["kind"]
    return AgentStep(kind, event.data["data"]) if kind in STEPS and not event.path else None


def _rest(streamed: str, text: str) -> str:
    r"""Return what is missing of a text after its streamed part.

    >>> _rest("Hello", "Hello, Ada.")
    ', Ada.'
    >>> _rest("Let me see", "Hello.")
    '\n\nHello.'
    """
    if text.startswith(streamed):
        return text[len(streamed) :]
    return f"\n\n{text}" if text else ""
