"""The turns of an agent: the model is asked, and the calls that it requests are run.

An agent that waits for a person, or whose process ends, runs again from its beginning. Each answer
and each result is stored in the journal under a key (`turn 0`, `call 1.0`) when it is there, by
`context.once`. The second time, the turns up to that point are replayed from the journal, in the
same order, and no model or tool is called twice.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, NamedTuple

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, NodeError, Outcome, Tool
from flowc.compiler.node.interrupts import Ask, Interrupted
from flowc.compiler.node.outcome import total_usage
from flowc.nodes.ai.answer_data import FoundData, does_not_fit
from flowc.nodes.ai.handoffs import Handoff, Handoffs
from flowc.nodes.ai.structured import ModelSession, correction, output_of
from flowc.nodes.ai.tool_calls import (
    ToolCall,
    as_tool_choice,
    as_tools,
    calls_in,
    request_message,
    result_message,
)
from flowc.nodes.services.models import ModelAnswer
from flowc.nodes.services.models.answers import usage_of

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_DECISION: Schema = {
    "type": "object",
    "properties": {
        "choice": {"type": "string", "enum": ["approve", "reject"]},
        "note": {"type": "string"},
    },
    "required": ["choice"],
}


class AgentLimits(NamedTuple):
    """The limits of an agent; `cost` is in US dollars."""

    turns: int
    calls: int
    tokens: int | None
    cost: float | None


class OfferedTool(NamedTuple):
    """A tool as the model sees it; `inner` is its name within a toolbox."""

    tool: Tool
    description: str
    parameters: Schema
    inner: str | None = None


@dataclass
class AgentRun:
    """One run of an agent; answers and results in the journal are used again."""

    context: Context
    session: ModelSession
    limits: AgentLimits
    schema: Schema | None
    first_choice: str
    answers_at_limit: bool
    reports_errors: bool
    is_parallel: bool
    offered: dict[str, OfferedTool] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    turns: int = 0
    handoffs: Handoffs = field(default_factory=lambda: Handoffs({}))

    async def run(self, messages: Sequence[dict[str, Any]]) -> Outcome:
        """Return the answer; raise NodeError if there is none within the limits."""
        self.offered = await self._offers()
        conversation, is_corrected, choice = list(messages), False, self.first_choice
        while (limit := self._limit()) is None:
            answer = await self._turn(conversation, choice)
            choice = "auto"
            if answer.tool_calls:
                calls = await self._calls_in(answer)
                if (handoff := self.handoffs.among(calls)) is not None:
                    return self._handed_over(handoff)
                conversation.append(request_message(answer))
                conversation += await self._call_all(calls)
                continue
            found = await self._data_in(answer)
            if not found.problem:
                return self._outcome(found.data)
            if is_corrected:
                raise does_not_fit(answer.text, found.problem)
            again = correction(answer.text, found.problem, self.schema or {})
            conversation, is_corrected = [*conversation, *again], True
        return await self._at_limit(conversation, limit)

    def _limit(self) -> str | None:
        """Return the limit that is reached, in words; None if there is none."""
        used = total_usage(usage_of(answer) for answer in self.session.answers)
        reached = (
            (self.turns, self.limits.turns, "turns"),
            (len(self.calls), self.limits.calls, "calls of tools"),
            (used.get("total_tokens", 0), self.limits.tokens, "tokens"),
            (used.get("cost", 0), self.limits.cost, "US dollars"),
        )
        for value, most, what in reached:
            if most is not None and value >= most:
                return f"{most:,} {what}"
        return None

    async def _at_limit(self, messages: list[dict[str, Any]], limit: str) -> Outcome:
        if not self.answers_at_limit:
            raise NodeError(
                "agent-limit", f"The agent reached its limit of {limit} without an answer."
            )
        self.context.emit("limit", {"reached": limit})
        enough = "That is enough. Answer now, with what you know."
        answer = await self._turn([*messages, {"role": "user", "content": enough}], "none")
        found = await self._data_in(answer)
        if found.problem:
            raise does_not_fit(answer.text, found.problem)
        return self._outcome(found.data)

    async def _data_in(self, answer: ModelAnswer) -> FoundData:
        """Return the data of an answer, or the reason why it does not match."""
        return await self.session.data_in(answer, self.schema) if self.schema else FoundData({})

    def _outcome(self, data: Any) -> Outcome:
        found = output_of(self.session.answers, data)
        output = {**found, "turns": self.turns, "calls": self.calls}
        return Outcome(output, variables=self.variables)

    def _handed_over(self, handoff: Handoff) -> Outcome:
        self.context.emit("handoff", {"to": handoff.to, "reason": handoff.reason})
        outcome = self._outcome({})
        found = {
            name: value for name, value in dict(outcome.output).items() if name != "tool_calls"
        }
        output = {**found, "handoff": handoff.to, "text": handoff.reason}
        return outcome._replace(output=output, branch=handoff.to)

    async def _offers(self) -> dict[str, OfferedTool]:
        """Return the tools by the names under which the model calls them."""
        found: dict[str, OfferedTool] = {}
        for tool in self.context.tools:
            if not tool.is_toolbox:
                found[tool.name] = OfferedTool(tool, tool.description, tool.parameters)
                continue
            nothing: dict[str, Any] = {"arguments": {"tool": None, "arguments": {}}}
            result = await self.context.run_body(f"tools of {tool.name}", nothing, {}, tool.name)
            # A toolbox that failed, but whose `on_error` continues, offers no tools.
            inner = result.output.get("tools", []) if isinstance(result.output, dict) else []
            for each in inner:
                name = _NOT_IN_NAMES.sub("_", f"{tool.name}__{each['name']}")[:64]
                description = each.get("description") or ""
                found[name] = OfferedTool(tool, description, each["parameters"], each["name"])
        return found

    def _tools(self, choice: str) -> dict[str, Any]:
        """Return the `tools` and `tool_choice` of a request."""
        functions = [
            {"name": name, "description": each.description, "parameters": each.parameters}
            for name, each in self.offered.items()
        ]
        tools = as_tools([*functions, *self.handoffs.as_functions()])
        if not tools:
            return {}
        # `auto` is the default, and some providers do not know the field.
        return {
            "tools": tools,
            **({"tool_choice": as_tool_choice(choice)} if choice != "auto" else {}),
        }

    async def _turn(self, messages: list[dict[str, Any]], choice: str) -> ModelAnswer:
        """Return the model's next answer, from the journal if it answered this turn before."""
        context, session = self.context, self.session
        before = len(session.answers)

        async def ask() -> dict[str, Any]:
            # After calls, some models have nothing to add.
            answer = await session.ask(
                messages, self.schema, self._tools(choice), may_be_empty=bool(self.calls)
            )
            if answer.tool_calls and (answer.text or answer.reasoning):
                thought = {"text": answer.text, "reasoning": answer.reasoning}
                context.emit("thought", {name: text for name, text in thought.items() if text})
            for call in await self._calls_in(answer):
                request = {"id": call.id, "tool": call.name, "arguments": call.arguments}
                context.emit("tool_call", request)
            return asdict(answer)

        stored = await context.once(f"turn {self.turns}", ask)
        answer = ModelAnswer.of_json(stored)
        if len(session.answers) == before:
            # From the journal: what it cost earlier counts for this node's limits, too.
            session.answers.append(answer)
        self.turns += 1
        return answer

    async def _calls_in(self, answer: ModelAnswer) -> list[ToolCall]:
        known = {name: each.parameters for name, each in self.offered.items()}
        return await calls_in(answer, {**known, **self.handoffs.parameters})

    async def _call_all(self, calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
        """Run a turn's calls, and return the results as messages; raise Interrupted if some wait.

        All calls that can run do so first: their results are in the journal when the agent runs
        again with the answers.
        """
        answers: list[Any] = [None] * len(calls)
        waiting: list[Interrupted] = []
        failures: list[NodeError] = []
        limit = asyncio.Semaphore(len(calls) if self.is_parallel else 1)

        async def take(number: int, call: ToolCall) -> None:
            async with limit:
                try:
                    answers[number] = await self._call(f"{self.turns}.{number}", call)
                    # Calls that run one after the other read what those before have set.
                    self.variables.update(answers[number].get("variables", {}))
                except Interrupted as stopped:
                    waiting.append(stopped)
                except NodeError as problem:
                    failures.append(problem)

        allowed = [await self._is_allowed(call, waiting) for call in calls]
        async with asyncio.TaskGroup() as group:
            for number, call in enumerate(calls):
                if allowed[number] is True:
                    group.create_task(take(number, call))
                else:
                    answers[number] = allowed[number]
        if failures:
            raise failures[0]
        if waiting:
            raise _together(waiting)
        self._record(calls, answers)
        return [result_message(call, _content(answers[n])) for n, call in enumerate(calls)]

    def _record(self, calls: Sequence[ToolCall], answers: Sequence[Any]) -> None:
        for call, answer in zip(calls, answers, strict=True):
            self.variables.update(answer.get("variables", {}))
            failed = {"error": answer["error"]} if "error" in answer else {}
            self.calls.append({"tool": call.name, "arguments": call.arguments, **failed})

    async def _is_allowed(self, call: ToolCall, waiting: list[Interrupted]) -> Any:
        """Return True if a call may run, else an error for the model; None while a person decides.

        Questions are asked one after the other, in the order of the calls: answers are matched to
        questions by their number when the agent runs again.
        """
        if call.problem:
            self.context.emit("tool_result", {"id": call.id, "error": call.problem})
            return {"error": call.problem}
        tool = self.offered[call.name].tool
        if not tool.needs_approval:
            return True
        asked = {
            "title": f"Allow {call.name}?",
            "instructions": tool.description,
            "schema": _DECISION,
            "data": {"tool": call.name, "arguments": call.arguments},
        }
        try:
            answer = (await self.context.wait_for(Ask("human", asked))).value
        except Interrupted as stopped:
            waiting.append(stopped)
            return None
        given = answer if isinstance(answer, dict) else {"choice": answer}
        if given.get("choice") == "approve":
            return True
        note = f" They say: {given['note']}" if given.get("note") else ""
        return {"error": f"A person did not allow this call.{note}"}

    async def _call(self, key: str, call: ToolCall) -> dict[str, Any]:
        """Run a call and return its result, from the journal if it ran before."""
        found: dict[str, Any] = await self.context.once(f"call {key}", partial(self._do, key, call))
        return found

    async def _do(self, key: str, call: ToolCall) -> dict[str, Any]:
        tool, _, _, inner = self.offered[call.name]
        arguments = call.arguments
        if inner is not None:
            arguments = {"tool": inner, "arguments": arguments}
        try:
            names, variables = {"arguments": arguments}, dict(self.variables)
            result = await self.context.run_body(key, names, variables, tool.name)
        except NodeError as problem:
            if not self.reports_errors:
                raise
            self.context.emit("tool_result", {"id": call.id, "error": problem.message})
            return {"error": problem.message}
        self.context.emit("tool_result", {"id": call.id, "result": result.output})
        return {"result": result.output, "variables": dict(result.variables)}


def _content(answer: Mapping[str, Any]) -> Any:
    return answer["result"] if "result" in answer else {"error": answer["error"]}


def _together(waiting: Sequence[Interrupted]) -> Interrupted:
    """Return one exception for all that waits.

    In an exported graph, LangGraph's own interrupt is raised, which lists nothing.
    """
    interrupts = [interrupt for stopped in waiting for interrupt in stopped.interrupts]
    return Interrupted(*interrupts) if interrupts else waiting[0]
