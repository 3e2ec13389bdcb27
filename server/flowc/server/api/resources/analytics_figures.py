"""What requests for figures ask, and what the answers have."""

from datetime import date, datetime, timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.server.records.times import now
from flowc.server.store.analytics.figures import Span

_MOST_DAYS = 366
# More days have too many hours for one answer.
_MOST_DAYS_BY_HOUR = 7
_FIRST_YEAR, _LAST_YEAR = 1970, 2999


class AnalyticsQuery(BaseModel):
    """Which runs are counted: those that ended in these days, in UTC."""

    model_config = ConfigDict(extra="forbid")

    workflow_id: str | None = Field(
        default=None, max_length=128, description="Only runs of this workflow; default: all runs."
    )
    days: int = Field(
        default=30,
        ge=1,
        le=_MOST_DAYS,
        description="Number of days up to the last one, which counts.",
    )
    since: date | None = Field(
        default=None, alias="from", description="First day, instead of `days`: 2026-11-01."
    )
    until: date | None = Field(default=None, alias="to", description="Last day; default: today.")

    @property
    def span(self) -> Span:
        """The days, and the workflow."""
        last = self.until or now().date()
        return Span(self.since or last - timedelta(days=self.days - 1), last, self.workflow_id)

    @model_validator(mode="after")
    def _is_short(self) -> Self:
        if self.since is not None and "days" in self.model_fields_set:
            raise ValueError("Give days or from, not both.")
        years = {day.year for day in (self.since, self.until) if day is not None}
        if not years <= set(range(_FIRST_YEAR, _LAST_YEAR + 1)):
            raise ValueError(f"The years must be {_FIRST_YEAR} to {_LAST_YEAR}.")
        if not 1 <= self.span.days <= _MOST_DAYS:
            raise ValueError(f"From the first to the last day must be 1 to {_MOST_DAYS} days.")
        return self


class TrendsQuery(AnalyticsQuery):
    """Which runs are counted, and whether by hour or by day."""

    interval: Literal["hour", "day"] = "day"

    @model_validator(mode="after")
    def _is_short_by_hour(self) -> Self:
        if self.interval == "hour" and self.span.days > _MOST_DAYS_BY_HOUR:
            raise ValueError(f"By hour, there can be {_MOST_DAYS_BY_HOUR} days at most.")
        return self


class JobsQuery(AnalyticsQuery):
    """Which runs are counted, and how many are listed."""

    limit: int = Field(default=50, ge=1, le=200, description="Largest number of items to return.")


class FiguresOfPeriod(BaseModel):
    """The days that the figures are of: from midnight to midnight, in UTC."""

    since: date = Field(serialization_alias="from")
    until: date = Field(serialization_alias="to")
    days: int
    workflow_id: str | None = Field(description="Null if the figures are of all workflows.")


class DurationFigures(BaseModel):
    """Durations in milliseconds, from the start to the end; percentiles are at most 9.1 % off."""

    average_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    longest_ms: float | None


class UsageFigures(BaseModel):
    """What models were used for; `cost` is in US dollars."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost: float


class ExecutionFigures(BaseModel):
    """Ends of runs. A failed run that is retried ends again, and counts for each end."""

    executions: int
    completed: int
    failed: int
    cancelled: int
    retried: int = Field(description="Those that were retries of a run that had failed.")
    success_rate: float | None = Field(description="Part of all that completed; null without any.")
    failure_rate: float | None = Field(description="Part of all that failed; null without any.")


class WorkflowFigures(ExecutionFigures):
    """What the runs of one workflow did."""

    workflow_id: str | None = Field(description="Null for definitions that are not stored.")
    duration: DurationFigures
    usage: UsageFigures


class WorkflowFiguresList(FiguresOfPeriod):
    """The workflows that had runs, those with the most runs first."""

    items: list[WorkflowFigures]


class JobFigures(BaseModel):
    """How one run performed."""

    job_id: str = Field(description="The id of the run.")
    workflow_id: str | None
    status: str
    started_by: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    queued_ms: float | None = Field(description="From its creation to its start.")
    duration_ms: float | None = Field(description="From its start to its end.")
    error_code: str | None
    total_tokens: int
    cost: float


class JobFiguresList(FiguresOfPeriod):
    """The newest runs that were created in these days; `summary` is of all that ended in them."""

    summary: ExecutionFigures
    duration: DurationFigures
    items: list[JobFigures]


class StatsFigures(FiguresOfPeriod, ExecutionFigures):
    """How many runs ended, and how."""

    per_day: float = Field(description="Ends of runs a day, on average.")
    per_hour: float = Field(description="Ends of runs an hour, on average.")
    usage: UsageFigures


class NodeFigures(BaseModel):
    """What the runs of one node did; turns of a loop and items of a map are runs of it."""

    workflow_id: str | None
    node_id: str = Field(description="The node's name; in a body, `container.node`.")
    executions: int
    failed: int
    failure_rate: float
    failed_attempts: int = Field(
        description="Attempts that failed, also where a later one did not."
    )
    duration: DurationFigures


class PerformanceFigures(FiguresOfPeriod):
    """How long runs took, and the nodes with the longest average durations."""

    executions: int
    duration: DurationFigures
    slowest_nodes: list[NodeFigures]


class TrendFigures(ExecutionFigures):
    """What the runs did that ended in one hour or day."""

    at: datetime = Field(description="When the hour or the day began.")
    duration: DurationFigures
    usage: UsageFigures


class TrendFiguresList(FiguresOfPeriod):
    """Every day, or hour, of the period in its order, also those without runs."""

    interval: Literal["hour", "day"]
    items: list[TrendFigures]


class ModelCost(UsageFigures):
    """What was used of one model."""

    model: str | None = Field(description="Null for usage that no model is known for.")


class WorkflowCost(UsageFigures):
    """What the runs of one workflow used."""

    workflow_id: str | None
    executions: int


class CallerCost(UsageFigures):
    """What the runs used that one key, user or trigger started."""

    started_by: str | None
    executions: int


class CostFigures(FiguresOfPeriod):
    """What runs used; each list has the most expensive ones first, and 100 items at most."""

    usage: UsageFigures
    by_model: list[ModelCost]
    by_workflow: list[WorkflowCost]
    by_caller: list[CallerCost]
