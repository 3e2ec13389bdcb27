"""A database of an older version is upgraded with all its data."""

import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from flowc.server.store.database import MIGRATIONS, Database, newest_revision
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


async def test_a_database_of_the_newest_revision_is_opened_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'flowc.db'}"
    await (await Database.open(url)).close()
    script = (
        "import asyncio, sys\n"
        "from flowc.server.store.database import Database\n"
        f"asyncio.run(Database.open({url!r}))\n"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
