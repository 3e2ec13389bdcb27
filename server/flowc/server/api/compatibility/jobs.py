"""Runs as jobs: list, read and cancel them, and run workflows as jobs."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from flowc.server.api.compatibility.job_bodies import (
    JobBody,
    JobInput,
    JobPage,
    JobStatus,
    job_of,
)
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.paging import PageLimit, PageNumber, PageOffset, first_of, page_fields
from flowc.server.api.resources.runs import RunIdInPath
from flowc.server.api.resources.workflows import VersionNumber, WorkflowId, named
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.store.parts import ListPart
from flowc.server.store.runs.stored_runs import WantedRuns

router = APIRouter(tags=["compatibility"], route_class=StrictRoute, responses=RESPONSES)


@router.get("/jobs")
async def list_jobs(
    tenant: CurrentTenant,
    workflow_id: Annotated[str | None, Query(max_length=128)] = None,
    status: JobStatus | None = None,
    limit: PageLimit = 50,
    offset: PageOffset = 0,
    page: PageNumber = None,
) -> JobPage:
    """Return a page of runs as jobs, newest first; `running` does not find those that wait."""
    start = first_of(page, limit, offset)
    wanted = WantedRuns(workflow_id, statuses=[status] if status is not None else [])
    found = await tenant.stored_runs.list(ListPart(limit, start), wanted)
    return JobPage(items=[job_of(run) for run in found.items], **page_fields(found, limit, start))


@router.get("/jobs/{run_id}")
async def get_job(run_id: RunIdInPath, tenant: CurrentTenant) -> JobBody:
    """Return a run as a job."""
    return job_of(await tenant.stored_runs.get(run_id))


@router.post("/jobs/{run_id}/cancel", responses=CONFLICT)
async def cancel_job(run_id: RunIdInPath, tenant: CurrentTenant) -> JobBody:
    """Cancel a run."""
    return job_of(await tenant.runs.cancel(run_id, None))


@router.post("/workflows/{workflow_id}/run", status_code=HTTPStatus.ACCEPTED, responses=CONFLICT)
async def run_workflow(
    workflow_id: WorkflowId,
    tenant: CurrentTenant,
    body: JobInput | None = None,
    version: VersionNumber = None,
) -> JobBody:
    """Start a run of a workflow, and do not wait for its end."""
    stored = await tenant.stored_workflows.get(*named(workflow_id, version))
    compiled = await tenant.workflows.compiled(stored)
    given = body.given if body is not None else {}
    return job_of(await tenant.runs.submit(compiled, given, stored))
