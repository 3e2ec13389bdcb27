"""The writer: it commits what runs did, everything that several runs have ready at once together.

An example. Run A has ended a superstep and asks for a commit: the writer's thread takes A's batch
and begins a transaction. Meanwhile runs B, C and D ask, too; the next transaction has all three.
C was cancelled in between: its update matches no row, so C gets TakenOver, and the transaction
has what B and D did. If the transaction itself fails, each batch is tried again in one of its own,
so that a batch that cannot be written holds up no other. It may have been committed all the same,
if the connection was lost then: events that the database has are not written again.

The writer has a thread of its own, which takes what runs have when it is due: the event loop can be
busy with other runs for longer than that. When it falls behind, runs wait for it, so that a crash
repeats little.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import NamedTuple, Protocol

from flowc.server.store.database import DATABASE_PROBLEMS, Database
from flowc.server.store.runs.batches import (
    Batch,
    BatchStatements,
    WorkerInstructions,
    is_urgent,
)

# What a run did is committed within this time, also if it asks for no commit.
SOON_SECONDS = 0.014
# The writer is behind while more events than this wait for their commit.
_MOST_EVENTS = 64
# After this time, what could not be written is tried again.
_AGAIN_SECONDS = 0.5


class TakenBatch(NamedTuple):
    """A batch that the writer has taken from a source, and those who wait for its commit."""

    source: "BatchSource"
    batch: Batch
    waiting: Sequence["asyncio.Future[WorkerInstructions]"] = ()


class BatchSource(Protocol):
    """Has batches to commit: the log of a run at work, for example.

    `size` is how many events wait.
    """

    @property
    def size(self) -> int: ...

    def take(self) -> TakenBatch | None:
        """Return what is to be committed now, in the writer's thread; None if there is nothing."""
        ...

    def take_back(self, taken: TakenBatch) -> None:
        """Keep what could not be written, in the writer's thread, before it takes anything else."""
        ...

    def written(self, result: WorkerInstructions | Exception) -> None:
        """Learn how a commit that no one waits for ended, in the event loop."""
        ...


class Writer:
    """Commits what the runs of this process did, one transaction after the other; close it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements = BatchStatements(database.dialect)
        self._loop = asyncio.get_running_loop()
        # Sources with something to commit, and when that is due.
        self._due: dict[BatchSource, float] = {}
        # How many events are being committed, and who waits until the writer has caught up.
        self._size = 0
        self._held: deque[asyncio.Future[None]] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="flowc-writer", daemon=True)
        self._thread.start()

    def soon(self, source: BatchSource, seconds: float = SOON_SECONDS) -> None:
        """Commit what a source has, within some seconds."""
        # At the end, a source that keeps something back would come again and again.
        is_over = self._is_closing and threading.current_thread() is self._thread
        if is_over or source in self._due:
            return
        with self._changed:
            self._due.setdefault(source, time.monotonic() + seconds)
            self._changed.notify()

    def now(self, source: BatchSource) -> None:
        """Commit what a source has, at once."""
        with self._changed:
            self._due[source] = 0.0
            self._changed.notify()

    async def commit(self, batch: Batch, *, soon: bool = False) -> WorkerInstructions:
        """Commit a batch, at once or soon; raise TakenOver, HasAudience, or a database's error."""
        done: asyncio.Future[WorkerInstructions] = self._loop.create_future()
        (self.soon if soon else self.now)(_Single(batch, done))
        # What is handed in is written, even if the caller goes away.
        return await asyncio.shield(done)

    @property
    def is_behind(self) -> bool:
        """Whether no node should begin, because too many events wait for their commit."""
        return self._room < 0

    @property
    def _room(self) -> int:
        return _MOST_EVENTS - self._size - sum(source.size for source in list(self._due))

    def turn(self) -> Awaitable[None]:
        """Return what ends after the next commits, when it is the caller's turn to look again."""
        held = self._loop.create_future()
        self._held.append(held)
        return held

    def _release(self, most: int) -> None:
        """Release those who waited for this commit, while there is room: each appends an event."""
        count = min(most, self._room + 1, len(self._held))
        if count <= 0:
            return
        for _ in range(count):
            held = self._held.popleft()
            if not held.done():
                held.set_result(None)
        # The released may have appended nothing, so that there is still room.
        self._loop.call_soon(self._release, most - count)

    def close(self) -> None:
        """Commit what is there, and end the thread."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while (sources := self._next()) is not None:
            group = [taken for source in sources if (taken := source.take()) is not None]
            self._size = sum(len(taken.batch.events) for taken in group)
            if group:
                self._write(group)

    def _next(self) -> Sequence[BatchSource] | None:
        """Wait until a commit is due; return all that have something, or None at the end."""
        with self._changed:
            while not self._is_closing:
                left = min(self._due.values(), default=threading.TIMEOUT_MAX) - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            sources, self._due = list(self._due), {}
            return sources or (None if self._is_closing else [])

    def _write(self, group: Sequence[TakenBatch]) -> None:
        batches = [taken.batch for taken in group]
        try:
            results: Sequence[WorkerInstructions | Exception] = self._database.transact(
                lambda driver: self.statements.write(driver, batches)
            )
        except Exception as problem:
            if len(group) > 1:
                for taken in group:
                    taken.batch.pending.unsure = True
                    self._write([taken])
                return
            results = [problem]
        for taken, result in zip(group, results, strict=True):
            taken.batch.values.settle(is_stored=not isinstance(result, Exception))
            if isinstance(result, Exception):
                taken.source.take_back(taken)
                is_lost = not isinstance(result, DATABASE_PROBLEMS) or self._is_closing
                if not (is_lost or taken.waiting):
                    self.soon(taken.source, _AGAIN_SECONDS)
        self._size = 0
        self._loop.call_soon_threadsafe(self._announce, group, results)

    def _announce(
        self, group: Sequence[TakenBatch], results: Sequence[WorkerInstructions | Exception]
    ) -> None:
        """Tell those who wait for commits, and publish what is committed; in the event loop."""
        self._release(len(self._held))
        for taken, result in zip(group, results, strict=True):
            for done in taken.waiting:
                _settle(done, result)
            if not (taken.waiting and isinstance(result, Exception)):
                taken.source.written(result)
            if not isinstance(result, Exception):
                self._publish(taken.batch)

    def _publish(self, batch: Batch) -> None:
        """Publish what is committed; what an earlier attempt committed was not published then."""
        if batch.events or batch.pending.unsure:
            is_at_once = batch.pending.unsure or is_urgent(batch.events)
            self._database.publish(batch.run_id, is_at_once)
        if batch.about is not None:
            self._database.report(batch.about, batch.events)


class _Single:
    """A batch by itself."""

    size = 0

    def __init__(self, batch: Batch, done: "asyncio.Future[WorkerInstructions]") -> None:
        self._batch, self._done = batch, done

    def take(self) -> TakenBatch | None:
        return TakenBatch(self, self._batch, [self._done])

    def take_back(self, taken: TakenBatch) -> None:
        """Do nothing: the caller decides whether to try again."""

    def written(self, result: WorkerInstructions | Exception) -> None:
        """Do nothing: the result is awaited."""


def _settle(
    done: "asyncio.Future[WorkerInstructions]", result: WorkerInstructions | Exception
) -> None:
    if done.done():
        return
    if isinstance(result, Exception):
        done.set_exception(result)
        # Read here, too: the caller may have gone away.
        done.exception()
    else:
        done.set_result(result)
