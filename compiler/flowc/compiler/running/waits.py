"""What the nodes of a region wait for, while others in it are at work.

A run rests only when nothing in it is at work, and only then a timer of the host begins. A timer
that races against other nodes cannot wait for that: it runs here, until the run rests.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from flowc.compiler.node import Outcome
from flowc.compiler.node.interrupts import Answer, Interrupt
from flowc.compiler.running.journal import Journal
from flowc.compiler.running.run_context import RunContext

# A node in a run: its path and its id.
WaitingPlace = tuple[str, str]


@dataclass
class OpenInterrupts:
    """The interrupts of waiting nodes, by node id, and when those that race are over."""

    interrupts: dict[str, tuple[Interrupt, ...]] = field(default_factory=dict)
    _due: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def is_timed(self) -> bool:
        """Whether the time of one of them can be over here."""
        return any(self._due.values())

    def add(self, name: str, interrupts: Iterable[Interrupt], waited: float | None = None) -> None:
        """Let a node wait; one that races is given the seconds that it has `waited` before."""
        self.interrupts[name] = asked = tuple(interrupts)
        if waited is not None:
            begun = asyncio.get_running_loop().time() - waited
            timed = ((each.id, each.ask.seconds) for each in asked)
            self._due[name] = {id: begun + most for id, most in timed if most is not None}

    def drop(self, name: str) -> tuple[Interrupt, ...]:
        """Let a node wait no more; return what it waited for."""
        self._due.pop(name, None)
        return self.interrupts.pop(name, ())

    def left(self) -> list[Interrupt]:
        """Return all that is waited for, with the time that is left of it."""
        return [
            self._with_time_left(name, each)
            for name in self.interrupts
            for each in self.interrupts[name]
        ]

    def seconds_left(self) -> float | None:
        """Return the seconds until the next of them is over; None if none is."""
        moments = [moment for due in self._due.values() for moment in due.values()]
        if not moments:
            return None
        return max(0.0, min(moments) - asyncio.get_running_loop().time())

    def over(self) -> Mapping[str, Mapping[str, Answer]]:
        """Return the answers of those whose time is over, by node and interrupt id."""
        now = asyncio.get_running_loop().time()
        return {
            name: {each.id: Answer(is_late=each.ask.kind != "timer") for each in found}
            for name, due in self._due.items()
            if (found := [i for i in self.interrupts[name] if due.get(i.id, now + 1) <= now])
        }

    def _with_time_left(self, name: str, asked: Interrupt) -> Interrupt:
        moment = self._due.get(name, {}).get(asked.id)
        if moment is None:
            return asked
        left = max(0.0, moment - asyncio.get_running_loop().time())
        return asked._replace(ask=asked.ask._replace(seconds=left))


def waited_before(run: RunContext, journal: Journal, key: str) -> float:
    """Return for how many seconds a node has waited, since it first did; `key` is its outcome's."""
    known = journal.recorded(f"{key}!waits")
    begun = run.now() if known is None else datetime.fromisoformat(known.output)
    journal.record(f"{key}!waits", Outcome(begun.isoformat()))
    return (run.now() - begun).total_seconds()


def answered_here(
    run: RunContext, interrupts: Iterable[Interrupt], answers: Mapping[str, Answer]
) -> RunContext:
    """Return the run with answers for nodes that waited in it, and that now run again."""
    waited = {place for each in interrupts for place in places_of(each)}
    return replace(run, answers={**run.answers, **answers}, waiting=run.waiting | waited)


def places_of(asked: Interrupt) -> Iterator[WaitingPlace]:
    """Yield the node that waits, after those whose bodies it is in.

    >>> from flowc.compiler.node.interrupts import Ask
    >>> list(places_of(Interrupt("1", "ask", "each#0/2/", Ask("human"))))
    [('', 'each'), ('each#0/2/', 'ask')]
    """
    path = ""
    for part in asked.path.split("/")[:-1]:
        if "#" in part:
            yield path, part.split("#")[0]
        path += f"{part}/"
    yield asked.path, asked.node_id
