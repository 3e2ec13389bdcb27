"""Deletes old runs with their events, checkpoints and queue entries."""

import asyncio
import logging
from datetime import timedelta

from flowc.server.engine.queue.dbos_queue import Queue
from flowc.server.records.times import now
from flowc.server.store.runs.steering import Steering

log = logging.getLogger(__name__)

LOOK_SECONDS = 3_600.0


class Retention:
    """Deletes the runs that ended some days ago; waiting runs are never deleted."""

    def __init__(self, steering: Steering, queue: Queue, days: float) -> None:
        self._steering, self._queue, self._days = steering, queue, days

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
        """Delete what is old enough; return the number of deleted runs."""
        moment, count = now() - timedelta(days=self._days), 0
        while found := await self._steering.ended_before(moment):
            for run_id in found:
                # The run itself last: after a crash in between, it is found again.
                await self._queue.forget(run_id)
                await self._steering.forget(run_id)
            count += len(found)
        await self._steering.forget_messages(moment)
        return count
