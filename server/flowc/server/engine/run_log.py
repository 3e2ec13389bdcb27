"""The log of a run at work: what it did since its last commit."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Sequence

from flowc.compiler.running.events import EventKind
from flowc.server.records.run_events import RunEvent
from flowc.server.records.run_facts import RunFacts
from flowc.server.store.checkpoints import CheckpointValues
from flowc.server.store.runs.batches import (
    Batch,
    Pending,
    RunEnd,
    TakenOver,
    TaskWrites,
    WorkerInstructions,
)
from flowc.server.store.runs.claims import Claim
from flowc.server.store.runs.writer import TakenBatch, Writer
from flowc.server.store.values import Values

# No node begins while an event of its run is pending for longer.
_LATE_SECONDS = 0.016

log = logging.getLogger(__name__)


class RunLog:
    """The events, checkpoints and writes of a run, always committed in their order.

    A superstep is one commit: its events, its writes and its checkpoint are pending when the graph
    asks for the checkpoint. Whether that flushes them is the checkpointer's to say; without it,
    the writer takes what is pending soon, so that watchers see it and a crash repeats little.

    A node's completion is appended a moment before the graph hands in what the node wrote. Until
    then, the completion and all after it is left to later commits: otherwise a node could run again
    after a crash although its completion is stored.

    The `values` of the run are parted from what it did when that is written.

    The worker's instructions, which each commit returns, are passed to `follow`. If another worker
    has the run and no caller waits for the commit, `lose` is called.
    """

    def __init__(
        self,
        writer: Writer,
        claim: Claim,
        follow: Callable[[WorkerInstructions], None],
        lose: Callable[[], None],
    ) -> None:
        self._writer, self._claim = writer, claim
        self._follow, self._lose = follow, lose
        # The writer's thread takes what is pending.
        self._lock = threading.Lock()
        self._pending = Pending()
        # When the oldest event was appended that is pending, and that is being committed.
        self._since: float | None = None
        self._taken_since: float | None = None
        self._written: asyncio.Future[None] | None = None
        self.values = Values()
        self._end: RunEnd | None = None
        # Completions whose writes are to come; all of them are pending.
        self._unwritten: list[RunEvent] = []
        # Whether the next commit has them nevertheless: the graph has stopped.
        self._is_whole = False
        self._waiting: list[asyncio.Future[WorkerInstructions]] = []

    @property
    def is_new(self) -> bool:
        """Whether the run itself is not stored yet."""
        return not self._claim.is_stored

    @property
    def size(self) -> int:
        """How many events are pending."""
        return len(self._pending.events)

    def append(self, event: RunEvent) -> None:
        """Append an event; it is committed soon."""
        with self._lock:
            if self._since is None:
                self._since = time.monotonic()
            # Bodies are stored a turn or an item at a time.
            if event.kind is EventKind.NODE_COMPLETED and not event.path:
                self._unwritten.append(event)
            self._pending.events.append(event)
        self._writer.soon(self)

    def write(
        self, encode: Callable[[], Sequence[CheckpointValues]], nodes: Collection[str] = ()
    ) -> None:
        """Keep what a task of the graph wrote, the outcomes of some nodes; it is committed soon."""
        with self._lock:
            ended = [event for name in nodes if (event := self._written_of(name)) is not None]
            self._pending.writes.append(TaskWrites(encode, ended))
        self._writer.soon(self)

    def _written_of(self, node_id: str) -> RunEvent | None:
        """Return a node's first completion whose writes were to come, and which come now."""
        for place, event in enumerate(self._unwritten):
            if event.node_id == node_id:
                return self._unwritten.pop(place)
        return None

    def hold(self, encode: Callable[[], CheckpointValues]) -> None:
        """Keep a checkpoint; it is committed with what follows."""
        with self._lock:
            self._pending.checkpoints.append(encode)
            self._unwritten.clear()

    def hold_up(self) -> Awaitable[None] | None:
        """Return what to wait for if commits do not keep up with this run or with all, or None."""
        return self._catch_up() if self._is_late or self._writer.is_behind else None

    @property
    def _is_late(self) -> bool:
        since = self._taken_since or self._since
        return since is not None and time.monotonic() - since > _LATE_SECONDS

    async def _catch_up(self) -> None:
        while self._is_late or self._writer.is_behind:
            self._writer.now(self)
            await (self._next_commit() if self._is_late else self._writer.turn())

    def _next_commit(self) -> Awaitable[None]:
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._written)

    async def flush(self, end: RunEnd | None = None) -> None:
        """Commit what is pending, and with it perhaps the end of the run.

        Raises TakenOver, HasAudience, or what the database raises.
        """
        await self._committed(end, is_whole=True)

    async def look(self) -> None:
        """Commit what can be, while nodes are at work; pass the instructions on.

        Raises TakenOver, or what the database raises.
        """
        await self._committed(None, is_whole=False)

    async def _committed(self, end: RunEnd | None, *, is_whole: bool) -> None:
        done: asyncio.Future[WorkerInstructions] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append(done)
            # A look, which has no end, may come between.
            self._end, self._is_whole = end or self._end, is_whole or self._is_whole
        self._writer.now(self)
        # What is handed in is written, even if the caller goes away.
        await asyncio.shield(done)

    def take(self) -> TakenBatch | None:
        """Return what is pending, and who waits for it."""
        with self._lock:
            pending = self._ready()
            if pending == _NOTHING and not self._waiting:
                return None
            waiting, self._waiting = self._waiting, []
            end, self._end = self._end, None
        claim = self._claim
        batch = Batch(claim.run.id, claim.tenant, claim.epoch, pending, self.values, end=end)
        batch.about = RunFacts.of(claim.run, claim.tenant)
        return TakenBatch(self, batch, waiting)

    def _ready(self) -> Pending:
        """Take what is pending; unless the graph has stopped, without what still has no writes."""
        ready, self._pending = self._pending, Pending()
        since, self._since = self._since, None
        if self._is_whole:
            self._unwritten.clear()
            self._is_whole = False
        elif self._unwritten:
            self._pending = ready.split_before(self._unwritten[0])
            self._since = time.monotonic()
            self._writer.soon(self)
        self._taken_since = since if ready.events else None
        return ready

    def take_back(self, taken: TakenBatch) -> None:
        """Keep what could not be written, before what was done later."""
        with self._lock:
            taken.batch.pending.put_before(self._pending)
            self._since, self._taken_since = self._taken_since, None

    def written(self, result: WorkerInstructions | Exception) -> None:
        """Follow the instructions; stop the run if it is another worker's."""
        if self._written is not None:
            self._written.set_result(None)
            self._written = None
        if isinstance(result, WorkerInstructions):
            self._taken_since = None
            self._follow(result)
        elif isinstance(result, TakenOver):
            self._lose()
        else:
            log.warning("what a run did could not be written: %s", type(result).__name__)


_NOTHING = Pending()
