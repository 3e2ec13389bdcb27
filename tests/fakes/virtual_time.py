"""An event loop whose time passes only while nothing else is left to do: a day takes no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop that begins at second 0, and whose clock jumps to the next timer."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now


class _Jumping(selectors.SelectSelector):
    """Lets time pass instead of waiting."""

    def __init__(self, loop: VirtualTime) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("Nothing is going to happen.")
        if not ready and timeout is not None:
            self._loop.now += timeout
        return ready


def in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    """Do the work in an event loop of its own, with virtual time."""
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return runner.run(work)


def now() -> float:
    """Return the second of the running event loop."""
    return asyncio.get_running_loop().time()
