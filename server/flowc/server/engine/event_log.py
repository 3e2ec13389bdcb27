"""The event log of a segment: collects events, and commits them in order and in batches."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from flowc.server.records.run_events import RunEvent
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.claims import TakenOver, WorkerInstructions

log = logging.getLogger(__name__)

# Events appended within this time are committed together, so watchers get them that much later.
BATCH_SECONDS = 0.015
# After this long without a commit, a flush asks the database whether the run is still ours.
SURE_SECONDS = 1.0

Commit = Callable[[Sequence[RunEvent]], Awaitable[WorkerInstructions]]


class EventLog:
    """The events of a segment, always committed before the checkpoint that follows from them.

    `commit` writes a batch and returns the instructions, which are passed to `follow`; it raises
    TakenOver if another worker has the run. Where no caller waits for the write, `lose` is called
    instead.
    """

    def __init__(
        self,
        commit: Commit,
        follow: Callable[[WorkerInstructions], None],
        lose: Callable[[], None],
    ) -> None:
        self._commit, self._follow, self._lose = commit, follow, lose
        self._waiting: list[RunEvent] = []
        self._writing: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._sure_at = time.monotonic()

    def append(self, event: RunEvent) -> None:
        """Append an event; it is committed soon."""
        self._waiting.append(event)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._flush_soon())

    async def flush(self) -> None:
        """Commit the waiting events; if there are none, make sure that the run is still ours."""
        async with self._lock:
            if not self._waiting and time.monotonic() - self._sure_at < SURE_SECONDS:
                return
            batch, self._waiting = self._waiting, []
            try:
                instructions = await self._commit(batch)
            except Exception:
                # Before those that were appended meanwhile: the order never changes.
                self._waiting[:0] = batch
                raise
            self._sure_at = time.monotonic()
        self._follow(instructions)

    async def close(self) -> Sequence[RunEvent]:
        """Stop committing; return the events that are not committed yet."""
        async with self._lock:
            if self._writing is not None:
                self._writing.cancel()
            left, self._waiting = self._waiting, []
        return left

    async def _flush_soon(self) -> None:
        await asyncio.sleep(BATCH_SECONDS)
        try:
            await self.flush()
        except TakenOver:
            self._lose()
        except DATABASE_PROBLEMS as problem:
            # The next flush tries again, and there is one before the next checkpoint.
            log.warning("events of a run could not be written: %s", type(problem).__name__)
