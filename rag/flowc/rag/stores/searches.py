"""Tracks the running searches, so that a change can wait for those that it would disturb."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Searches:
    """The searches of one process."""

    def __init__(self) -> None:
        self._running: set[asyncio.Event] = set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count a search as running."""
        over = asyncio.Event()
        self._running.add(over)
        try:
            yield
        finally:
            self._running.remove(over)
            over.set()

    async def over(self) -> None:
        """Wait until the searches that run now are over; later ones may continue."""
        for search in tuple(self._running):
            await search.wait()
