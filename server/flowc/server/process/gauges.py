"""What a process shows of itself and of the queue when its metrics are read."""

import asyncio
import math
import time

from flowc.server.engine.publishing.watchers import Watchers
from flowc.server.engine.segments import Segments
from flowc.server.numbers.metrics import Metrics
from flowc.server.records.times import now
from flowc.server.store.database import DATABASE_PROBLEMS, Database
from flowc.server.store.runs.queue_depth import QueuedRuns

# What the database was asked holds for this time, and for some times as long as the question took.
_HOLDS_SECONDS, _HOLDS_TIMES = 5.0, 20
# How long the metrics wait for the database.
_PATIENCE_SECONDS = 2.0


class ProcessGauges:
    """Reads the metrics of a process, with those that are only known at that moment."""

    def __init__(self, metrics: Metrics, database: Database) -> None:
        self._metrics, self._database, self._queued = metrics, database, QueuedRuns(database)
        self._asking: asyncio.Task[None] | None = None
        self._holds_until = 0.0
        self._is_readable = True

    def show(self, segments: Segments | None, slots: int, watchers: Watchers) -> None:
        """Show how busy the process is."""
        metrics, driving = self._metrics, segments.place.driving if segments is not None else {}
        slots = slots if segments is not None else 0
        metrics.slots.set(slots)
        metrics.at_work.set_function(lambda: len(driving))
        metrics.free_slots.set_function(lambda: max(0, slots - len(driving)))
        metrics.watchers.set_function(lambda: watchers.count)
        metrics.database_up.set_function(self._is_up)

    async def text(self) -> bytes:
        """Return all metrics in Prometheus's text format, also while the database fails."""
        if self._asking is None and time.monotonic() >= self._holds_until:
            self._asking = asyncio.create_task(self._ask())
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=_PATIENCE_SECONDS)
        if self._asking is not None:
            # It continues; what it finds is in the next answer.
            self._forget()
        return await asyncio.to_thread(self._metrics.text)

    async def _ask(self) -> None:
        started = time.monotonic()
        try:
            depth = await self._queued.depth()
        except DATABASE_PROBLEMS:
            self._forget()
        else:
            self._is_readable = True
            self._metrics.queued.set(depth.runs)
            age = (now() - depth.since).total_seconds() if depth.since is not None else 0.0
            self._metrics.queued_seconds.set(max(age, 0.0))
        finally:
            self._asking = None
            moment = time.monotonic()
            self._holds_until = moment + max(_HOLDS_SECONDS, _HOLDS_TIMES * (moment - started))

    def _forget(self) -> None:
        """Show that it is not known how many runs are queued."""
        self._is_readable = False
        self._metrics.queued.set(math.nan)
        self._metrics.queued_seconds.set(math.nan)

    def _is_up(self) -> float:
        return float(self._is_readable and self._database.problem is None)
