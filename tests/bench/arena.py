"""The servers of a measurement, each started at its first use, and rounds in which they take turns."""

import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg

from bench import contestants
from bench.contestants import Contestant, Load
from bench.works import Work
from fakes.processes import new_database


@dataclass(frozen=True)
class Contest:
    """A work on a server, and how many runs of it a round has."""

    server: Contestant
    work: Work
    runs: int


@dataclass(frozen=True)
class Figures:
    """Milliseconds of CPU a run, of wall p50 and p99; runs a second; bytes of an answer.

    `database_cpu` is PostgreSQL's part, which is not in `cpu`.
    """

    cpu: float
    database_cpu: float
    p50: float
    p99: float
    rate: float
    bytes: int


@dataclass
class Arena:
    """Where servers are measured: a load generator, a model server, and perhaps a PostgreSQL."""

    load: Load
    stub: int
    rounds: int
    postgres: str | None = None
    postmaster: int | None = None
    stack: ExitStack = field(default_factory=ExitStack)
    open: dict[tuple[str, ...], Contestant] = field(default_factory=dict)
    stored: set[tuple[str, str]] = field(default_factory=set)

    def ours(self, kind: str = "sqlite") -> Contestant:
        """Return flowc's server on a kind of database."""
        key = ("flowc", kind)
        if key not in self.open:
            database = self.database() if kind == "postgres" else None
            server = contestants.ours(self.stub, database)
            self.open[key] = self.stack.enter_context(server)
        return self.open[key]

    def rival(self, name: str, kind: str = "sqlite") -> Contestant:
        """Return a rival on a kind of database."""
        key = (name, kind)
        if key not in self.open:
            url = self.database()["FLOWC_DATABASE_URL"] if kind == "postgres" else None
            server = contestants.rival(name, self.stub, url)
            self.open[key] = self.stack.enter_context(server)
        return self.open[key]

    def stop_servers(self) -> None:
        """Stop all servers, so that they do not disturb what is measured without them."""
        self.stack.close()
        self.open.clear()
        self.stored.clear()

    def database(self) -> dict[str, str]:
        """Create a database in PostgreSQL, and return the environment that names it."""
        assert self.postgres is not None, "this part needs PostgreSQL"
        return new_database(self.postgres)

    def contest(self, server: Contestant, work: Work, runs: int) -> Contest:
        """Return a contest, after storing the workflow if the server is flowc's."""
        if server.name == "flowc" and (str(server.port), work.name) not in self.stored:
            contestants.store(server, work)
            self.stored.add((str(server.port), work.name))
        return Contest(server, work, runs)

    def compare(self, *contests: Contest, clients: int = 1) -> list[Figures]:
        """Measure works that take turns, after a first round that is not counted."""
        for contest in contests:
            warm = max(1, clients, contest.runs // 4)
            self.load.send(contest.server.job(contest.work, warm, clients))
        found: list[list[_Round]] = [[] for _ in contests]
        for _ in range(self.rounds):
            for rounds, contest in zip(found, contests, strict=True):
                rounds.append(self._round(contest, clients))
        return [_figures(rounds) for rounds in found]

    def _round(self, contest: Contest, clients: int) -> "_Round":
        before, database_before = contest.server.cpu(), self._database_cpu()
        sent = self.load.send(contest.server.job(contest.work, contest.runs, clients))
        return _Round(
            cpu=(contest.server.cpu() - before) * 1e3 / contest.runs,
            database_cpu=(self._database_cpu() - database_before) * 1e3 / contest.runs,
            rate=contest.runs / sent["seconds"],
            latencies=sent["latencies"],
            bytes=sent["bytes"],
        )

    def _database_cpu(self) -> float:
        return contestants.cpu_of(self.postmaster) if self.postmaster else 0.0


@dataclass(frozen=True)
class _Round:
    cpu: float
    database_cpu: float
    rate: float
    latencies: list[float]
    bytes: int


def _figures(rounds: list[_Round]) -> Figures:
    latencies = sorted(seconds * 1e3 for each in rounds for seconds in each.latencies)
    return Figures(
        cpu=statistics.median(each.cpu for each in rounds),
        database_cpu=statistics.median(each.database_cpu for each in rounds),
        p50=statistics.median(latencies),
        p99=latencies[int(len(latencies) * 0.99)],
        rate=statistics.median(each.rate for each in rounds),
        bytes=rounds[-1].bytes,
    )


@contextmanager
def opened(rounds: int, postgres: str | None) -> Iterator[Arena]:
    """Open an arena; its servers end with the block."""
    with contestants.load() as load, contestants.stub() as stub:
        arena = Arena(load, stub, rounds, postgres, _postmaster(postgres))
        try:
            yield arena
        finally:
            arena.stop_servers()


def _postmaster(postgres: str | None) -> int | None:
    """Return the id of the process whose children serve a PostgreSQL's clients."""
    if postgres is None:
        return None
    with psycopg.connect(postgres) as connection:
        return contestants.parent_of(connection.info.backend_pid)
