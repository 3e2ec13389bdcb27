"""What happens in the turns of an agent: the model is asked, what it asks for is called."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, NamedTuple

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, NodeError, Outcome, Tool
from flowc.compiler.node.interrupts import Ask, Interrupted
from flowc.nodes.ai.structured import ModelSession, correction, data_in, does_not_fit, outcome_of
from flowc.nodes.ai.tool_calls import (
    ToolCall,
    as_tool_choice,
    as_tools,
    calls_in,
    request_message,
    result_message,
)
from flowc.nodes.services.models import ModelAnswer

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
    """How far an agent may go; `cost` is in US dollars."""

    turns: int
    calls: int
    tokens: int | None
    cost: float | None


class OfferedTool(NamedTuple):
    """A tool as the model sees it: which node it is, and which of a toolbox's tools."""

    tool: Tool
    description: str
    parameters: Schema
    inner: str | None = None


@dataclass
class AgentRun:
    """One run of an agent. What was answered and called before is not done again."""

    context: Context
    session: ModelSession
    bounds: AgentLimits
    schema: Schema | None
    first_choice: str
    answers_at_limit: bool
    reports_errors: bool
    is_parallel: bool
    offered: dict[str, OfferedTool] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    turns: int = 0

    async def run(self, messages: Sequence[dict[str, Any]]) -> Outcome:
        """Return the answer; raise NodeError if there is none within the bounds."""
        self.offered = await self._offers()
        said, is_corrected, choice = list(messages), False, self.first_choice
        while (limit := self._limit()) is None:
            answer = await self._turn(said, choice)
            choice = "auto"
            if answer.tool_calls:
                said.append(request_message(answer))
                said += await self._call_all(self._calls_in(answer))
                continue
            data, problem = self._data_in(answer)
            if not problem:
                return self._outcome(data)
            if is_corrected:
                raise does_not_fit(problem)
            said, is_corrected = [*said, *correction(answer.text, problem)], True
        return await self._at_limit(said, limit)

    def _limit(self) -> str | None:
        """Return which bound is reached, in words, if one is."""
        used = outcome_of(self.session.answers, {}).usage if self.session.answers else {}
        reached = (
            (self.turns, self.bounds.turns, "turns"),
            (len(self.calls), self.bounds.calls, "calls of tools"),
            (used.get("total_tokens", 0), self.bounds.tokens, "tokens"),
            (used.get("cost", 0), self.bounds.cost, "US dollars"),
        )
        for value, most, what in reached:
            if most is not None and value >= most:
                return f"{most:,} {what}"
        return None

    async def _at_limit(self, messages: list[dict[str, Any]], limit: str) -> Outcome:
        if not self.answers_at_limit:
            raise NodeError("agent-limit", f"The agent has no answer after {limit}.")
        self.context.emit("limit", {"reached": limit})
        enough = "That is enough. Answer now, with what you know."
        answer = await self._turn([*messages, {"role": "user", "content": enough}], "none")
        data, problem = self._data_in(answer)
        if problem:
            raise does_not_fit(problem)
        return self._outcome(data)

    def _data_in(self, answer: ModelAnswer) -> tuple[Any, str]:
        """Return the data of an answer and "", or why it does not fit."""
        return data_in(answer.text, self.schema) if self.schema else ({}, "")

    def _outcome(self, data: Any) -> Outcome:
        found = outcome_of(self.session.answers, data)
        output = {**found.output, "turns": self.turns, "calls": self.calls}
        return Outcome(output, variables=self.variables, usage=found.usage)

    async def _offers(self) -> dict[str, OfferedTool]:
        """Return the tools by the names that the model calls them by."""
        found: dict[str, OfferedTool] = {}
        for tool in self.context.tools:
            if not tool.is_toolbox:
                found[tool.name] = OfferedTool(tool, tool.description, tool.parameters)
                continue
            nothing: dict[str, Any] = {"arguments": {"tool": None, "arguments": {}}}
            result = await self.context.run_body(f"tools of {tool.name}", nothing, {}, tool.name)
            # A toolbox that failed, and whose author lets things go on, offers nothing.
            inner = result.output.get("tools", []) if isinstance(result.output, dict) else []
            for each in inner:
                name = _NOT_IN_NAMES.sub("_", f"{tool.name}__{each['name']}")[:64]
                said = each.get("description") or ""
                found[name] = OfferedTool(tool, said, each["parameters"], each["name"])
        return found

    def _tools(self, choice: str) -> dict[str, Any]:
        """Return the parameters that offer the tools, and say whether one has to be called."""
        if not self.offered:
            return {}
        tools = as_tools(
            {"name": name, "description": each.description, "parameters": each.parameters}
            for name, each in self.offered.items()
        )
        # What is usual is left out.
        return {
            "tools": tools,
            **({"tool_choice": as_tool_choice(choice)} if choice != "auto" else {}),
        }

    async def _turn(self, messages: list[dict[str, Any]], choice: str) -> ModelAnswer:
        """Ask the model, unless it has been asked this before."""
        context, session = self.context, self.session
        before = len(session.answers)

        async def ask() -> dict[str, Any]:
            answer = await session.ask(messages, self.schema, self._tools(choice))
            if answer.tool_calls and (answer.text or answer.reasoning):
                thought = {"text": answer.text, "reasoning": answer.reasoning}
                context.emit("thought", {name: text for name, text in thought.items() if text})
            for call in self._calls_in(answer):
                said = {"id": call.id, "tool": call.name, "arguments": call.arguments}
                context.emit("tool_call", said)
            return asdict(answer)

        kept = await context.once(f"turn {self.turns}", ask)
        answer = ModelAnswer(**{**kept, "tool_calls": tuple(kept["tool_calls"])})
        if len(session.answers) == before:
            session.answers.append(answer)
            context.budget.spent(answer.cost, answer.prompt_tokens + answer.completion_tokens)
        self.turns += 1
        return answer

    def _calls_in(self, answer: ModelAnswer) -> list[ToolCall]:
        return calls_in(answer, {name: each.parameters for name, each in self.offered.items()})

    async def _call_all(self, calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
        """Return what came of a turn's calls, as messages; raise Interrupted while some wait."""
        answers: list[Any] = [None] * len(calls)
        waiting: list[Interrupted] = []
        failures: list[NodeError] = []
        limit = asyncio.Semaphore(len(calls) if self.is_parallel else 1)

        async def take(number: int, call: ToolCall) -> None:
            async with limit:
                try:
                    answers[number] = await self._call(f"{self.turns}.{number}", call)
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
        self._note(calls, answers)
        return [result_message(call, _content(answers[n])) for n, call in enumerate(calls)]

    def _note(self, calls: Sequence[ToolCall], answers: Sequence[Any]) -> None:
        for call, answer in zip(calls, answers, strict=True):
            self.variables.update(answer.get("variables", {}))
            failed = {"error": answer["error"]} if "error" in answer else {}
            self.calls.append({"tool": call.name, "arguments": call.arguments, **failed})

    async def _is_allowed(self, call: ToolCall, waiting: list[Interrupted]) -> Any:
        """Return True if a call may be made; else what the model is told, or None for the moment.

        Calls are asked about one after the other, always in the same order.
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
        """Return what came of a call, unless it has been made before: then what came of it then."""
        found: dict[str, Any] = await self.context.once(f"call {key}", partial(self._do, key, call))
        return found

    async def _do(self, key: str, call: ToolCall) -> dict[str, Any]:
        tool, _, _, inner = self.offered[call.name]
        arguments = call.arguments
        if inner is not None:
            arguments = {"tool": inner, "arguments": arguments}
        try:
            result = await self.context.run_body(key, {"arguments": arguments}, {}, tool.name)
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
    """Return what waits as one; in an exported graph, LangGraph has its own way to wait."""
    interrupts = [interrupt for stopped in waiting for interrupt in stopped.interrupts]
    return Interrupted(*interrupts) if interrupts else waiting[0]
