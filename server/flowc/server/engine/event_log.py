"""How do the events of a segment become durable, in order, without each of them costing a write?"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from flowc.server.records.run_events import RunEvent
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.claims import TakenOver, Told

log = logging.getLogger(__name__)

# Events that come within this time are written together, and are that much later with watchers.
BATCH_SECONDS = 0.015
# A worker that wrote nothing for this long asks whether the run is still its own.
SURE_SECONDS = 1.0

Keep = Callable[[Sequence[RunEvent]], Awaitable[Told]]


class EventLog:
    """What a segment says, kept in batches, and always before the checkpoint that follows from it.

    `keep` writes a batch, and returns what there is to be told, which `obey` is given; it raises if
    the run has been taken over, and where nobody waits for it, `lost` is told of that.
    """

    def __init__(self, keep: Keep, obey: Callable[[Told], None], lost: Callable[[], None]) -> None:
        self._keep, self._obey, self._lost = keep, obey, lost
        self._waiting: list[RunEvent] = []
        self._writing: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._sure_at = time.monotonic()

    def say(self, event: RunEvent) -> None:
        """Take an event; it is durable soon."""
        self._waiting.append(event)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon())

    async def flush(self) -> None:
        """Write what waits; with nothing to write, make sure that the run is still ours."""
        async with self._lock:
            if not self._waiting and time.monotonic() - self._sure_at < SURE_SECONDS:
                return
            batch, self._waiting = self._waiting, []
            try:
                told = await self._keep(batch)
            except Exception:
                self._waiting[:0] = batch
                raise
            self._sure_at = time.monotonic()
        self._obey(told)

    async def close(self) -> Sequence[RunEvent]:
        """Write no more; return what has not been written."""
        async with self._lock:
            if self._writing is not None:
                self._writing.cancel()
            left, self._waiting = self._waiting, []
        return left

    async def _write_soon(self) -> None:
        await asyncio.sleep(BATCH_SECONDS)
        try:
            await self.flush()
        except TakenOver:
            self._lost()
        except DATABASE_PROBLEMS as problem:
            # What could not be written is tried again before the next checkpoint.
            log.warning("events of a run could not be written: %s", type(problem).__name__)
