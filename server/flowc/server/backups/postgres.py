"""Saves and restores a PostgreSQL database with PostgreSQL's own programs."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from flowc.server.backups.archive import BackupRefused

DUMP = "database.dump"
_TABLE = "workflows"


def dump(url: str, folder: Path) -> None:
    """Save a database; raise BackupRefused."""
    file = folder / DUMP
    _call(url, ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={file}"])


def load(url: str, folder: Path) -> None:
    """Restore a database that has no tables of flowc; raise BackupRefused."""
    with psycopg.connect(url) as connection:
        found = connection.execute("select to_regclass(%s)", [_TABLE]).fetchone()
    if found is not None and found[0] is not None:
        raise BackupRefused("The database has tables of flowc: restore into an empty one.")
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    _call(url, ["pg_restore", *options, f"--dbname={make_url(url).database}", str(folder / DUMP)])


def _call(url: str, command: Sequence[str]) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise BackupRefused(
            f"The program {command[0]!r} is not installed: it comes with the client of PostgreSQL,"
            " in the version of the server or a newer one."
        )
    done = subprocess.run(
        [program, *command[1:]], env=_environment(url), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["it failed"]
        raise BackupRefused(f"{command[0]}: {lines[0]}")


def _environment(url: str) -> dict[str, str]:
    """Return variables that name the database: other people could read arguments."""
    parsed = make_url(url)
    host = parsed.host or parsed.query.get("host")
    named = {
        "PGHOST": host if isinstance(host, str) else None,
        "PGPORT": str(parsed.port) if parsed.port else None,
        "PGUSER": parsed.username,
        "PGPASSWORD": str(parsed.password) if parsed.password else None,
        "PGDATABASE": parsed.database,
    }
    for name in ("sslmode", "sslrootcert", "sslcert", "sslkey"):
        value = parsed.query.get(name)
        named[f"PG{name.upper()}"] = value if isinstance(value, str) else None
    return {**os.environ, **{name: value for name, value in named.items() if value is not None}}
