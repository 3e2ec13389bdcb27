"""The schema of the database: made at once where it is new, and migrated where it is older."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from flowc.server.store import space

MIGRATIONS = Path(__file__).parent / "migrations"
# The newest schema on SQLite, as the migrations make it: a new file needs no Alembic, which takes
# a fifth of a second to import.
NEWEST_SCHEMA = MIGRATIONS / "newest_sqlite.sql"
STATEMENT_END = ";\n\n"
# Alembic stores in it which revision a database has.
_REVISIONS = "alembic_version"
_MIGRATING = zlib.crc32(b"flowc migrations")


def newest_revision() -> str:
    """Return the newest revision of the schema: migrations are numbered in their order."""
    return max(file.stem for file in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def migrate(engine: Engine) -> None:
    """Upgrade a database to the newest schema; one of several processes that try does it."""
    if _is_newest(engine) or _is_created(engine):
        return
    # Imported here: most starts find nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    connecting = engine.connect().execution_options(flowc_writes=True)
    with connecting as connection, _without_references(connection), connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"select pg_advisory_xact_lock({_MIGRATING})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        _require_references(connection)
    if engine.dialect.name == "sqlite":
        space.let_shrink(engine)


@contextmanager
def _without_references(connection: Connection) -> Iterator[None]:
    """Let SQLite not enforce references: to change a table, it is copied and the old one dropped.

    That is only possible outside of a transaction.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("pragma foreign_keys = off")
    try:
        yield
    finally:
        driver.execute("pragma foreign_keys = on")


def _require_references(connection: Connection) -> None:
    """Raise IntegrityError if a migration has left a reference to nothing, so that it is undone."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("pragma foreign_key_check").fetchall()
        if broken:
            problem = f"a migration broke references: {broken[:3]}"
            raise IntegrityError("migrate", None, sqlite3.IntegrityError(problem))


def _is_newest(engine: Engine) -> bool:
    """Return whether a database has the newest schema; a migration commits all of it at once."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(_REVISIONS):
            return False
        found = connection.execute(text(f"select version_num from {_REVISIONS}"))
        return list(found.scalars()) == [newest_revision()]


def _is_created(engine: Engine) -> bool:
    """Create the newest schema if the database is SQLite's and empty; return whether it was."""
    if engine.dialect.name != "sqlite":
        return False
    with engine.connect().execution_options(flowc_writes=True) as connection, connection.begin():
        if inspect(connection).get_table_names():
            return False
        for statement in NEWEST_SCHEMA.read_text().strip().split(STATEMENT_END):
            connection.exec_driver_sql(statement)
        stamp = text(f"insert into {_REVISIONS} values (:revision)")
        connection.execute(stamp, {"revision": newest_revision()})
    return True
