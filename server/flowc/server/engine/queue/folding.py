"""Folds the tallies of runs that ended into rollups, and deletes old rollups."""

import asyncio
import logging
from datetime import timedelta

from flowc.server.engine.queue.retention import LOOK_SECONDS, PAUSE_SECONDS
from flowc.server.records.times import now
from flowc.server.store.analytics.figures import hour_of
from flowc.server.store.analytics.folding import MOST_TALLIES, Rollups
from flowc.server.store.database import Database

log = logging.getLogger(__name__)

# Figures are right in between, too: they are made of rollups and tallies.
FOLD_SECONDS = 5.0


class Folding:
    """Keeps the number of tallies small; rollups older than some days are deleted."""

    def __init__(self, database: Database, days: float) -> None:
        self._rollups, self._days = Rollups(database), days

    async def watch(self) -> None:
        """Fold tallies every few seconds, and delete old rollups every hour, forever."""
        waited = LOOK_SECONDS
        while True:
            try:
                await self.fold()
                if waited >= LOOK_SECONDS:
                    await self.prune()
                    waited = 0.0
            except Exception as problem:
                # The next time tries again.
                log.warning("analytics could not be written: %s", type(problem).__name__)
            await asyncio.sleep(FOLD_SECONDS)
            waited += FOLD_SECONDS

    async def fold(self) -> int:
        """Fold all tallies, unless another process does; return how many were."""
        count = 0
        while await self._rollups.is_due() and (folded := await self._rollups.fold()):
            count += folded
            if folded == MOST_TALLIES:
                await asyncio.sleep(PAUSE_SECONDS)
        return count

    async def prune(self) -> None:
        """Delete the rollups of days that are old enough."""
        await self._rollups.forget_before(hour_of((now() - timedelta(days=self._days)).date()))
