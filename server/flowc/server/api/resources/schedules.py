"""Routes for schedules: runs that start at the times of a cron expression."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, Field

from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.triggers import Schedule
from flowc.server.triggers.schedules import next_times

router = APIRouter(
    prefix="/schedules", tags=["schedules"], route_class=StrictRoute, responses=RESPONSES
)

ScheduleId = Annotated[str, Path(max_length=128, description="Id of the schedule.")]


class ScheduleChange(RequestBody):
    """When to start which workflow from now on, and with which input."""

    workflow_id: str = Field(max_length=128)
    cron: str = Field(
        max_length=200,
        description="Minute, hour, day, month, weekday; six fields begin with the second.",
    )
    timezone: str = Field(default="UTC", max_length=64, description="Such as `Europe/Paris`.")
    input: dict[str, Any] = Field(default_factory=dict)
    catch_up: bool = Field(
        default=False, description="Start the runs that were missed while no worker was running."
    )


class NewSchedule(ScheduleChange):
    """When to start which workflow, and with which input."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")


class ScheduleBody(BaseModel):
    """A schedule, and when it last started a run."""

    id: str
    workflow_id: str
    cron: str
    timezone: str
    input: dict[str, Any]
    catch_up: bool
    paused: bool
    last_fired_at: datetime | None
    problem: str | None = Field(description="Why the schedule is disabled, if it is.")
    next_times: list[datetime] = Field(
        description="When it starts runs next; empty while it is paused."
    )


BackfillTime = Annotated[
    AwareDatetime,
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(2500, 1, 1, tzinfo=UTC)),
]


class BackfillRequest(RequestBody):
    """The period in which missing runs are started."""

    start: BackfillTime
    end: BackfillTime


class BackfillReceipt(BaseModel):
    """Confirms a backfill."""

    runs: int = Field(description="Number of scheduled times in the period.")


@router.post("", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def create_schedule(body: NewSchedule, tenant: CurrentTenant) -> ScheduleBody:
    """Create a schedule; it takes effect within seconds."""
    wanted = Schedule(body.id, body.cron, body.timezone, {}, body.catch_up)
    return await _body(await tenant.schedules.create(body.id, body.workflow_id, body.input, wanted))


@router.get("")
async def list_schedules(tenant: CurrentTenant) -> list[ScheduleBody]:
    """Return all schedules, sorted by id."""
    return [await _body(each) for each in await tenant.schedules.list()]


@router.get("/{schedule_id}")
async def get_schedule(schedule_id: ScheduleId, tenant: CurrentTenant) -> ScheduleBody:
    """Return a schedule."""
    return await _body(await tenant.schedules.get(schedule_id))


@router.put("/{schedule_id}")
async def replace_schedule(
    schedule_id: ScheduleId, body: ScheduleChange, tenant: CurrentTenant
) -> ScheduleBody:
    """Change a schedule: all of it but its id, and whether it is paused."""
    wanted = Schedule(schedule_id, body.cron, body.timezone, {}, body.catch_up)
    changed = await tenant.schedules.replace(schedule_id, body.workflow_id, body.input, wanted)
    return await _body(changed)


@router.delete("/{schedule_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_schedule(schedule_id: ScheduleId, tenant: CurrentTenant) -> Response:
    """Delete a schedule; its runs stay."""
    await tenant.schedules.delete(schedule_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/{schedule_id}/pause")
async def pause_schedule(schedule_id: ScheduleId, tenant: CurrentTenant) -> ScheduleBody:
    """Pause a schedule: at its times, nothing starts, until it is resumed."""
    return await _body(await tenant.schedules.steer(schedule_id, is_paused=True))


@router.post("/{schedule_id}/resume")
async def resume_schedule(schedule_id: ScheduleId, tenant: CurrentTenant) -> ScheduleBody:
    """Resume a schedule; the times that passed meanwhile are skipped."""
    return await _body(await tenant.schedules.steer(schedule_id, is_paused=False))


@router.post("/{schedule_id}/trigger", status_code=HTTPStatus.ACCEPTED)
async def trigger_schedule(schedule_id: ScheduleId, tenant: CurrentTenant) -> ScheduleBody:
    """Start a run of the schedule now, in addition to its times."""
    await tenant.schedules.fire_now(schedule_id)
    return await _body(await tenant.schedules.get(schedule_id))


@router.post("/{schedule_id}/backfill", status_code=HTTPStatus.ACCEPTED)
async def backfill_schedule(
    schedule_id: ScheduleId, body: BackfillRequest, tenant: CurrentTenant
) -> BackfillReceipt:
    """Start the runs of past times that have none: 1,000 at most."""
    return BackfillReceipt(runs=await tenant.schedules.backfill(schedule_id, body.start, body.end))


async def _body(schedule: Schedule) -> ScheduleBody:
    # Rare times take a while to find.
    times = await asyncio.to_thread(next_times, schedule)
    return ScheduleBody.model_validate(
        {
            "id": schedule.id,
            "workflow_id": schedule.context["workflow"],
            "cron": schedule.cron,
            "timezone": schedule.timezone,
            "input": schedule.context["input"],
            "catch_up": schedule.catches_up,
            "paused": schedule.is_paused,
            "last_fired_at": schedule.last_fired_at,
            "problem": schedule.problem,
            "next_times": times,
        }
    )
