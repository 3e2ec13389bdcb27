"""The log of a run at work: what it did since its last commit, and when that is committed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from flowc.compiler.running.events import EventKind
from flowc.server.records.run_events import RunEvent
from flowc.server.store.checkpoints import CheckpointValues
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.writer import Pending, TakenOver, WorkerInstructions

log = logging.getLogger(__name__)

# What a run did is committed within this time, also without a checkpoint.
SOON_SECONDS = 0.01

Commit = Callable[[Pending], Awaitable[WorkerInstructions]]


class RunLog:
    """The events, checkpoints and writes of a run, always committed in their order.

    A superstep is one commit: its events, its writes and its checkpoint are pending when the graph
    asks for the checkpoint. Whether that flushes them is the checkpointer's to say; without it,
    what is pending is flushed soon, so that watchers see it and a crash repeats little.

    A node's completion is appended a moment before the graph hands in what the node wrote. A flush
    between the two leaves the completion, and all after it, to the next one: otherwise a node
    whose completion is stored could run again after a crash.

    `commit` writes what is pending and returns the worker's instructions, which are passed to
    `follow`; it raises TakenOver if another worker has the run. Where no caller waits for the
    write, `lose` is called instead.
    """

    def __init__(
        self,
        commit: Commit,
        follow: Callable[[WorkerInstructions], None],
        lose: Callable[[], None],
    ) -> None:
        self._commit, self._follow, self._lose = commit, follow, lose
        self._pending = Pending()
        # Completions whose writes are to come, and how many events and writes there were before.
        self._unwritten, self._before = 0, (0, 0)
        self._soon: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    def append(self, event: RunEvent) -> None:
        """Append an event; it is committed soon."""
        # Bodies are stored a turn or an item at a time.
        if event.kind is EventKind.NODE_COMPLETED and not event.path:
            if not self._unwritten:
                self._before = len(self._pending.events), len(self._pending.writes)
            self._unwritten += 1
        self._pending.events.append(event)
        self._flush_soon()

    def write(self, encode: Callable[[], Sequence[CheckpointValues]]) -> None:
        """Keep what a task of the graph wrote; it is committed soon."""
        self._pending.writes.append(encode)
        self._unwritten = max(0, self._unwritten - 1)
        self._flush_soon()

    def hold(self, encode: Callable[[], CheckpointValues]) -> None:
        """Keep a checkpoint; it is committed with what follows."""
        self._pending.checkpoints.append(encode)
        self._unwritten = 0

    async def flush(self, *, is_whole: bool = True) -> None:
        """Commit what is pending, or as much of it as has its writes."""
        async with self._lock:
            self._stop_timer()
            pending = self._take(is_whole)
            if pending == _NOTHING and not is_whole:
                return
            try:
                instructions = await self._commit(pending)
            except Exception:
                pending.put_before(self._pending)
                raise
        self._follow(instructions)

    async def close(self) -> Pending:
        """Stop committing; return what is not committed yet."""
        async with self._lock:
            self._stop_timer()
            return self._take(is_whole=True)

    def _take(self, is_whole: bool) -> Pending:
        taken, self._pending = self._pending, Pending()
        if self._unwritten and not is_whole:
            events, writes = self._before
            later, written = taken.events[events:], taken.writes[writes:]
            self._pending = Pending(later, writes=written, unsure=taken.unsure)
            del taken.events[events:], taken.writes[writes:]
            self._flush_soon()
        self._unwritten = 0
        return taken

    def _stop_timer(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None

    def _flush_soon(self) -> None:
        if self._soon is None:
            loop = asyncio.get_running_loop()
            self._soon = loop.call_later(SOON_SECONDS, self._flush_now)

    def _flush_now(self) -> None:
        self._soon = None
        self._flushing = asyncio.create_task(self._flush_alone())

    async def _flush_alone(self) -> None:
        try:
            if self._pending != _NOTHING:
                await self.flush(is_whole=False)
        except TakenOver:
            self._lose()
        except DATABASE_PROBLEMS as problem:
            # The next flush tries again, and there is one with the next checkpoint.
            log.warning("what a run did could not be written: %s", type(problem).__name__)


_NOTHING = Pending()
