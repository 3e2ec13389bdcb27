"""Measures pieces of work side by side."""

import re
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Work = Callable[[], Awaitable[Any]]


@dataclass
class Row:
    """One comparison; `ratio` is ours over the rival's, `bar` the most that it may be."""

    work: str
    ours: float
    rival: float
    unit: str
    bar: float

    @property
    def ratio(self) -> float:
        return self.ours / self.rival if self.rival else float("inf")

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": round(self.ratio, 4), "ok": self.ratio <= self.bar}


async def measured(
    works: list[Work], repeats: int, clock: Callable[[], float] = time.process_time
) -> list[float]:
    """Return each work's median seconds, the works taking turns after a first round."""
    times: list[list[float]] = [[] for _ in works]
    for round_ in range(repeats + 1):
        for taken, work in zip(times, works, strict=True):
            started = clock()
            await work()
            if round_:
                taken.append(clock() - started)
    return [statistics.median(taken) for taken in times]


def peak_memory() -> float:
    """Return the peak memory of this process, in MB.

    Not from `getrusage`, which includes the memory of the process that started this one.
    """
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
