"""What comes of what a run of a test waits for: time, people, signals?"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flowc.compiler.node.interrupts import Answer, Ask, NobodyToAsk
from flowc.nodes.people.human import as_answer

# How long all has to be quiet, in real seconds, before time goes on.
_QUIET = 0.01


class World:
    """A clock that stands until all wait, and people and signals whose answers are known."""

    def __init__(
        self, clock: datetime, answers: Mapping[str, Any], signals: Mapping[str, Any]
    ) -> None:
        self._now, self._answers, self._signals = clock, answers, signals
        self._waiting: list[tuple[datetime, int]] = []
        self._count = 0

    def now(self) -> datetime:
        """Return the time."""
        return self._now

    async def wait_for(self, ask: Ask) -> Answer:
        """Return what comes of a question; raise NobodyToAsk if the case does not say."""
        if ask.kind == "timer":
            await self._pass(ask.seconds or 0.0)
            return Answer()
        known = self._signals if ask.kind == "signal" else self._answers
        name = str(ask.data.get("signal" if ask.kind == "signal" else "title", ""))
        if name not in known:
            raise NobodyToAsk(f"The case has nothing to say to {name!r}.")
        if known[name] is None and ask.seconds is not None:
            await self._pass(ask.seconds)
            return Answer(is_late=True)
        return Answer(known[name] if ask.kind == "signal" else as_answer(known[name]))

    async def _pass(self, seconds: float) -> None:
        """Wait until it is this wait's turn: of several, the one that is over first."""
        self._count += 1
        mine = (self._now + timedelta(seconds=seconds), self._count)
        self._waiting.append(mine)
        try:
            while True:
                await asyncio.sleep(_QUIET)
                if min(self._waiting) == mine:
                    self._now = max(self._now, mine[0])
                    return
        finally:
            self._waiting.remove(mine)
