"""The node type `agent`: a model that calls tools until it has an answer."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, NodeError, Outcome, Role, ToolsField
from flowc.nodes.ai.agent_turns import AgentLimits, AgentRun
from flowc.nodes.ai.handoffs import ANSWERED, Handoffs, handoffs_in
from flowc.nodes.ai.model_node import ModelNode


class Agent(ModelNode):
    """Let a model call tools, turn after turn, until it has an answer.

    `tools` are nodes of any type. A tool reads the `arguments` of a call; its `id` is its name, and
    a good `description` tells the model when to call it. Its parameters are the `parameters` that
    it declares; without them, those of the function, operation or workflow that it calls, or what
    its templates read of `arguments`. If a tool has `approval`, a person must allow each call.

    The calls of one turn run at the same time. The model sees results and errors, also of calls
    with wrong arguments, and can try again. The output is that of an `llm` node, with the number of
    `turns` and the list of `calls`. The node fails with `agent-limit` if it reaches one of its
    limits, unless `on_limit` is `answer`.

    `handoffs` are the ids of nodes, usually agents, that can continue in place of this one. The
    model hands over by calling a tool `transfer_to_ID`: then the agent ends without an answer, the
    output has the id as `handoff` and the model's reason as `text`, and the run continues at that
    node. If it answers itself, the branch is `answer`. Agents that hand over to each other share
    all messages so far by `memory: {shared: NAME}`.
    """

    type: ClassVar = "agent"
    group: ClassVar = "ai"
    body_field: ClassVar = "tools"
    body_names: ClassVar = frozenset({"arguments"})
    body_is_tools: ClassVar = True
    body_choice: ClassVar = "tool_choice"
    asks: ClassVar = True
    remembers: ClassVar = True

    tools: ToolsField = Field(
        default_factory=list,
        max_length=128,
        description="Nodes that the model can call: {id, description, type, config}.",
    )
    tool_choice: str = Field(
        default="auto",
        description="What the first turn calls: `auto`, `required`, `none`, or the name of a tool.",
    )
    parallel: bool = Field(
        default=True, description="Whether the calls of one turn run at the same time."
    )
    handoffs: Annotated[dict[str, str] | list[str], Role.RAW] = Field(
        default_factory=list,
        max_length=50,
        description="Ids of the nodes that the model can hand over to; a list, or an object with"
        " what each is for.",
    )
    max_turns: int = Field(
        default=10, ge=1, le=1_000, description="Most answers of the model, tool calls included."
    )
    max_calls: int = Field(default=100, ge=1, le=10_000, description="Most calls of tools.")
    max_total_tokens: int | None = Field(
        default=None, ge=1, description="Most tokens of all turns together."
    )
    max_cost: float | None = Field(
        default=None, gt=0, description="Highest cost of all turns together, in US dollars."
    )
    max_time: Duration | None = Field(
        default=None, description="Time limit; time spent waiting for people does not count."
    )
    on_limit: Literal["fail", "answer"] = Field(
        default="fail",
        description="At a limit of turns, calls, tokens or cost: `fail`, or `answer` with what the"
        " model knows by then.",
    )
    on_tool_error: Literal["tell", "fail"] = Field(
        default="tell",
        description="If a tool fails: `tell` the model the error, or `fail` the agent.",
    )

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None] | None:
        """Return a branch for each node that can continue, and one for an answer."""
        names = handoffs_in(config)
        return {**{name: name for name in names}, ANSWERED: None} if names else None

    @classmethod
    def branch_path(cls, branch: str) -> tuple[str | int, ...]:
        """Return where the node that can continue is named."""
        return ("handoffs", branch)

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the answer, the turns and the calls."""
        schema = super().describe_output(config)
        calls = {"type": "array", "items": {"type": "object"}}
        own: Schema = {"turns": {"type": "integer"}, "calls": calls}
        if handoffs_in(config):
            own["handoff"] = {"type": ["string", "null"]}
        return {**schema, "properties": {**schema["properties"], **own}}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the models, with up to one call per turn."""
        most = config.get("max_turns", cls.model_fields["max_turns"].default)
        turns = most if isinstance(most, int) else 1
        return super().effects(config)._replace(calls=(1, turns if config.get("tools") else 2))

    @classmethod
    def body_runs(cls, config: Mapping[str, Any]) -> tuple[int, int | None]:
        """Return no limits: the model decides how many tools it calls."""
        return 0, None

    async def run(self, context: Context) -> Outcome:
        """Ask the model and run its calls, turn after turn; return the answer."""
        limits = AgentLimits(self.max_turns, self.max_calls, self.max_total_tokens, self.max_cost)
        session = self.session(context, {})
        agent = AgentRun(
            context,
            session,
            limits,
            self.output_schema,
            first_choice=self.tool_choice,
            answers_at_limit=self.on_limit == "answer",
            reports_errors=self.on_tool_error == "tell",
            is_parallel=self.parallel,
            handoffs=Handoffs(handoffs_in({"handoffs": self.handoffs})),
        )
        scope = asyncio.timeout(self.max_time)
        try:
            # Waiting for a person leaves this scope: the node ends, and later runs again.
            async with scope:
                outcome = await agent.run(await self.conversation(context, session))
                return self._completed(context, outcome)
        except TimeoutError:
            if not scope.expired():
                raise
            message = f"The agent reached its time limit of {self.max_time:g} s without an answer."
            raise NodeError("agent-limit", message) from None

    def _completed(self, context: Context, outcome: Outcome) -> Outcome:
        """Return the outcome with its branch, and with what others share of it."""
        to, output = outcome.branch, dict(outcome.output)
        text = f"Handed over to {to}. {output['text']}".strip() if to else output["text"]
        shared = self.remembered(context, text, outcome.variables)
        completed = outcome._replace(variables={**outcome.variables, **shared})
        if not self.handoffs:
            return completed
        return completed._replace(output={"handoff": None, **output}, branch=to or ANSWERED)
