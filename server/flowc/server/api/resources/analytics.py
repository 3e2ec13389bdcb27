"""Routes for figures: how many runs there were, how long they took, and what they cost."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.resources.analytics_figures import (
    AnalyticsQuery,
    CallerCost,
    CostFigures,
    DurationFigures,
    ExecutionFigures,
    JobFigures,
    JobFiguresList,
    JobsQuery,
    ModelCost,
    NodeFigures,
    PerformanceFigures,
    StatsFigures,
    TrendFigures,
    TrendFiguresList,
    TrendsQuery,
    UsageFigures,
    WorkflowCost,
    WorkflowFigures,
    WorkflowFiguresList,
)
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.durations import Durations
from flowc.server.store.analytics.figures import RecentRun, moment_of
from flowc.server.store.analytics.rollups import (
    DAY,
    HOUR,
    MODEL_TOTALS,
    WORKFLOW_TOTALS,
    Sums,
)

router = APIRouter(tags=["analytics"], route_class=StrictRoute, responses=RESPONSES)

_MOST_NODES = 20
_MOST_ROWS = 100


@router.get("/analytics/workflows")
async def analyze_workflows(
    query: Annotated[AnalyticsQuery, Query()], tenant: CurrentTenant
) -> WorkflowFiguresList:
    """Return for each workflow how many of its runs ended, how long they took, and their cost.

    A percentile is at most 9.1 % off.
    """
    found = await tenant.figures.totals(WORKFLOW_TOTALS, query.span, ("workflow_id",))
    busiest = sorted(found.items(), key=lambda item: (-item[1].of("runs"), item[0]))
    items = [
        WorkflowFigures(
            **_executions(sums),
            workflow_id=workflow_id or None,
            duration=_duration(sums.durations),
            usage=UsageFigures(**_usage(sums)),
        )
        for (workflow_id,), sums in busiest
    ]
    return WorkflowFiguresList(**_period(query), items=items)


@router.get("/analytics/jobs")
async def analyze_jobs(
    query: Annotated[JobsQuery, Query()], tenant: CurrentTenant
) -> JobFiguresList:
    """Return how the newest runs performed, beside all that ended in the same days."""
    found, recent = await asyncio.gather(
        tenant.figures.totals(WORKFLOW_TOTALS, query.span),
        tenant.figures.recent_runs(query.span, query.limit),
    )
    total = _only(found)
    return JobFiguresList(
        **_period(query),
        summary=ExecutionFigures(**_executions(total)),
        duration=_duration(total.durations),
        items=[_job(run) for run in recent],
    )


@router.get("/workflows/analytics/stats")
async def analyze_stats(
    query: Annotated[AnalyticsQuery, Query()], tenant: CurrentTenant
) -> StatsFigures:
    """Return how many runs ended, and which part of them completed and failed."""
    found = await tenant.figures.totals(WORKFLOW_TOTALS, query.span, has_percentiles=False)
    total = _only(found)
    per_day = total.of("runs") / query.span.days
    return StatsFigures(
        **_period(query),
        **_executions(total),
        per_day=round(per_day, 3),
        per_hour=round(per_day / DAY, 3),
        usage=UsageFigures(**_usage(total)),
    )


@router.get("/workflows/analytics/performance")
async def analyze_performance(
    query: Annotated[AnalyticsQuery, Query()], tenant: CurrentTenant
) -> PerformanceFigures:
    """Return how long runs took, and the slowest nodes. A percentile is at most 9.1 % off."""
    found, nodes = await asyncio.gather(
        tenant.figures.totals(WORKFLOW_TOTALS, query.span),
        tenant.figures.slowest_nodes(query.span, _MOST_NODES),
    )
    total = _only(found)
    return PerformanceFigures(
        **_period(query),
        executions=round(total.of("runs")),
        duration=_duration(total.durations),
        slowest_nodes=[_node(*key, sums=sums) for key, sums in nodes.items()],
    )


@router.get("/workflows/analytics/trends")
async def analyze_trends(
    query: Annotated[TrendsQuery, Query()], tenant: CurrentTenant
) -> TrendFiguresList:
    """Return what runs did day by day, or hour by hour."""
    width = HOUR if query.interval == "hour" else DAY
    found = await tenant.figures.totals(WORKFLOW_TOTALS, query.span, ("start",), width=width)
    items = [
        TrendFigures(
            **_executions(sums),
            at=moment_of(start),
            duration=_duration(sums.durations),
            usage=UsageFigures(**_usage(sums)),
        )
        for start in query.span.starts[::width]
        for sums in [found.get((start,), Sums())]
    ]
    return TrendFiguresList(**_period(query), interval=query.interval, items=items)


@router.get("/workflows/analytics/cost")
async def analyze_cost(
    query: Annotated[AnalyticsQuery, Query()], tenant: CurrentTenant
) -> CostFigures:
    """Return tokens and cost by model, by workflow, and by who started the runs."""
    by = ("model", "workflow_id", "started_by")
    found = await tenant.figures.totals(MODEL_TOTALS, query.span, by)
    models, workflows, callers = (_regrouped(found, at) for at in range(len(by)))
    total = Sums()
    for sums in found.values():
        total.add(sums)
    return CostFigures(
        **_period(query),
        usage=UsageFigures(**_usage(total)),
        by_model=[
            ModelCost(model=name or None, **_usage(s)) for name, s in models if s.of("calls")
        ],
        by_workflow=[WorkflowCost(workflow_id=n or None, **_cost(s)) for n, s in workflows],
        by_caller=[CallerCost(started_by=n or None, **_cost(s)) for n, s in callers],
    )


def _period(query: AnalyticsQuery) -> dict[str, Any]:
    span = query.span
    return {
        "since": span.first,
        "until": span.last,
        "days": span.days,
        "workflow_id": span.workflow_id,
    }


def _only(found: Mapping[tuple[Any, ...], Sums]) -> Sums:
    return found.get((), Sums())


def _executions(sums: Sums) -> dict[str, Any]:
    names = ("completed", "failed", "cancelled", "retried")
    executions = round(sums.of("runs"))
    return {
        "executions": executions,
        **{name: round(sums.of(name)) for name in names},
        "success_rate": _share(sums.of("completed"), executions),
        "failure_rate": _share(sums.of("failed"), executions),
    }


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _usage(sums: Sums) -> dict[str, Any]:
    names = ("calls", "prompt_tokens", "completion_tokens", "total_tokens")
    return {**{name: round(sums.of(name)) for name in names}, "cost": round(sums.of("cost"), 6)}


def _duration(durations: Durations) -> DurationFigures:
    return DurationFigures(
        average_ms=durations.average_ms,
        p50_ms=durations.percentile_ms(0.5),
        p95_ms=durations.percentile_ms(0.95),
        p99_ms=durations.percentile_ms(0.99),
        longest_ms=round(durations.longest_ms, 3) if durations.timed else None,
    )


def _node(workflow_id: str, name: str, *, sums: Sums) -> NodeFigures:
    return NodeFigures(
        workflow_id=workflow_id or None,
        node_id=name,
        executions=round(sums.of("runs")),
        failed=round(sums.of("failed")),
        failure_rate=_share(sums.of("failed"), sums.of("runs")) or 0.0,
        failed_attempts=round(sums.of("failed_attempts")),
        duration=_duration(sums.durations),
    )


def _job(run: RecentRun) -> JobFigures:
    return JobFigures(
        job_id=run.id,
        workflow_id=run.workflow_id,
        status=run.status,
        started_by=run.started_by,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        queued_ms=_between(run.created_at, run.started_at),
        duration_ms=_between(run.started_at, run.finished_at),
        error_code=run.error.get("code") if run.error else None,
        total_tokens=round(run.usage.get("total_tokens", 0)),
        cost=round(run.usage.get("cost", 0.0), 6),
    )


def _between(begin: datetime | None, end: datetime | None) -> float | None:
    if begin is None or end is None:
        return None
    return round((end - begin).total_seconds() * 1_000, 3)


def _regrouped(found: Mapping[tuple[Any, ...], Sums], at: int) -> list[tuple[str, Sums]]:
    """Return the sums by one part of their keys, the most expensive first."""
    groups: dict[str, Sums] = {}
    for key, sums in found.items():
        groups.setdefault(key[at], Sums()).add(sums)
    ordered = sorted(
        groups.items(), key=lambda item: (-item[1].of("cost"), -item[1].of("runs"), item[0])
    )
    return ordered[:_MOST_ROWS]


def _cost(sums: Sums) -> dict[str, Any]:
    return {"executions": round(sums.of("runs")), **_usage(sums)}
