"""The `settings` of a workflow: limits, budgets, defaults for its nodes."""

from typing import Annotated, Literal

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.nodes import RetryPolicy
from flowc.compiler.definition.parts import Part

Granularity = Literal["auto", "node", "fused"]


class BudgetLimits(Part):
    """What one run may spend on models; a call that could exceed it is not made."""

    cost: float | None = Field(default=None, gt=0, description="US dollars.")
    tokens: int | None = Field(default=None, ge=1, description="Prompt and completion tokens.")


class WorkflowBudget(BudgetLimits):
    """What all runs of a stored workflow together may spend on models, per day or month."""

    per: Literal["day", "month"] = Field(
        default="month", description="The calendar period, in UTC."
    )


class RunRate(Part):
    """How many runs may start per period."""

    runs: int = Field(ge=1, le=1_000_000, description="Runs that may start in one period.")
    per: Duration = Field(description="The length of the period.")


class WorkflowSettings(Part):
    """Settings that apply to a whole run."""

    timeout: Duration | None = Field(
        default=None, description="Time limit for the run; time spent waiting does not count."
    )
    retry: RetryPolicy | None = Field(
        default=None, description="Default for nodes without their own `retry`."
    )
    max_turns: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Most turns of each loop whose closing edge has no `max_turns`.",
    )
    max_parallel: int | None = Field(
        default=None, ge=1, le=10_000, description="Most nodes that work at once in one run."
    )
    max_parallel_by_type: dict[str, Annotated[int, Field(ge=1, le=10_000)]] = Field(
        default_factory=dict, description="The same limit for single node types: {llm: 2}."
    )
    max_runs: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Most runs of this workflow that work at once, across all machines; further"
        " runs wait for their turn.",
    )
    rate: RunRate | None = Field(
        default=None, description="How many runs may start per period; further runs are delayed."
    )
    budget: BudgetLimits = Field(
        default=BudgetLimits(), description="What each run may spend on models."
    )
    workflow_budget: WorkflowBudget | None = Field(
        default=None, description="What all runs of the stored workflow may spend together."
    )
    granularity: Granularity = Field(
        default="auto",
        description="`auto`: each node starts as soon as its own inputs are available; it is a"
        " LangGraph node of its own, except where nodes run beside each other for more than one"
        " step: these are one LangGraph node together, which shows them as a sub-graph. `node`:"
        " each node is a LangGraph node. They start in steps, so a node that waits for a person"
        " delays the nodes after its neighbours. `fused`: the workflow is one LangGraph node, for"
        " throughput.",
    )
