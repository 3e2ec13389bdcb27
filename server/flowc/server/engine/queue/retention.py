"""Deletes old runs with their events, checkpoints and queue entries."""

import asyncio
import logging
from datetime import datetime, timedelta

from flowc.server.engine.queue.dbos_queue import Queue
from flowc.server.records.times import now
from flowc.server.store.old_data import OldData
from flowc.server.store.runs.steering import Steering

log = logging.getLogger(__name__)

LOOK_SECONDS = 3_600.0
# Between two transactions, so that runs at work can write.
PAUSE_SECONDS = 0.02
# Definitions that were stored within this time are not deleted: a process may be about to create a
# run of one, which it stored a while ago and does not store again.
_FRESH = timedelta(days=1)


class Retention:
    """Deletes the runs that ended some days ago; waiting runs are never deleted."""

    def __init__(self, steering: Steering, queue: Queue, days: float) -> None:
        self._old, self._queue, self._days = OldData(steering.database), queue, days

    async def watch(self) -> None:
        """Delete old runs every hour, forever."""
        while True:
            try:
                await self.prune()
            except Exception as problem:
                # The next hour tries again.
                log.warning("old runs could not be deleted: %s", type(problem).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def prune(self) -> int:
        """Delete what is old enough, and give its space back; return the number of deleted runs."""
        moment, count = now() - timedelta(days=self._days), 0
        for tenant in await self._old.tenants():
            count += await self._prune_runs(tenant, moment)
            await self._prune_definitions(tenant, min(moment, now() - _FRESH))
        await self._old.forget_messages(moment)
        await self._old.database.release_space()
        return count

    async def _prune_runs(self, tenant: str, moment: datetime) -> int:
        count, since = 0, None
        while found := await self._old.ended_before(tenant, moment, since):
            ids, since = [run.id for run in found], found[-1].created_at
            # The runs themselves last: after a crash in between, they are found again.
            await self._queue.forget(ids)
            count += await self._old.forget_runs(ids)
            await asyncio.sleep(PAUSE_SECONDS)
        return count

    async def _prune_definitions(self, tenant: str, moment: datetime) -> None:
        while found := await self._old.unused_definitions(tenant, moment):
            await self._old.forget_definitions(tenant, found, moment)
            await asyncio.sleep(PAUSE_SECONDS)
