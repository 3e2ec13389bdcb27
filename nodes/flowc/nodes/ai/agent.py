"""How does a model work towards an answer with tools?"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, NodeError, Outcome, Tools
from flowc.nodes.ai.agent_turns import AgentLimits, AgentRun
from flowc.nodes.ai.model_node import ModelNode


class Agent(ModelNode):
    """Let a model call tools, turn after turn, until it gives its answer.

    `tools` are nodes of any type, which read a call's `arguments`; `id` is a tool's name, and a
    good `description` has it called. Its parameters are those that it declares; else a function's
    own, a workflow's input, or what it reads of its arguments. Calls of one turn run side by side.
    With `approval`, a person has to allow each call of a tool. A tool's failure is told to the
    model, and so is a call that does not fit.

    The output has the answer as that of `llm` does, the number of `turns`, and the `calls`.
    """

    type: ClassVar = "agent"
    group: ClassVar = "ai"
    body_field: ClassVar = "tools"
    body_names: ClassVar = frozenset({"arguments"})
    body_is_tools: ClassVar = True
    asks: ClassVar = True
    remembers: ClassVar = True

    tools: Tools = Field(
        default_factory=list, max_length=128, description="The nodes that the model may call."
    )
    tool_choice: str = Field(
        default="auto", description="Of the first turn: `auto`, `required`, or a tool's name."
    )
    parallel: bool = Field(default=True, description="Whether calls of a turn run side by side.")
    max_turns: int = Field(default=10, ge=1, le=1_000, description="Times that the model is asked.")
    max_calls: int = Field(default=100, ge=1, le=10_000, description="Calls of tools.")
    max_total_tokens: int | None = Field(default=None, ge=1, description="Of all turns.")
    max_cost: float | None = Field(default=None, gt=0, description="Of all turns, in US dollars.")
    max_time: Duration | None = Field(default=None, description="Of work; waiting is free.")
    on_limit: Literal["fail", "answer"] = Field(
        default="fail", description="`answer`: the model answers with what it knows by then."
    )
    on_tool_error: Literal["tell", "fail"] = "tell"

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the answer, and of what it took."""
        schema = super().describe_output(config)
        calls = {"type": "array", "items": {"type": "object"}}
        own = {"turns": {"type": "integer"}, "calls": calls}
        return {**schema, "properties": {**schema["properties"], **own}}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the models, which are asked as often as there may be turns."""
        most = config.get("max_turns", cls.model_fields["max_turns"].default)
        turns = most if isinstance(most, int) else 1
        return super().effects(config)._replace(calls=(1, turns if config.get("tools") else 2))

    @classmethod
    def body_runs(cls, config: Mapping[str, Any]) -> tuple[int, int | None]:
        """Return that any number of tools may be called."""
        return 0, None

    async def run(self, context: Context) -> Outcome:
        """Ask and call in turns, and return the answer."""
        bounds = AgentLimits(self.max_turns, self.max_calls, self.max_total_tokens, self.max_cost)
        session = self.session(context, {})
        agency = AgentRun(
            context,
            session,
            bounds,
            self.output_schema,
            first_choice=self.tool_choice,
            answers_at_limit=self.on_limit == "answer",
            reports_errors=self.on_tool_error == "tell",
            is_parallel=self.parallel,
        )
        scope = asyncio.timeout(self.max_time)
        try:
            async with scope:
                return await agency.run(await self.conversation(context, session))
        except TimeoutError:
            if not scope.expired():
                raise
            message = f"The agent has worked for {self.max_time:g} s, and has no answer yet."
            raise NodeError("agent-limit", message) from None
