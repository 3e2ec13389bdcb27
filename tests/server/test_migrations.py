"""A database of an older version is upgraded with all its data."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from flowc.server.store.database import MIGRATIONS, Database
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
