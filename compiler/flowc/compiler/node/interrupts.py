"""What does a run wait for that is not at work in it: a person, a signal, a moment?

At a breakpoint, it waits for whoever looks into it.

A node asks, and its run ends there until the answer has come: nothing of it stays in memory. Then
the node runs again from its beginning, asks the same under the same id, and is given the answer.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

InterruptKind = Literal["human", "signal", "timer", "breakpoint"]


class Ask(NamedTuple):
    """What a node waits for; `data` is plain JSON that says whom it asks, and what.

    `seconds` is how long it waits at the most; a timer waits for nothing else.
    """

    kind: InterruptKind
    data: Mapping[str, Any] = MappingProxyType({})
    seconds: float | None = None


class Answer(NamedTuple):
    """What has come of an interrupt; `is_late` says that its time was over before anything came."""

    value: Any = None
    is_late: bool = False


class Interrupt(NamedTuple):
    """A node that waits; `id` is the same whenever the node asks again, and no other's."""

    id: str
    node_id: str
    path: str
    ask: Ask

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        kind, data, seconds = self.ask
        where = {"id": self.id, "node_id": self.node_id, "path": self.path}
        return {**where, "kind": kind, "data": dict(data), "seconds": seconds}


class Interrupted(Exception):
    """A node's work ends with this until what it waits for is there; so does what is round it."""

    def __init__(self, *interrupts: Interrupt) -> None:
        self.interrupts = interrupts
        super().__init__(", ".join(interrupt.node_id for interrupt in interrupts))


WaitFor = Callable[[Ask], Awaitable[Answer]]


class NobodyToAsk(Exception):
    """Where nobody can be asked, a node that asks meets this."""


async def wait_here(ask: Ask) -> Answer:
    """Let time pass in this process; raise NobodyToAsk for all else."""
    if ask.kind != "timer" or ask.seconds is None:
        raise NobodyToAsk(f"Nobody can be asked here, and the node waits for a {ask.kind}.")
    await asyncio.sleep(ask.seconds)
    return Answer()


def interrupt_id(place: str, turn: int) -> str:
    """Return the id of what a node at this place in its run asks for the n-th time."""
    return hashlib.sha256(f"{place}?{turn}".encode()).hexdigest()[:32]
