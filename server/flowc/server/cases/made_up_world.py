"""Gives the run of a case the time, the answers and the signals that it waits for."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flowc.compiler.node.interrupts import Answer, Ask, NoOneToAsk
from flowc.nodes.people.human import as_answer

# Real seconds that the nodes at work get to ask for something before the clock moves on.
_QUIET = 0.01


class World:
    """A clock that moves only when the run waits, and the known answers and signals.

    Of several waits at once the shortest ends first, so days pass in the right order.
    """

    def __init__(
        self, clock: datetime, answers: Mapping[str, Any], signals: Mapping[str, Any]
    ) -> None:
        self._now, self._answers, self._signals = clock, answers, signals
        self._waiting: list[tuple[datetime, int]] = []
        self._count = 0

    def now(self) -> datetime:
        """Return the time on this clock."""
        return self._now

    async def wait_for(self, ask: Ask) -> Answer:
        """Return the answer or signal; raise NoOneToAsk if the case has none."""
        if ask.kind == "timer":
            await self._pass(ask.seconds or 0.0)
            return Answer()
        is_signal = ask.kind == "signal"
        known = self._signals if is_signal else self._answers
        name = str(ask.data.get("signal" if is_signal else "title", ""))
        if name not in known:
            raise NoOneToAsk(f"The case has no {'signal' if is_signal else 'answer'} {name!r}.")
        if known[name] is None and ask.seconds is not None:
            await self._pass(ask.seconds)
            return Answer(is_late=True)
        return Answer(known[name] if is_signal else as_answer(known[name]))

    async def _pass(self, seconds: float) -> None:
        """Move the clock to the end of this wait, once it is the one that ends first."""
        # The count orders waits that end at the same moment.
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
