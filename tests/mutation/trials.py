"""Runs the tests once for the sites that each one reaches, and then again without each site."""

import gc
import os
import pickle
import resource
import select
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytest

from mutation import switches
from mutation.sites import Sites

# A limit that is not applied can take all of the memory, or all of the time.
_MOST_MEMORY = 4 << 30
_MOST_SECONDS = 120.0


class Reached(NamedTuple):
    """What the tests did with all sites in place, by their node ids."""

    sites: dict[str, set[int]]
    seconds: dict[str, float]
    failed: set[str]


class Trial(NamedTuple):
    """The result of disabling a site: the test that failed, or None if all of these `tests` passed."""

    site: int
    killer: str | None
    tests: int


class Trials:
    """A plug-in of pytest that tries each site in place of running the tests once.

    The tests run in forks of this process, which has imported all modules but has run nothing:
    neither a cache, nor a thread, nor a crash, nor an endless loop is shared.
    """

    def __init__(self, sites: Sites, chosen: Callable[[int], bool], on_trial: Any) -> None:
        self._sites, self._chosen, self._on_trial = sites, chosen, on_trial
        self.trials: list[Trial] = []
        self.broken: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all chosen sites."""
        items = [item for item in session.items if not _is_random(item)]
        _load_node_types()
        gc.collect()
        gc.freeze()
        reached: Reached | None = _in_fork(lambda: _recorded(session, items), 3_600)
        if reached is None:
            raise pytest.UsageError("the tests did not end")
        self.broken = reached.failed
        tests = _tests_of(items, reached)
        for site in filter(self._chosen, range(len(self._sites.found))):
            found = tests.get(site, [])
            trial = Trial(site, _killer(site, found) if found else None, len(found))
            self.trials.append(trial)
            self._on_trial(trial)
        return True


def _is_random(item: pytest.Item) -> bool:
    """Return whether a test draws its values: a site that it fails without may survive tomorrow."""
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


def _load_node_types() -> None:
    from flowc.compiler.node.registry import Registry

    Registry.installed()


def _tests_of(items: Iterable[pytest.Item], reached: Reached) -> dict[int, list[pytest.Item]]:
    """Return the tests that reach each site, the quickest first."""
    found: dict[int, list[pytest.Item]] = defaultdict(list)
    for item in sorted(items, key=lambda each: reached.seconds.get(each.nodeid, 0.0)):
        if item.nodeid in reached.failed:
            continue
        sites = set(reached.sites.get(item.nodeid, ()))
        for fixture in getattr(item, "fixturenames", ()):
            sites |= reached.sites.get(_shared(item, fixture), set())
        for site in sites:
            found[site].append(item)
    return found


def _killer(site: int, items: list[pytest.Item]) -> str | None:
    """Return the first test that fails without a site, or what became of the tests."""

    def tried() -> str | None:
        switches.disable(site)
        watch = _Watch()
        items[0].config.pluginmanager.register(watch)
        for item, following in _with_next(items):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if watch.failed:
                return item.nodeid
        return None

    died = "no test: the process died or did not end"
    return _in_fork(tried, _MOST_SECONDS, died)


def _recorded(session: pytest.Session, items: list[pytest.Item]) -> Reached:
    watch = _Watch()
    session.config.pluginmanager.register(watch)
    for item, following in _with_next(items):
        _clear_caches()
        with switches.reading(item.nodeid):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    return Reached(switches.seen, watch.seconds, watch.failed)


def _with_next(items: list[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None], strict=True)


def _clear_caches() -> None:
    """Empty the caches of functions: a test that gets an earlier test's value reaches no site."""
    for name, module in list(sys.modules.items()):
        if name.startswith("flowc.compiler"):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _shared(node: Any, fixture: str) -> str:
    return f"{node.nodeid.partition('::')[0]}: {fixture}"


class _Watch:
    """Notes which tests fail, how long they take, and what fixtures of several tests reach."""

    def __init__(self) -> None:
        self.failed: set[str] = set()
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a phase of a test."""
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """Note the sites that a shared fixture reaches as those of all tests that use it."""
        if fixturedef.scope == "function":
            return (yield)
        with switches.reading(_shared(request.node, fixturedef.argname)):
            return (yield)


def _in_fork(work: Callable[[], Any], seconds: float, otherwise: Any = None) -> Any:
    """Return what a function returns in a fork of this process, or `otherwise` if that dies."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _work_alone(work, write_end)
    os.close(write_end)
    try:
        raw = _read(read_end, time.monotonic() + seconds)
    finally:
        os.close(read_end)
        _end(child)
    return pickle.loads(raw) if raw else otherwise


def _work_alone(work: Callable[[], Any], write_end: int) -> None:
    """Do the work in a fork without its output, write what it returns, and end the process."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        with os.fdopen(write_end, "wb") as file:
            pickle.dump(work(), file)
    finally:
        os._exit(0)


def _read(read_end: int, until: float) -> bytes:
    """Return what is written to the end of a pipe, or nothing if that takes too long."""
    found = bytearray()
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([read_end], [], [], left)
        if ready:
            chunk = os.read(read_end, 1 << 16)
            if not chunk:
                return bytes(found)
            found += chunk
    return b""


def _end(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
