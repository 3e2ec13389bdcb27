"""Looks at what a server stores in: the database, its migrations, and Redis."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from filelock import FileLock, Timeout
from sqlalchemy import make_url

from flowc.server.doctor.finding import SetupFinding, broken, odd, well
from flowc.server.settings import Settings, is_sqlite
from flowc.server.store.schema import newest_revision

_REVISION = "select version_num from alembic_version"
_EXTENSION = (
    "select installed_version, default_version from pg_available_extensions where name = 'vector'"
)
_PATIENCE = 5


def database(settings: Settings) -> Iterator[SetupFinding]:
    """Yield whether the database can be reached, and which schema it has."""
    if is_sqlite(settings.database):
        yield from _sqlite(settings)
    else:
        yield from _postgresql(settings.database)


def _sqlite(settings: Settings) -> Iterator[SetupFinding]:
    name = make_url(settings.database).database
    file = Path(name or "")
    if not file.exists():
        yield well("database", f"{file} does not exist yet; the first start makes it")
        return
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            [(state,)] = connection.execute("pragma quick_check(1)").fetchall()
            revision = connection.execute(_REVISION).fetchone()
    except sqlite3.Error as problem:
        hint = "Restore a backup with `flowc restore`, or set FLOWC_DATA_DIR to another folder."
        yield broken("database", f"{file}: {problem}", hint)
        return
    if state != "ok":
        yield broken("database", f"{file} is damaged: {state}", "Restore a backup.")
        return
    yield well("database", f"SQLite {sqlite3.sqlite_version}, {file}")
    yield _schema(revision)
    yield _lock(settings)


def _lock(settings: Settings) -> SetupFinding:
    try:
        with FileLock(settings.data_dir / "flowc.lock").acquire(timeout=0):
            return well("processes", "no server uses the data folder")
    except Timeout:
        return well("processes", "a server uses the data folder")
    except OSError as problem:
        hint = "Give the user of the server the right to write there."
        return broken("processes", f"the data folder cannot be locked: {problem}", hint)


def _postgresql(url: str) -> Iterator[SetupFinding]:
    try:
        with psycopg.connect(url, connect_timeout=_PATIENCE) as connection:
            number = connection.info.server_version
            extension = connection.execute(_EXTENSION).fetchone()
            there = connection.execute("select to_regclass('alembic_version')").fetchone()
            is_made = there is not None and there[0] is not None
            revision: Any = connection.execute(_REVISION).fetchone() if is_made else None
    except psycopg.Error as problem:
        first = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        hint = "Check FLOWC_DATABASE_URL, and that the server lets this machine and user in."
        yield broken("database", f"PostgreSQL cannot be reached: {first}", hint)
        return
    yield well("database", f"PostgreSQL {number // 10_000}.{number % 10_000}")
    yield (
        _schema(revision) if is_made else well("schema", "there is none; the first start makes it")
    )
    if extension is None:
        hint = "Install pgvector on the database server; workflows with documents need it."
        yield odd("pgvector", "the extension is not available", hint)
    else:
        installed, available = extension
        yield well(
            "pgvector", f"{installed or available} {'' if installed else 'can be '}installed"
        )


def _schema(revision: Any) -> SetupFinding:
    found, newest = (revision[0] if revision else "none"), newest_revision()
    if found == newest:
        return well("schema", f"revision {found}, the newest")
    if found > newest and found != "none":
        hint = "A newer flowc migrated it: install that one."
        return broken("schema", f"revision {found}; this flowc knows {newest}", hint)
    return odd("schema", f"revision {found}; the next start migrates to {newest}", "Back up first.")


def redis(settings: Settings) -> Iterator[SetupFinding]:
    """Yield whether Redis answers, if there is to be one."""
    if settings.redis_url is None:
        return
    # Imported here: few operators use it.
    from redis import Redis  # noqa: PLC0415
    from redis.exceptions import RedisError  # noqa: PLC0415

    try:
        with Redis.from_url(settings.redis_url, socket_connect_timeout=_PATIENCE) as client:
            client.ping()
    except (RedisError, OSError) as problem:
        hint = (
            "Check FLOWC_REDIS_URL; runs continue without it, and their events are published later."
        )
        yield broken("redis", f"Redis does not answer: {type(problem).__name__}", hint)
    else:
        yield well("redis", "Redis answers")
