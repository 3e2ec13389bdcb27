"""`flowc doctor` finds what is wrong with a set-up, says what to do, and changes nothing."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fakes.command import flowc
from fakes.processes import free_port, new_database, serving


def examined(
    data: Path, env: Mapping[str, str] | None = None, port: int | None = None
) -> tuple[int, dict[str, Any]]:
    chosen = ["--port", str(port or free_port())]
    done = flowc("doctor", "--json", *chosen, FLOWC_DATA_DIR=str(data), **(env or {}))
    found = json.loads(done.stdout)
    return done.returncode, {each["part"]: each for each in found}


def test_a_new_machine_is_well_and_nothing_is_made(tmp_path: Path) -> None:
    data = tmp_path / "new"
    status, found = examined(data)
    assert status == 0, found
    assert {each["verdict"] for each in found.values()} <= {"ok", "warning"}
    assert "the first start makes it" in found["database"]["message"]
    assert not data.exists()
    shown = flowc("doctor", "--port", str(free_port()), FLOWC_DATA_DIR=str(data))
    assert "✓ version: flowc" in shown.stdout


def test_a_server_at_work_is_found(tmp_path: Path) -> None:
    data = tmp_path / "d"
    with serving(data, {"FLOWC_AUTH": "on"}) as (api, _):
        status, found = examined(data, port=api.base_url.port)
    assert status == 0, found
    assert "a flowc server answers" in found["port"]["message"]
    assert found["processes"]["message"] == "a server uses the data folder"
    assert found["schema"]["message"].endswith("the newest")


def spoil(data: Path) -> None:
    for log in ("flowc.db-wal", "flowc.db-shm"):
        (data / log).unlink(missing_ok=True)
    (data / "flowc.db").write_bytes(b"this is no database " * 500)


def make_newer(data: Path) -> None:
    with closing(sqlite3.connect(data / "flowc.db")) as connection, connection:
        connection.execute("update alembic_version set version_num = '9999'")


PROBLEMS: Mapping[str, tuple[dict[str, str], str, str]] = {
    "a model without a key": ({"FLOWC_DEFAULT_MODEL": "gpt-4o"}, "model gpt-4o", "OPENAI_API_KEY"),
    "no redis": ({"FLOWC_REDIS_URL": "redis://127.0.0.1:1/0"}, "redis", "FLOWC_REDIS_URL"),
    "no postgres": (
        {"FLOWC_DATABASE_URL": "postgresql://127.0.0.1:1/x"},
        "database",
        "FLOWC_DATABASE_URL",
    ),
    "a bad key": ({"FLOWC_SEALING_KEYS": "short"}, "settings", "Correct it"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_does_not_work_is_named_with_a_hint(tmp_path: Path, name: str) -> None:
    env, part, hint = PROBLEMS[name]
    status, found = examined(tmp_path / "d", env)
    assert (status, found[part]["verdict"]) == (1, "failed"), found
    assert hint in found[part]["hint"] + found[part]["message"]


@pytest.mark.parametrize(("change", "part"), [(spoil, "database"), (make_newer, "schema")])
def test_a_damaged_or_newer_database_is_found(tmp_path: Path, change: Any, part: str) -> None:
    data = tmp_path / "d"
    with serving(data):
        pass
    change(data)
    before = (data / "flowc.db").read_bytes()
    status, found = examined(data)
    assert (status, found[part]["verdict"]) == (1, "failed"), found
    assert found[part]["hint"]
    assert (data / "flowc.db").read_bytes() == before


def test_postgresql_and_its_extension_are_found(tmp_path: Path, postgres: str) -> None:
    database = new_database(postgres)
    status, found = examined(tmp_path / "d", database)
    assert status == 0, found
    assert found["database"]["message"].startswith("PostgreSQL ")
    assert "the first start makes it" in found["schema"]["message"]
    assert "pgvector" in found
    with serving(tmp_path / "d", database):
        pass
    _, found = examined(tmp_path / "d", database)
    assert found["schema"]["message"].endswith("the newest")


def test_models_are_called_only_if_that_is_asked_for(tmp_path: Path) -> None:
    command = ["doctor", "--json", "--port", str(free_port())]
    done = flowc(*command, "--call-models", FLOWC_DATA_DIR=str(tmp_path / "d"))
    found = {each["part"]: each for each in json.loads(done.stdout)}
    assert found["model offline/echo"]["message"] == "offline/echo answers"
