"""Sets up connections to a database that is a SQLite file."""

from typing import Any

_PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")
_NO_VACUUM = 0


def set_up(connection: Any, busy_seconds: int) -> None:
    """Let a driver's connection share its file with others, and wait for them up to some seconds.

    On a file that has a schema this only reads: the connection is there while the disk is full, or
    while another writes.
    """
    connection.execute(f"PRAGMA busy_timeout = {busy_seconds * 1000}")
    # Before the first page is written, or it has no effect until the next VACUUM. SQLite writes to
    # the file whenever it is set.
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] == _NO_VACUUM:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
