"""Who is told that something has happened to a run? Whoever watches it in this process."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol


class Told(Protocol):
    """Who wants to know of every run."""

    def changed(self, run_id: str, is_urgent: bool) -> None:
        """Something has happened to a run; if it is urgent, to all of it."""
        ...

    def look_at_all(self) -> None:
        """Something may have happened to any run."""
        ...


class Watchers:
    """Tells those that watch a run to look again; what happened stands in the store alone."""

    def __init__(self) -> None:
        self._watching: defaultdict[str, dict[asyncio.Event, bool]] = defaultdict(dict)
        self._told: list[Told] = []

    def tell(self, told: Told) -> None:
        """Tell somebody of every run."""
        self._told.append(told)

    def missed(self) -> None:
        """Say that something may have happened of which nobody was told."""
        for told in self._told:
            told.look_at_all()
        for events in self._watching.values():
            for event in events:
                event.set()

    def changed(self, run_id: str, is_urgent: bool) -> None:
        """Tell those that watch this run; some want to know only of what is urgent."""
        for event, only_urgent in self._watching.get(run_id, {}).items():
            if is_urgent or not only_urgent:
                event.set()
        for told in self._told:
            told.changed(run_id, is_urgent)

    @contextmanager
    def watching(self, run_id: str, *, only_urgent: bool = False) -> Iterator["Watch"]:
        """Watch a run; what happens from now on is not missed."""
        event = asyncio.Event()
        self._watching[run_id][event] = only_urgent
        try:
            yield Watch(event)
        finally:
            del self._watching[run_id][event]
            if not self._watching[run_id]:
                del self._watching[run_id]


class Watch:
    """One watcher of one run."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def changed(self, seconds: float) -> None:
        """Wait until something has happened since the last time, for some seconds at the most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()
