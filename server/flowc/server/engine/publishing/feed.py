"""The events of all runs as they are committed, for clients that watch many runs at once.

A feed begins with now: what is to be read of the past is in the runs. Its reader asks the store
once for each run with new events, however many subscribers there are. A subscriber that does not
read loses events, and receives how many; it then reads the runs again.
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flowc.server.engine.publishing.watchers import Watchers
from flowc.server.records.run_events import RunEvent, weight
from flowc.server.records.times import now
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.published_runs import PublishedRun, PublishedRuns

log = logging.getLogger(__name__)

# Characters of the events that wait for one subscriber; more are missed.
_MOST = 2_000_000
_BATCH = 200
_LOOK_SECONDS = 2.0
# An event gets its time before it is committed, and maybe by another machine's clock.
_EARLIER = timedelta(seconds=1)
# Runs whose last event the reader remembers.
_REMEMBERED = 10_000


class FedEvent(NamedTuple):
    """An event, and the run that it is of."""

    run: PublishedRun
    event: RunEvent

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form; `type` is the kind, as clients of other engines call it."""
        about = {"workflow_id": self.run.workflow_id, "run_id": self.run.id}
        return {**about, "type": self.event.kind, **self.event.as_json()}


class Missed(NamedTuple):
    """Events were not sent: some number of them, or None if that is not known."""

    number: int | None


@dataclass(eq=False)
class Subscriber:
    """One who watches the runs of a tenant, or of one workflow; only events of some `kinds`."""

    tenant: str
    workflow_id: str | None = None
    kinds: Collection[str] = ()
    waiting: deque[FedEvent] = field(default_factory=deque)
    weight: int = 0
    missed: Missed | None = None
    since: datetime = field(default_factory=lambda: now() - _EARLIER)
    key: str = field(default_factory=lambda: f"feed {uuid.uuid4()}")

    def wants(self, run: PublishedRun) -> bool:
        """Return whether a run is one of those watched."""
        return self.tenant == run.tenant and self.workflow_id in {None, run.workflow_id}

    def add(self, fed: FedEvent) -> None:
        """Let an event wait, or count it as missed."""
        if fed.event.at < self.since or (self.kinds and fed.event.kind not in self.kinds):
            return
        size = weight(fed.event.data, _MOST)
        if self.missed is not None or (self.waiting and self.weight + size > _MOST):
            self.miss(1)
        else:
            self.weight += size
            self.waiting.append(fed)

    def miss(self, count: int | None) -> None:
        """Count events as missed; those before them are sent first."""
        before = self.missed.number if self.missed is not None else 0
        self.missed = Missed(None if count is None or before is None else before + count)

    def taken(self) -> list[FedEvent | Missed]:
        """Return what waits, and last what was missed."""
        found: list[FedEvent | Missed] = [*self.waiting]
        if self.missed is not None:
            found.append(self.missed)
        self.waiting.clear()
        self.weight, self.missed = 0, None
        return found


class Feed:
    """Reads the events of runs for subscribers, while there are any; `watch` runs forever."""

    def __init__(self, runs: PublishedRuns, watchers: Watchers) -> None:
        self._runs, self._watchers = runs, watchers
        self._subscribers: set[Subscriber] = set()
        # The runs to read, and the numbers of the last events of those read.
        self._changed: dict[str, None] = {}
        self._last: dict[str, int] = {}
        self._is_some = asyncio.Event()

    def published(self, run_id: str, is_urgent: bool) -> None:
        """Read a run's new events soon, if there is a subscriber."""
        if self._subscribers:
            self._changed[run_id] = None
            self._is_some.set()

    def look_at_all(self) -> None:
        """Count events as missed for all subscribers; their number is not known."""
        for each in self._subscribers:
            each.miss(None)
            self._watchers.wake(each.key)

    async def events(self, subscriber: Subscriber) -> AsyncIterator[FedEvent | Missed]:
        """Yield events from now on; raise ServerStops when the process stops."""
        with self._subscribed(subscriber), self._watchers.watching(subscriber.key) as watch:
            while True:
                for each in subscriber.taken():
                    yield each
                if not subscriber.waiting and subscriber.missed is None:
                    await watch.wait(_LOOK_SECONDS)

    @contextmanager
    def _subscribed(self, subscriber: Subscriber) -> Iterator[None]:
        self._subscribers.add(subscriber)
        try:
            yield
        finally:
            self._subscribers.discard(subscriber)
            if not self._subscribers:
                self._changed.clear()
                self._last.clear()

    async def watch(self) -> None:
        """Read the runs that have changed, forever."""
        while True:
            await self._is_some.wait()
            self._is_some.clear()
            while self._changed:
                run_id = next(iter(self._changed))
                del self._changed[run_id]
                try:
                    await self._read(run_id)
                except DATABASE_PROBLEMS as problem:
                    log.warning("events are not read: %s", type(problem).__name__)
                    self.look_at_all()

    async def _read(self, run_id: str) -> None:
        run = await self._runs.find(run_id)
        wanting = [each for each in self._subscribers if run is not None and each.wants(run)]
        if run is None or not wanting:
            return
        after = self._last.pop(run_id, None)
        if after is None:
            after = await self._first(run, min(each.since for each in wanting))
        while events := await self._runs.events(run_id, after, _BATCH):
            after = events[-1].number
            for event in events:
                for each in wanting:
                    each.add(FedEvent(run, event))
        self._last[run_id] = after
        if len(self._last) > _REMEMBERED:
            self._last.pop(next(iter(self._last)))
        for each in wanting:
            self._watchers.wake(each.key)

    async def _first(self, run: PublishedRun, since: datetime) -> int:
        """Return the number before a run's first event since some time."""
        after = run.last
        while after > 0:
            before = max(after - _BATCH, 0)
            old = await self._runs.events(run.id, before, after - before)
            is_new = [event.at >= since for event in old]
            after = before
            if not all(is_new):
                return before + is_new.index(True) if any(is_new) else before + len(old)
        return after
