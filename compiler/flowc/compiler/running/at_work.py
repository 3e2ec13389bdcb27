"""The nodes of a region that are to start, at work, or wait."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field

from flowc.compiler.node.interrupts import Interrupt
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.waits import OpenInterrupts


@dataclass(frozen=True)
class Withdrawn:
    """What a node did when it was cancelled: it was at work, or it `waited` for these."""

    was_busy: bool
    was_at_work: bool
    waited: tuple[Interrupt, ...]


@dataclass
class AtWork:
    """The nodes of a region that are `ready`, at work in `tasks`, or wait; `busy` are all of them.

    A node that is woken while it is busy is in `again`, and is woken once more when it has
    finished. `ending` are tasks that were cancelled and may still clean up.
    """

    ready: list[PlannedNode] = field(default_factory=list)
    tasks: dict[asyncio.Task[None], PlannedNode] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    again: set[str] = field(default_factory=set)
    ending: set[asyncio.Task[None]] = field(default_factory=set)
    waits: OpenInterrupts = field(default_factory=OpenInterrupts)

    def add(self, node: PlannedNode) -> None:
        """Make a node ready."""
        self.busy.add(node.id)
        self.ready.append(node)

    def take_single(self) -> PlannedNode | None:
        """Return the ready node if nothing else is at work, and no time can be over meanwhile."""
        if len(self.ready) == 1 and not self.tasks and not self.waits.is_timed:
            return self.ready.pop()
        return None

    def start(self, work: Coroutine[None, None, None], node: PlannedNode) -> None:
        """Start the work of a node as a task."""
        self.tasks[asyncio.create_task(work)] = node

    async def next(self) -> list[tuple[PlannedNode, BaseException | None]]:
        """Return the nodes that have ended and what broke them, when one has or a time is over."""
        done, _ = await asyncio.wait(
            self.tasks, timeout=self.waits.seconds_left(), return_when=asyncio.FIRST_COMPLETED
        )
        ended = [(self.tasks.pop(task), _problem(task)) for task in done if task in self.tasks]
        return ended

    @property
    def is_cancelled(self) -> bool:
        """Whether the current task is one that was cancelled."""
        return asyncio.current_task() in self.ending

    def cancel(self, node: PlannedNode) -> Withdrawn:
        """Let a node not start, end its work, or wait no more."""
        was_busy, waited = node.id in self.busy, self.waits.drop(node.id)
        working = [task for task, each in self.tasks.items() if each is node and not task.done()]
        # One that waits is about to end by itself.
        working = [] if waited or not was_busy else working
        for task in working:
            del self.tasks[task]
            self.ending.add(task)
            task.cancel()
        if node in self.ready:
            self.ready.remove(node)
        self.busy.discard(node.id)
        self.again.discard(node.id)
        return Withdrawn(was_busy, bool(working), waited)

    def begun(self) -> Iterable[str]:
        """Return the nodes that are at work or wait, and are not only ready."""
        return self.busy - {node.id for node in self.ready}

    async def end(self) -> None:
        """Cancel all that is at work, and wait until it has ended."""
        for task in self.tasks:
            task.cancel()
        # A cancelled node must not continue after its region has ended.
        await asyncio.gather(*self.tasks, *self.ending, return_exceptions=True)


def _problem(task: "asyncio.Task[None]") -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()
