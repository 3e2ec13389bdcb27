"""Schedules: runs that start at the times of a cron expression."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flowc.server.engine.driving import InputRefused, require_input
from flowc.server.engine.queue.dbos_queue import Queue, ScheduleRefused
from flowc.server.environment.environment import EnvironmentNotReady
from flowc.server.records.refused import Refused
from flowc.server.records.run_keys import schedule_key
from flowc.server.records.triggers import Schedule
from flowc.server.runs.runs import RunOptions, Runs
from flowc.server.store.workflows import NoSuchWorkflow, StoredWorkflows
from flowc.server.workflows.compiled import Workflows

log = logging.getLogger(__name__)


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
        """Create a schedule; raise NoSuchWorkflow, InputRefused or ScheduleRefused."""
        stored = await self.stored_workflows.get(workflow_id)
        await require_input(await self.workflows.compiled(stored), given)
        if await self._find(id) is not None:
            raise ScheduleRefused(f"The schedule {id!r} already exists; delete it first.")
        context = {"schedule": id, "workflow": workflow_id, "input": given}
        await self.queue.create_schedule(replace(schedule, id=self._name(id), context=context))
        return await self.get(id)

    async def list(self) -> list[Schedule]:
        """Return all schedules, sorted by id."""
        found = await self.queue.schedules(self._name(""))
        own = [replace(each, id=each.id.removeprefix(self._name(""))) for each in found]
        return sorted(own, key=lambda schedule: schedule.id)

    async def get(self, id: str) -> Schedule:
        """Return a schedule; raise NoSuchSchedule."""
        found = await self._find(id)
        if found is None:
            raise NoSuchSchedule
        return found

    async def steer(self, id: str, *, is_paused: bool) -> Schedule:
        """Pause or resume a schedule; raise NoSuchSchedule."""
        await self.get(id)
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

        Raises NoSuchSchedule.
        """
        await self.get(id)
        return await self.queue.backfill(self._name(id), start, end)

    async def fire(self, context: dict[str, Any], moment: str) -> None:
        """Start the run of a scheduled time, at most once, with the newest version."""
        options = RunOptions(schedule_key(context["schedule"], moment), is_compared=False)
        try:
            stored = await self.stored_workflows.get(context["workflow"])
            compiled = await self.workflows.compiled(stored)
            await self.runs.submit(compiled, context["input"], stored, options)
        except (NoSuchWorkflow, InputRefused, EnvironmentNotReady) as problem:
            log.warning("The schedule %s started no run: %s", context["schedule"], problem)

    async def _find(self, id: str) -> Schedule | None:
        return next((each for each in await self.list() if each.id == id), None)

    def _name(self, id: str) -> str:
        return f"{self.tenant}/{id}"
