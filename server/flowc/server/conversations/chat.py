"""How does a person talk with a workflow? Each message begins a run, or answers what one asks."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowc.compiler.analysis.references import node_path
from flowc.compiler.compile import CompiledWorkflow
from flowc.server.records.interrupts import InterruptRecord
from flowc.server.records.refused import Refused
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.records.speech import answer_in, question_of, text_of
from flowc.server.runs.runs import Options, Runs
from flowc.server.store import StoredWorkflow, StoredWorkflows
from flowc.server.store.messages import ThreadBusy
from flowc.server.store.threads import StoredThreads
from flowc.server.workflows.compiled import Workflows

_LONE = re.compile(r"\{\{\s*[\w.\[\]'\"-]+\s*\}\}")
# What is told of an agent on its way.
STEPS = frozenset({"thought", "tool_call", "tool_result"})


class NoChat(Refused):
    """The workflow takes no `message`; declare one in its `input` to chat with it."""


@dataclass(frozen=True)
class Text:
    """A piece of what the run says."""

    text: str


@dataclass(frozen=True)
class Step:
    """What an agent does on its way to an answer."""

    kind: str
    data: Any


@dataclass(frozen=True)
class Question:
    """What the run asks a person; the next message is the answer."""

    interrupt: InterruptRecord

    @property
    def text(self) -> str:
        """The question as a message."""
        return question_of(self.interrupt.data)


@dataclass(frozen=True)
class Ended:
    """The run has ended; `text` is all that it says."""

    run: RunRecord
    text: str


Piece = Text | Step | Question | Ended


@dataclass(frozen=True)
class Turn:
    """One message and what comes of it: a run that was begun, or goes on after an event.

    With `misread`, the message was no answer to this question, which is asked again.
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
        """Return the workflow of a name, which may be one of its versions: `support@3`.

        Raises NoSuchWorkflow, or NoChat if it takes no message.
        """
        id, _, version = name.partition("@")
        number = int(version) if version.isdigit() and len(version) < 10 else None
        stored = await self.stored_workflows.get(id if number is not None else name, number)
        compiled = await self.workflows.compiled(stored)
        if not takes(compiled, "message"):
            raise NoChat
        return stored, compiled

    async def begin(
        self,
        stored: StoredWorkflow,
        compiled: CompiledWorkflow,
        thread_id: str,
        given: Mapping[str, Any],
        *,
        message: Any = None,
        idempotency_key: str | None = None,
    ) -> Turn:
        """Begin a run with a message; raise InputRefused, NoSuchThread or ThreadBusy.

        Of what it is given, it gets what it declares. With a `message`, the thread is a kept one.
        """
        given = {name: value for name, value in given.items() if takes(compiled, name)}
        options = Options(idempotency_key, thread_id=thread_id, message=message)
        run = await self.runs.submit(compiled, given, stored, options, is_awaited=True)
        return Turn(run.id, compiled, run.thread_id)

    async def answer(self, run_id: str, message: str, *, is_kept: bool) -> Turn:
        """Answer what a run asks; raise ThreadBusy if it asks nobody."""
        run = await self.runs.stored_runs.get(run_id)
        compiled = await self.workflows.pinned(run)
        asked = await self.asked(run_id)
        if asked is None:
            raise ThreadBusy
        after = await self.runs.stored_runs.last_event(run_id)
        given = answer_in(message, asked.data.get("schema", {}))
        if given is None:
            return Turn(run_id, compiled, run.thread_id, after, asked)
        if is_kept and run.thread_id is not None:
            await self.threads.say(run.thread_id, "user", message, run_id)
        await self.runs.answer(asked.id, given)
        return Turn(run_id, compiled, run.thread_id, after)

    async def asked(self, run_id: str) -> InterruptRecord | None:
        """Return the first question of a run that is open."""
        found = await self.runs.stored_runs.interrupts(run_id=run_id, kind="human", status="open")
        return found[0] if found else None

    async def outcome(self, turn: Turn) -> Question | Ended:
        """Return what a turn comes to, once it does."""
        async for piece in self.pieces(turn):
            if isinstance(piece, Question | Ended):
                return piece
        raise AssertionError("a turn comes to a question, or to its run's end")

    async def pieces(self, turn: Turn) -> AsyncIterator[Piece]:
        """Give what a run says as it comes, until it has ended, or asks a person."""
        if turn.misread is not None:
            yield Question(turn.misread)
            return
        said, speaks = "", speakers(turn.workflow)
        async for event in self.runs.events(turn.run_id, turn.after):
            if event.kind == "node.said" and (step := _step(event)) is not None:
                # What an agent thought aloud is no part of its answer.
                said = "" if step.kind == "thought" else said
                yield step
            elif event.kind == "node.said" and _is_spoken(event, speaks):
                said += event.data["data"]["text"]
                yield Text(event.data["data"]["text"])
            elif event.kind == "run.waiting" and (asked := await self.asked(turn.run_id)):
                yield Question(asked)
                return
        run = await self.runs.at_rest(turn.run_id)
        text = text_of(run.output) if run.status == "completed" else ""
        if rest := _rest(said, text):
            yield Text(rest)
        yield Ended(run, text)


def takes(compiled: CompiledWorkflow, name: str) -> bool:
    """Say whether a workflow's input may have a field."""
    schema = compiled.workflow.input
    if schema is None or "properties" not in schema or schema.get("additionalProperties"):
        return True
    return name in schema["properties"]


def speakers(compiled: CompiledWorkflow) -> frozenset[str]:
    """Return the nodes whose text, as it comes, is what the workflow says: its exits.

    Of an exit that gives on what a node said, it is that node.
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


def _step(event: RunEvent) -> Step | None:
    kind = event.data["kind"]
    return Step(kind, event.data["data"]) if kind in STEPS and not event.path else None


def _rest(said: str, text: str) -> str:
    """Return what is still to be said of a text; all of it, if what was said was something else."""
    if text.startswith(said):
        return text[len(said) :]
    return f"\n\n{text}" if text else ""
