"""The watchers of runs in this process, and how a committed event wakes them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from flowc.server.records.refused import Refused


class ServerStops(Refused):
    """The server stops while a client waits for a run, which continues without it."""

    run_id = ""

    @property
    def details(self) -> Sequence[Any]:
        """The run."""
        return [{"run_id": self.run_id}]

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"The server stops. The run {run_id!r} ends or continues later: ask for it again."
        )


class RunListener(Protocol):
    """Watches every run, as the worker of this process does."""

    def published(self, run_id: str, is_urgent: bool) -> None:
        """React to events of a run; urgent ones end the run's work or change how it continues."""
        ...

    def look_at_all(self) -> None:
        """Look at every run: events may have been missed."""
        ...


class Watchers:
    """Wakes those that watch a run when it has new events; they read the events from the store."""

    def __init__(self) -> None:
        self._watching: defaultdict[str, dict[asyncio.Event, bool]] = defaultdict(dict)
        self._listeners: list[RunListener] = []
        self._is_closed = False

    def add(self, listener: RunListener) -> None:
        """Publish the events of all runs to a listener."""
        self._listeners.append(listener)

    def publish(self, run_id: str, is_urgent: bool) -> None:
        """Wake those that watch this run; some wait for urgent events only."""
        self.wake(run_id, is_urgent=is_urgent)
        for listener in self._listeners:
            listener.published(run_id, is_urgent)

    def wake(self, key: str, *, is_urgent: bool = True) -> None:
        """Wake those that watch one thing: a run, or a feed of many."""
        for event, only_urgent in self._watching.get(key, {}).items():
            if is_urgent or not only_urgent:
                event.set()

    def missed(self) -> None:
        """Wake all: events may have been committed that were not published here."""
        for listener in self._listeners:
            listener.look_at_all()
        for events in self._watching.values():
            for event in events:
                event.set()

    def close(self) -> None:
        """Wake all, and let no one wait any longer: the process stops."""
        self._is_closed = True
        for events in self._watching.values():
            for event in events:
                event.set()

    @property
    def is_closed(self) -> bool:
        """Whether no one can wait for a run any longer."""
        return self._is_closed

    @property
    def count(self) -> int:
        """How many watch a run."""
        return sum(len(events) for events in list(self._watching.values()))

    @contextmanager
    def watching(self, run_id: str, *, only_urgent: bool = False) -> Iterator["Watch"]:
        """Watch a run; no event that is published from now on is missed."""
        event = asyncio.Event()
        self._watching[run_id][event] = only_urgent
        try:
            yield Watch(self, run_id, event)
        finally:
            del self._watching[run_id][event]
            if not self._watching[run_id]:
                del self._watching[run_id]


class Watch:
    """One watcher of one run."""

    def __init__(self, watchers: Watchers, run_id: str, event: asyncio.Event) -> None:
        self._watchers, self._run_id, self._event = watchers, run_id, event

    async def wait(self, seconds: float) -> None:
        """Wait until something was published since the last call, for at most some seconds.

        Raises ServerStops if the process stops, before it and while it waits.
        """
        if self._watchers.is_closed:
            raise ServerStops(self._run_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()
