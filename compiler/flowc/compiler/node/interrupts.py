"""Interrupts: what a run waits for, be it a person, a signal, a moment or a breakpoint.

A node that waits ends its run there, and nothing of the run stays in memory. Once there is an
answer, the node runs again from its beginning, asks the same under the same id, and gets it:

    context.wait_for(Ask("human", {"question": "Send it?"}))    raises Interrupted, with an id
    … a person answers …
    context.wait_for(Ask("human", {"question": "Send it?"}))    the same id: returns the Answer
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

# In seconds. To suspend a run and resume it takes longer than a shorter wait.
SHORT = 2.0

InterruptKind = Literal["human", "signal", "timer", "breakpoint"]


class Ask(NamedTuple):
    """What a node waits for; `data` is plain JSON for the person or service that answers.

    `seconds` is the longest time to wait; a timer always waits that long. A node that asks for
    several things in no fixed order gives each a `turn`, which tells it apart from the others.
    """

    kind: InterruptKind
    data: Mapping[str, Any] = MappingProxyType({})
    seconds: float | None = None
    turn: str | None = None


class Answer(NamedTuple):
    """The answer to an interrupt; `is_late` means that its time ran out before there was one.

    `moment` is when it came, where that is known.
    """

    value: Any = None
    is_late: bool = False
    moment: datetime | None = None


class Interrupt(NamedTuple):
    """A node that waits; `id` is unique, and the same when the node asks again."""

    id: str
    node_id: str
    path: str
    ask: Ask

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        kind, data, seconds, _ = self.ask
        where = {"id": self.id, "node_id": self.node_id, "path": self.path}
        return {**where, "kind": kind, "data": dict(data), "seconds": seconds}


class Interrupted(Exception):
    """The node and everything around it stop here until there is an answer."""

    def __init__(self, *interrupts: Interrupt) -> None:
        self.interrupts = interrupts
        super().__init__(", ".join(interrupt.node_id for interrupt in interrupts))


WaitFor = Callable[[Ask], Awaitable[Answer]]


class NoOneToAsk(Exception):
    """The node asks a question where there is no one to answer it."""


async def wait_here(ask: Ask) -> Answer:
    """Wait for a timer in this process; raise NoOneToAsk for anything else."""
    if ask.kind != "timer" or ask.seconds is None:
        raise NoOneToAsk(f"The node waits for a {ask.kind}, and no one can answer here.")
    await asyncio.sleep(ask.seconds)
    return Answer()


def interrupt_id(place: str, turn: int | str) -> str:
    """Return the id of the n-th thing that a node asks at this place in its run, or of a turn."""
    return hashlib.sha256(f"{place}?{turn}".encode()).hexdigest()[:32]
