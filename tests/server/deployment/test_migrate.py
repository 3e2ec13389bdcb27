"""`flowc migrate` makes the tables that a server then finds."""

import sqlite3
from pathlib import Path

from fakes.command import flowc_here
from fakes.processes import serving
from flowc.server.store.schema import newest_revision


def test_a_server_finds_the_tables(tmp_path: Path, database: dict[str, str]) -> None:
    where = {"FLOWC_DATA_DIR": str(tmp_path / "d"), **database}
    done = flowc_here("migrate", **where)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"The database has the newest schema, {newest_revision()}.\n"
    with serving(tmp_path / "d", database) as (client, _):
        assert client.get("/health").json()["status"] == "ok"
        # A data folder that a server has open is not touched.
        again = flowc_here("migrate", **where)
        assert (again.returncode == 2) == (not database)


def test_the_tables_of_the_queue_are_made_too(tmp_path: Path) -> None:
    assert flowc_here("migrate", FLOWC_DATA_DIR=str(tmp_path)).returncode == 0
    files = list(tmp_path.glob("*.db"))
    names = set[str]()
    for file in files:
        with sqlite3.connect(file) as connection:
            names |= {name for (name,) in connection.execute("select name from sqlite_master")}
    assert {"runs", "alembic_version", "workflow_status"} <= names


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    done = flowc_here("migrate", FLOWC_DATABASE_URL=url, FLOWC_DATA_DIR=str(tmp_path))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "FLOWC_DATABASE_URL" in done.stderr
