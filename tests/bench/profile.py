"""Shows where a server spends its CPU time on a work: by package, by room, and by function."""

import re
import signal
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import arena, contestants, works
from bench.arena import Arena
from bench.contestants import AnswerRefused, Contestant
from bench.works import Work
from fakes.places import ROOT

WORKS: dict[str, Callable[[], Work]] = {
    "w1": works.chat,
    "w2": works.map_items,
    "w3": works.loop,
    "w4": lambda: works.chain(100),
    "zigzag": works.zigzag,
    "one": works.one,
}
FRAME = re.compile(r'  File "(.+)", line \d+ in (.+)')
ROOTS = tuple(f"{ROOT / part}/" for part in ("compiler", "nodes", "rag", "server", "tests"))
LIBRARY, PACKAGES = (f"{sysconfig.get_path(name)}/" for name in ("stdlib", "purelib"))
ROWS = 25
SAMPLES, ATTEMPTS = 800, 5
# Every stack of the main thread begins in them.
OUTSIDE = {"bench", "typer", "click", "uvicorn", "flowc.server.cli", "flowc.server.__main__"}


@dataclass(frozen=True)
class Frame:
    """A function on a stack."""

    module: str
    function: str

    @property
    def package(self) -> str:
        """The folder of flowc's, or the package of another library."""
        parts = self.module.split(".")
        return ".".join(parts[:3]) if parts[0] == "flowc" else parts[0]


Stack = list[Frame]


@dataclass(frozen=True)
class Target:
    """What is sampled: a work on flowc's server or on a rival, with SQLite or PostgreSQL."""

    work: Work
    server: str
    runs: int
    clients: int
    postgres: str | None


def profile(target: Target) -> None:
    """Sample a server while it runs a work, and print where the CPU time was spent."""
    found, own, children = list[Stack](), 0.0, 0.0
    # Python before 3.12 can end with a fault when it writes the stack of a call that just begins.
    # The samples until then are good, so further ones are taken from a new server.
    for _ in range(ATTEMPTS):
        own, children, stacks = _sampled(target)
        found += stacks
        if len(found) >= SAMPLES:
            break
    what = f"{target.work.name} on {target.server}, {target.clients} client(s)"
    _print(f"{what}, {len(found):,} samples", found, own, children)


def _sampled(target: Target) -> tuple[float, float, list[Stack]]:
    """Return the CPU milliseconds of a run, in the server and in its children, and stacks."""
    work, runs, clients = target.work, target.runs, target.clients
    with ExitStack() as stack:
        samples = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "samples"
        opened = stack.enter_context(arena.opened(1, target.postgres))
        server = stack.enter_context(_server(target, opened, samples))
        opened.contest(server, work, runs)
        opened.load.send(server.job(work, max(clients, runs // 4), clients))
        started, all_started = server.own_cpu(), server.cpu()
        opened.load.send(server.job(work, runs, clients))
        own = (server.own_cpu() - started) * 1e3 / runs
        children = max(0.0, (server.cpu() - all_started) * 1e3 / runs - own)
        server.process.send_signal(signal.SIGUSR1)
        with suppress(AnswerRefused):
            opened.load.send(server.job(work, runs, clients))
        with samples.open() as lines:
            return own, children, list(_stacks(lines))


def _server(target: Target, opened: Arena, samples: Path) -> AbstractContextManager[Contestant]:
    database = opened.database() if target.postgres else {}
    if target.server == "flowc":
        return contestants.ours(opened.stub, database, sampled=samples)
    url = database.get("FLOWC_DATABASE_URL")
    return contestants.rival(target.server, opened.stub, url, sampled=samples)


def _stacks(lines: Iterable[str]) -> Iterator[Stack]:
    """Yield the stacks that faulthandler wrote, the innermost function first."""
    stack: Stack = []
    for line in lines:
        if found := FRAME.match(line):
            stack.append(Frame(_module(found[1]), found[2]))
        elif stack:
            yield stack
            stack = []


def _print(title: str, found: list[Stack], own: float, children: float) -> None:
    console = Console(width=140)
    console.print(f"{title}: {own:.1f} CPU ms a run, and {children:.1f} in child processes")
    groups: dict[str, Callable[[Stack], set[str]]] = {
        "own time by package": lambda stack: {stack[0].package},
        "by flowc's room, with the libraries it calls": lambda stack: {_room(stack)},
        "time within, with all that it calls": lambda stack: {f.package for f in stack},
        "own time by function": lambda stack: {f"{stack[0].module}.{stack[0].function}"},
    }
    for heading, names_of in groups.items():
        counts = Counter(name for stack in found for name in names_of(stack))
        console.print(_table(heading, counts, len(found), own))


def _module(file: str) -> str:
    for root in (*ROOTS, PACKAGES, LIBRARY):
        file = file.removeprefix(root)
    name = re.sub(r"(/__init__)?\.py$", "", file).replace("/", ".")
    return name.removeprefix("<frozen ").removesuffix(">")


def _room(stack: Stack) -> str:
    """Return flowc's innermost package on a stack, else the library in which the stack begins."""
    inside = [frame.package for frame in stack if frame.package not in OUTSIDE]
    libraries = [package for package in inside if package not in sys.stdlib_module_names]
    rooms = (package for package in libraries if package.startswith("flowc."))
    return next(rooms, libraries[-1] if libraries else "event loop and threads")


def _table(title: str, counts: Counter[str], total: int, milliseconds: float) -> Table:
    table = Table(title, "%", "CPU ms a run")
    for name, count in counts.most_common(ROWS):
        share = count / total
        table.add_row(name, f"{share * 100:.1f}", f"{share * milliseconds:.2f}")
    return table
