"""Alarms: what waits for a time is continued at that moment, and not at the queue's next poll."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from flowc.server.store.database import DATABASE_PROBLEMS

# What waits for longer is left to the queue, which is late by a poll or two.
_MOST_SECONDS = 600.0

Expire = Callable[[str], Awaitable[None]]


class Alarms:
    """Looks at interrupts when their time is over, as long as this process lives; close it.

    The queue does so, too, a little later, and then finds the interrupt answered.
    """

    def __init__(self, expire: Expire) -> None:
        self._expire = expire
        self._set: dict[str, asyncio.TimerHandle] = {}
        self._looking: set[asyncio.Task[None]] = set()

    def set(self, interrupt_id: str, seconds: float) -> None:
        """Look at an interrupt after some seconds."""
        if seconds <= _MOST_SECONDS:
            loop = asyncio.get_running_loop()
            self._set[interrupt_id] = loop.call_later(seconds, self._look, interrupt_id)

    def close(self) -> None:
        """Look at nothing more."""
        for handle in self._set.values():
            handle.cancel()
        for looking in self._looking:
            looking.cancel()

    def _look(self, interrupt_id: str) -> None:
        del self._set[interrupt_id]
        looking = asyncio.create_task(self._expired(interrupt_id))
        self._looking.add(looking)
        looking.add_done_callback(self._looking.discard)

    async def _expired(self, interrupt_id: str) -> None:
        # If the database fails now, the queue still has the errand.
        with suppress(*DATABASE_PROBLEMS):
            await self._expire(interrupt_id)
