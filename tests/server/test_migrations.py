"""A database of an older version is upgraded with all its data."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, make_url, text

from fakes.processes import new_database
from flowc.compiler.running.events import EventKind
from flowc.server.engine.queue.dbos_queue import Queue
from flowc.server.records.ids import new_run_id
from flowc.server.records.run_events import RunEvent
from flowc.server.records.run_keys import client_key, schedule_key
from flowc.server.records.runs import RunRecord
from flowc.server.store.database import Database
from flowc.server.store.runs.steering import RunStart, Steering
from flowc.server.store.runs.stored_runs import StoredRuns
from flowc.server.store.runs.writer import Writer
from flowc.server.store.schema import (
    MIGRATIONS,
    NEWEST_SCHEMA,
    STATEMENT_END,
    newest_revision,
)

RUN = """
insert into runs (id, tenant, hash, uses, status, input, output, error, usage, priority, segment, attempt,
                  epoch, events, created_at)
values ('r', 'default', 'h', '[]', 'waiting', '{}', 'null', 'null', '{}', 10, 1, 0, 1, 1,
        '2026-11-01 00:00:00')
"""
EVENT = """
insert into events (run_id, number, kind, path, data, at)
values ('r', 1, 'run.created', '', '{}', '2026-11-01 00:00:00')
"""


async def test_a_migration_preserves_runs_and_events(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'flowc.db'}"
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(text(RUN))
        connection.execute(text(EVENT))
    engine.dispose()
    database = await Database.open(url)
    runs = StoredRuns(database, "default")
    found = await runs.get("r")
    assert (found.status, found.forked_from, found.breakpoints) == ("waiting", None, None)
    assert [event.kind for event in await runs.events("r")] == ["run.created"]
    await database.close()


RUNS_OF_0008 = """
insert into runs (id, tenant, hash, uses, status, input, output, error, usage, priority, segment,
                  attempt, epoch, events, created_at)
values ('a', 'default', 'h', '[]', 'completed', '{}', 'null', 'null', '{}', 10, 1, 0, 1, 2, :at),
       ('b', 'default', 'h', '[]', 'waiting', '{}', 'null', 'null', '{}', 10, 1, 0, 1, 1, :at)
"""
EVENTS_OF_0008 = """
insert into events (run_id, number, kind, node_id, path, data, at)
values ('a', 2, 'node.skipped', 'n', 'm/1', '{"text": "Grüße", "more": [1]}', :at),
       ('a', 1, 'run.created', null, '', '{"priority": 10}', :at),
       ('b', 1, 'run.created', null, '', '{"priority": 1}', :at)
"""
# Its microseconds would be rounded up to the next second.
MOMENT = datetime(2026, 11, 1, 23, 59, 59, 999_999, tzinfo=UTC)
EXPECTED = {
    "a": [
        RunEvent(1, EventKind.RUN_CREATED, MOMENT, {"priority": 10}),
        RunEvent(2, EventKind.NODE_SKIPPED, MOMENT, {"text": "Grüße", "more": [1]}, "n", "m/1"),
    ],
    "b": [RunEvent(1, EventKind.RUN_CREATED, MOMENT, {"priority": 1})],
}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'flowc.db'}"
    return new_database(request.getfixturevalue("postgres"))["FLOWC_DATABASE_URL"]


async def test_events_are_the_same_after_their_rows_became_smaller(url: str) -> None:
    moment: Any = MOMENT
    if url.startswith("sqlite"):
        moment = MOMENT.strftime("%Y-%m-%d %H:%M:%S.%f")
    with _at_revision("0008", url) as connection:
        for statement in (RUNS_OF_0008, EVENTS_OF_0008):
            connection.execute(text(statement), {"at": moment})
    assert await _events(url) == EXPECTED
    # And back, and again.
    with _at_revision("0008", url) as connection:
        found = connection.execute(text("select run_id, number from events order by 1, 2")).all()
        assert [tuple(row) for row in found] == [("a", 1), ("a", 2), ("b", 1)]
    assert await _events(url) == EXPECTED


async def test_a_run_after_a_migration_has_events_of_its_own(url: str) -> None:
    with _at_revision("0008", url) as connection:
        connection.execute(text(RUNS_OF_0008), {"at": MOMENT.replace(tzinfo=None)})
    database = await Database.open(url)
    queue, writer = Queue(url), Writer(database)
    run = RunRecord(id=new_run_id(), workflow_id=None, version=None, hash="h", input={})
    await queue.set_up()
    await Steering(database, queue, writer).create(
        "default", run, RunStart(worker="w", is_awaited=True)
    )
    runs = StoredRuns(database, "default")
    assert len(await runs.events(run.id)) == 2
    assert await runs.events("a") == await runs.events("b") == []
    writer.close()
    queue.close()
    await database.close()


KEYS = """
insert into runs (id, key, tenant, workflow_id, hash, uses, status, input, output, error, usage,
                  priority, segment, attempt, epoch, events, created_at, idempotency_key)
values ('a', 1, 't', 'one', 'h', '[]', 'completed', '{}', 'null', 'null', '{}', 10, 1, 0, 1, 2, :at,
        'order-7'),
       ('b', 2, 't', 'one', 'h', '[]', 'completed', '{}', 'null', 'null', '{}', 10, 1, 0, 1, 2, :at,
        'schedule nightly 2026'),
       ('c', 3, 't', null, 'h', '[]', 'completed', '{}', 'null', 'null', '{}', 10, 1, 0, 1, 2, :at,
        null)
"""


async def test_a_client_finds_its_run_after_keys_became_those_of_workflows(url: str) -> None:
    with _at_revision("0010", url) as connection:
        connection.execute(text(KEYS), {"at": MOMENT.replace(tzinfo=None)})
    database = await Database.open(url)
    runs = StoredRuns(database, "t")
    client, schedule = client_key("order-7"), schedule_key("nightly", "2026")
    for workflow_id, key, found in (
        ("one", client, ("a", "idempotency key")),
        ("one", schedule, ("b", "idempotency key")),
        ("two", client, None),
        (None, client, None),
        ("one", "order-7", None),
    ):
        assert await runs.of_keys(workflow_id, key) == found
    await database.close()
    with _at_revision("0010", url) as connection:
        keys = connection.execute(text("select idempotency_key from runs order by id"))
        assert keys.scalars().all() == ["order-7", "schedule nightly 2026", None]


@contextmanager
def _at_revision(revision: str, url: str) -> Iterator[Connection]:
    """Upgrade or downgrade a database, and yield a connection to it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    driven = make_url(url)
    if driven.drivername == "postgresql":
        driven = driven.set(drivername="postgresql+psycopg")
    engine = create_engine(driven)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        is_new = not inspect(connection).has_table("alembic_version")
        (command.upgrade if is_new else command.downgrade)(config, revision)
        yield connection
    engine.dispose()


async def _events(url: str) -> dict[str, list[RunEvent]]:
    database = await Database.open(url)
    runs = StoredRuns(database, "default")
    found = {run_id: await runs.events(run_id) for run_id in ("a", "b")}
    await database.close()
    return found


def test_the_newest_revision_is_that_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert newest_revision() == ScriptDirectory.from_config(config).get_current_head()


def schema_of(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "select sql from sqlite_master where sql is not null order by type desc, name"
        )
        return STATEMENT_END.join(sql for (sql,) in rows) + "\n"


async def test_a_new_file_has_the_schema_that_the_migrations_make(tmp_path: Path) -> None:
    """After a new migration, delete the file with the schema: this test writes it again."""
    config, migrated, created = Config(), tmp_path / "migrated.db", tmp_path / "created.db"
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
    if not NEWEST_SCHEMA.exists():
        NEWEST_SCHEMA.write_text(schema_of(migrated))
    await (await Database.open(f"sqlite:///{created}")).close()
    assert schema_of(created) == schema_of(migrated) == NEWEST_SCHEMA.read_text()
    with closing(sqlite3.connect(created)) as connection:
        [revision] = connection.execute("select version_num from alembic_version")
    assert revision == (newest_revision(),)


async def test_a_database_of_the_newest_revision_is_opened_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'flowc.db'}"
    # The first time, it is created.
    script = (
        "import asyncio, sys\n"
        "from flowc.server.store.database import Database\n"
        f"asyncio.run(Database.open({url!r}))\n"
        "assert 'alembic' not in sys.modules"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script], check=True)
