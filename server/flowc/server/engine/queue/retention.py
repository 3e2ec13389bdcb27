"""When are runs forgotten? Some time after their end, with all that was kept of them."""

import asyncio
import logging
from datetime import timedelta

from flowc.server.engine.checkpoints import Savers
from flowc.server.engine.queue.dbos_queue import Queue
from flowc.server.records.times import now
from flowc.server.store.runs.steering import Steering

log = logging.getLogger(__name__)

LOOK_SECONDS = 3_600.0


class Retention:
    """Forgets runs that ended some days ago; those that wait are never forgotten."""

    def __init__(self, steering: Steering, queue: Queue, savers: Savers, days: float) -> None:
        self._steering, self._queue, self._savers, self._days = steering, queue, savers, days

    async def watch(self) -> None:
        """Look for ever, every hour."""
        while True:
            try:
                await self.prune()
            except Exception as problem:
                # What could not be forgotten now is looked at again later.
                log.warning("old runs could not be forgotten: %s", type(problem).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def prune(self) -> int:
        """Forget what is old enough; return how many runs that was."""
        moment, count = now() - timedelta(days=self._days), 0
        while found := await self._steering.ended_before(moment):
            for run_id in found:
                # The run itself last: a crash in between leaves it to be found again.
                await self._savers.forget(run_id)
                await self._queue.forget(run_id)
                await self._steering.forget(run_id)
            count += len(found)
        await self._steering.forget_messages(moment)
        return count
