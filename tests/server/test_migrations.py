"""A database of an older version is upgraded with all its data."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from flowc.server.store.database import (
    MIGRATIONS,
    NEWEST_SCHEMA,
    STATEMENT_END,
    Database,
    newest_revision,
)
from flowc.server.store.runs.stored_runs import StoredRuns

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
