"""Schedules: runs that start at the times of a cron expression."""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from flowc.server.engine.driving import InputRefused, require_input
from flowc.server.engine.queue.dbos_queue import BadSchedule, Queue, ScheduleRefused
from flowc.server.environment.environment import EnvironmentNotReady
from flowc.server.records.refused import Refused
from flowc.server.records.run_keys import schedule_key
from flowc.server.records.times import now
from flowc.server.records.triggers import Schedule
from flowc.server.runs.run_options import RunOptions
from flowc.server.runs.runs import Runs
from flowc.server.store.runs.admission import TooManyRuns
from flowc.server.store.workflows import NoSuchWorkflow, StoredWorkflows
from flowc.server.workflows.compiled import Workflows

# A scheduled time that is older was filled in, or its process did not run.
_RECENT = timedelta(minutes=5)
BACKFILL_RUNS = 1_000

log = logging.getLogger(__name__)

# Why a run does not start at a time, which the log says.
_NOT_STARTED = (InputRefused, EnvironmentNotReady, TooManyRuns)


class NoSuchSchedule(Refused):
    """The schedule does not exist, or belongs to another tenant."""


@dataclass(frozen=True)
class Schedules:
    """The schedules of one tenant."""

    tenant: str
    queue: Queue
    workflows: Workflows
    stored_workflows: StoredWorkflows
    runs: Runs

    async def create(
        self, id: str, workflow_id: str, given: dict[str, Any], schedule: Schedule
    ) -> Schedule:
        """Create a schedule.

        Raises NoSuchWorkflow, InputRefused, BadSchedule or ScheduleRefused.
        """
        if await self._find(id) is not None:
            raise ScheduleRefused(f"The schedule {id!r} already exists; change or delete it.")
        return await self._put(id, workflow_id, given, schedule)

    async def replace(
        self, id: str, workflow_id: str, given: dict[str, Any], schedule: Schedule
    ) -> Schedule:
        """Give a schedule other times, another workflow or another input; a pause stays.

        Raises NoSuchSchedule, NoSuchWorkflow, InputRefused or BadSchedule.
        """
        await self.get(id)
        return await self._put(id, workflow_id, given, schedule)

    async def _put(
        self, id: str, workflow_id: str, given: dict[str, Any], schedule: Schedule
    ) -> Schedule:
        stored = await self.stored_workflows.get(workflow_id)
        await require_input(await self.workflows.compiled(stored), given)
        context = {
            "tenant": self.tenant,
            "schedule": id,
            "workflow": workflow_id,
            "input": given,
        }
        await self.queue.put_schedule(replace(schedule, id=self._name(id), context=context))
        return await self.get(id)

    async def list(self) -> list[Schedule]:
        """Return all schedules, sorted by id."""
        found = await self.queue.schedules(self._name(""))
        own = [await self._own(each) for each in found]
        return sorted(own, key=lambda schedule: schedule.id)

    async def get(self, id: str) -> Schedule:
        """Return a schedule; raise NoSuchSchedule."""
        found = await self._find(id)
        if found is None:
            raise NoSuchSchedule
        return found

    async def steer(self, id: str, *, is_paused: bool) -> Schedule:
        """Pause or resume a schedule.

        Raises NoSuchSchedule, or NoSuchWorkflow to resume one whose workflow is gone.
        """
        found = await self.get(id)
        if not is_paused:
            await self.stored_workflows.get(found.context["workflow"])
        await self.queue.steer_schedule(self._name(id), is_paused=is_paused)
        return await self.get(id)

    async def delete(self, id: str) -> None:
        """Delete a schedule, but not its runs; raise NoSuchSchedule."""
        await self.get(id)
        await self.queue.delete_schedule(self._name(id))

    async def fire_now(self, id: str) -> None:
        """Start a run now, in addition to the scheduled ones; raise NoSuchSchedule."""
        await self.get(id)
        await self.queue.fire_now(self._name(id))

    async def backfill(self, id: str, start: datetime, end: datetime) -> int:
        """Start the runs that a period is missing; return its number of times.

        Raises NoSuchSchedule, or BadSchedule if there are more than BACKFILL_RUNS.
        """
        found = await self.get(id)
        if await asyncio.to_thread(_has_more, found, start, end):
            message = f"A backfill starts at most {BACKFILL_RUNS:,} runs; choose an earlier end."
            raise BadSchedule("end", message)
        return await self.queue.backfill(self._name(id), start, end)

    async def fire(self, context: dict[str, Any], moment: str, is_asked: bool = False) -> None:
        """Start the run of a scheduled time, at most once, with the newest version.

        While the schedule is paused, only what `is_asked` for starts, and what is filled in later.
        Without its workflow, the schedule is disabled.
        """
        name = context["schedule"]
        if not is_asked and _is_recent(moment) and await self._is_paused(name):
            return
        options = RunOptions(schedule_key(context["schedule"], moment), is_compared=False)
        try:
            stored = await self.stored_workflows.get(context["workflow"])
            compiled = await self.workflows.compiled(stored)
            runs = self.runs.triggered_by(f"schedule {name}")
            await runs.submit(compiled, context["input"], stored, options)
        except NoSuchWorkflow:
            log.warning("The schedule %s is disabled: its workflow is gone.", name)
            if await self._find(name) is not None:
                await self.queue.steer_schedule(self._name(name), is_paused=True)
        except _NOT_STARTED as problem:
            log.warning("The schedule %s started no run: %s", name, problem)

    async def _own(self, found: Schedule) -> Schedule:
        """Return a schedule under the id that its tenant gave it, with its problem."""
        own = replace(found, id=found.id.removeprefix(self._name("")))
        try:
            await self.stored_workflows.get(own.context["workflow"])
        except NoSuchWorkflow:
            why = f"The workflow {own.context['workflow']!r} does not exist any more."
            return replace(own, is_paused=True, problem=why)
        return own

    async def _is_paused(self, id: str) -> bool:
        found = await self._find(id)
        return found is None or found.is_paused

    async def _find(self, id: str) -> Schedule | None:
        return next((each for each in await self.list() if each.id == id), None)

    def _name(self, id: str) -> str:
        return f"{self.tenant}/{id}"


def next_times(schedule: Schedule, most: int = 3) -> list[datetime]:
    """Return when a schedule starts runs next, in its own time zone; never while it is paused."""
    if schedule.is_paused:
        return []
    begin = now().astimezone(ZoneInfo(schedule.timezone))
    times = croniter(schedule.cron, begin, second_at_beginning=True)
    return list(islice(times.all_next(datetime), most))


def _is_recent(moment: str) -> bool:
    """Return whether a scheduled time is one of the last minutes, not one that is filled in."""
    read = datetime.fromisoformat(moment)
    return now() - (read if read.tzinfo else read.replace(tzinfo=UTC)) < _RECENT


def _has_more(schedule: Schedule, start: datetime, end: datetime) -> bool:
    """Return whether a schedule has more times in a period than a backfill starts runs."""
    zone = ZoneInfo(schedule.timezone)
    times = croniter(schedule.cron, start.astimezone(zone), second_at_beginning=True)
    last = next(islice(times.all_next(datetime), BACKFILL_RUNS, None))
    return bool(last < end.astimezone(zone))
