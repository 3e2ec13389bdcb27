"""A summary for people who look after a server: what is at work now, and how today went."""

from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.resources.analytics import analyze_stats
from flowc.server.api.resources.analytics_figures import AnalyticsQuery, StatsFigures
from flowc.server.api.strict_requests import StrictRoute

router = APIRouter(tags=["operations"], route_class=StrictRoute, responses=RESPONSES)


class UnfinishedRuns(BaseModel):
    """How many runs of the tenant have not ended."""

    pending: int = 0
    running: int = 0
    waiting: int = 0
    paused: int = 0


class MonitoringSummary(BaseModel):
    """The state of the server and of the tenant's runs."""

    status: Literal["ok", "degraded"]
    store: str = Field(description="`ok`, or why the database cannot be written to.")
    version: str = Field(description="The version of flowc.")
    database: str = Field(description="`sqlite` or `postgresql`.")
    unfinished: UnfinishedRuns
    today: StatsFigures = Field(description="The runs that ended since midnight, in UTC.")


@router.get("/monitoring/summary")
async def read_summary(tenant: CurrentTenant) -> MonitoringSummary:
    """Return what is at work now, and how the runs of today ended."""
    unfinished = await tenant.stored_runs.unfinished_by_status()
    today = await analyze_stats(AnalyticsQuery(days=1), tenant)
    problem = tenant.stored_runs.database.problem
    return MonitoringSummary(
        status="ok" if problem is None else "degraded",
        store=problem or "ok",
        version=version("flowc"),
        database=tenant.stored_runs.database.dialect.name,
        unfinished=UnfinishedRuns(**unfinished),
        today=today,
    )
