"""What a node uses: the event of its end counts it, or an earlier one if the end is far or never.

Example: an agent asks its model three times, with slow tools between, and the process is killed
during the third call. Soon after the first and the second answer, `node.used` was emitted with what
they cost. So the run's usage has both, although the node has no end. When the run is resumed, the
answers are in the journal; their keys were in `node.used`, and they are not counted again.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from flowc.compiler.node.outcome import NodeUsage, total_usage
from flowc.compiler.running.event_data import ModelsData, NodeUsedData

# A node that is at work for longer after it used something says so before its end.
SOON_SECONDS = 0.05


class Spent:
    """What one execution of a node has used so far.

    `journaled` are the keys of results in the journal that used some of it.
    """

    __slots__ = (
        "_emit",
        "_emitted",
        "_in_work",
        "_keys",
        "_models",
        "_timer",
        "_usages",
        "journaled",
    )

    def __init__(self, emit: Callable[[NodeUsedData], None]) -> None:
        self._emit, self._emitted, self._usages = emit, 0, list[NodeUsage]()
        # The model of each usage, if it is of one.
        self._models: list[str | None] = []
        self._in_work, self._keys, self.journaled = list[str](), set[str](), set[str]()
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return bool(self._usages)

    def __len__(self) -> int:
        return len(self._usages)

    def add(self, usage: NodeUsage, model: str | None = None) -> None:
        """Add what was used, and emit it soon unless the node ends before."""
        self._usages.append(usage)
        self._models.append(model)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SOON_SECONDS, self.emit)

    def total(self, since: int = 0) -> dict[str, float]:
        """Return the sum of all usages but the first ones."""
        return total_usage(self._usages[since:])

    def name_models(self, data: ModelsData, since: int = 0) -> None:
        """Add to the data of an event which models all usages but the first ones are of."""
        names = self._models[since:]
        if not any(names):
            return
        if len(set(names)) == 1:
            data["model"] = str(names[0])
            return
        divided: dict[str, list[NodeUsage]] = {}
        for name, usage in zip(names, self._usages[since:], strict=True):
            if name is not None:
                divided.setdefault(name, []).append(usage)
        data["models"] = {name: total_usage(usages) for name, usages in divided.items()}

    def end(self) -> None:
        """Emit nothing more: the event of the node's end has it all."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def emit(self) -> None:
        """Emit what was used and is not emitted yet, if there is any."""
        self.end()
        if self._emitted == len(self._usages):
            return
        since = self._emitted
        data: NodeUsedData = {"usage": self.total(since)}
        self.name_models(data, since)
        self._emitted = len(self._usages)
        if keys := {*self._in_work, *self.journaled} - self._keys:
            self._keys |= keys
            data["keys"] = sorted(keys)
        self._emit(data)

    @contextmanager
    def working_on(self, key: str) -> Iterator[None]:
        """Note that what is used now will be in the journal under this key."""
        self._in_work.append(key)
        try:
            yield
        finally:
            self._in_work.remove(key)


def milliseconds_since(started: float) -> float:
    """Return the milliseconds since a value of `perf_counter`."""
    return round((perf_counter() - started) * 1000, 3)
