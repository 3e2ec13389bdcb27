"""Chats with workflows: each message starts a run, or answers the question of a waiting run."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowc.compiler.analysis.references import node_path
from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.running.events import EventKind
from flowc.server.records.interrupts import InterruptRecord
from flowc.server.records.message_text import answer_in, question_of, text_of
from flowc.server.records.refused import Refused
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.runs.runs import RunOptions, Runs
from flowc.server.store import StoredWorkflow, StoredWorkflows
from flowc.server.store.messages import ThreadBusy
from flowc.server.store.threads import StoredThreads
from flowc.server.workflows.compiled import Workflows

_LONE = re.compile(r"\{\{\s*[\w.\[\]'\"-]+\s*\}\}")
# What watchers of a chat see of an agent before its answer.
STEPS = frozenset({"thought", "tool_call", "tool_result"})


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
    """A question that the run asks; the next message answers it."""

    interrupt: InterruptRecord

    @property
    def text(self) -> str:
        """The question as a message."""
        return question_of(self.interrupt.data)


@dataclass(frozen=True)
class TurnEnded:
    """The run has ended; `text` is the whole answer."""

    run: RunRecord
    text: str


Piece = TextPiece | AgentStep | OpenQuestion | TurnEnded


@dataclass(frozen=True)
class Turn:
    """One message and the run that it starts, or that it continues after an event.

    `misread` is the question that the message did not answer; it is asked again.
    """

    run_id: str
    workflow: CompiledWorkflow
    thread_id: str | None = None
    after: int = 0
    misread: InterruptRecord | None = None


@dataclass(frozen=True)
class Chat:
    """One tenant's conversations with workflows."""

    runs: Runs
    threads: StoredThreads
    stored_workflows: StoredWorkflows
    workflows: Workflows

    async def model(self, name: str) -> tuple[StoredWorkflow, CompiledWorkflow]:
        """Return a workflow by its id, or by its id and version such as `support@3`.

        Raises NoSuchWorkflow, or NoChat if the workflow takes no message.
        """
        id, _, version = name.partition("@")
        number = int(version) if version.isdigit() and len(version) < 10 else None
        stored = await self.stored_workflows.get(id if number is not None else name, number)
        compiled = await self.workflows.compiled(stored)
        if not takes(compiled, "message"):
            raise NoChat
        return stored, compiled

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
        waiting = await stored_runs.waiting_in([thread_id], stored.id)
        # A message that is sent again does not answer the question that its first run asks.
        is_known = key is not None and await stored_runs.of_keys(stored.id, key) is not None
        if waiting is None or is_known:
            return await self.begin(
                stored, compiled, thread_id, given, message=message, options=options
            )
        await self.threads.get(thread_id)
        return await self.answer(waiting, message, is_kept=True)

    async def begin(
        self,
        stored: StoredWorkflow,
        compiled: CompiledWorkflow,
        thread_id: str,
        given: Mapping[str, Any],
        *,
        message: Any = None,
        options: RunOptions | None = None,
    ) -> Turn:
        """Start a run with a message; raise NoSuchThread, ThreadBusy, or what `Runs.submit` raises.

        The run gets those of the given values that its workflow declares. With a `message`, the
        thread must be a stored one, and of no other workflow: ThreadOfAnother is raised.
        """
        given = {name: value for name, value in given.items() if takes(compiled, name)}
        options = replace(options or RunOptions(), thread_id=thread_id, message=message)
        run = await self.runs.submit(compiled, given, stored, options, is_awaited=True)
        return Turn(run.id, compiled, run.thread_id)

    async def answer(self, run_id: str, message: str, *, is_kept: bool) -> Turn:
        """Answer the question of a run; raise ThreadBusy if it has none."""
        run = await self.runs.stored_runs.get(run_id)
        compiled = await self.workflows.pinned(run)
        asked = await self.asked(run_id)
        if asked is None:
            raise ThreadBusy
        after = await self.runs.stored_runs.last_event(run_id)
        given = await answer_in(message, asked.data.get("schema", {}))
        if given is None:
            return Turn(run_id, compiled, run.thread_id, after, asked)
        if is_kept and run.thread_id is not None:
            await self.threads.append_message(run.thread_id, "user", message, run_id)
        await self.runs.answer(asked.id, given)
        return Turn(run_id, compiled, run.thread_id, after)

    async def asked(self, run_id: str) -> InterruptRecord | None:
        """Return the first open question of a run."""
        found = await self.runs.stored_runs.interrupts(run_id=run_id, kind="human", status="open")
        return found[0] if found else None

    async def outcome(self, turn: Turn) -> OpenQuestion | TurnEnded:
        """Wait for the end of a turn: a question, or the end of its run."""
        async for piece in self.pieces(turn):
            if isinstance(piece, OpenQuestion | TurnEnded):
                return piece
        raise AssertionError("a turn ends with a question, or with its run")

    async def pieces(self, turn: Turn) -> AsyncIterator[Piece]:
        """Yield the pieces of a turn as they arrive, up to its question or the end of its run."""
        if turn.misread is not None:
            yield OpenQuestion(turn.misread)
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


def takes(compiled: CompiledWorkflow, name: str) -> bool:
    """Return whether a workflow's input may have a field of this name."""
    schema = compiled.workflow.input
    if schema is None or "properties" not in schema or schema.get("additionalProperties"):
        return True
    return name in schema["properties"]


def speakers(compiled: CompiledWorkflow) -> frozenset[str]:
    """Return the nodes whose streamed text is the workflow's answer.

    These are its exits. An exit that only passes on the text of another node, such as
    `{{say.output.text}}`, adds that node.
    """
    plan = compiled.plan
    found = set(plan.exits)
    for name in plan.exits:
        slots = plan.nodes[name].configuration.slots
        if len(slots) == 1 and _LONE.fullmatch(slots[0].source.strip()):
            paths = [reference.path for reference in slots[0].references]
            reads = [read for path in paths if (read := node_path(path, plan.nodes))]
            found |= {node for node, path in reads if path in {("output",), ("output", "text")}}
        found |= set(plan.nodes[name].data_from)
    return frozenset(found)


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
