"""Gives the space of deleted rows back to the disk, where the database is a SQLite file.

SQLite keeps the pages of deleted rows for new ones. With its setting `auto_vacuum = INCREMENTAL`,
which a file must have before its first table, it moves pages from the end into the free ones when
asked, and cuts the end off.
"""

import logging
import sqlite3
from typing import Any

from sqlalchemy import Engine

log = logging.getLogger(__name__)

# The number of pages of 4 KB that one transaction releases.
_PAGES = 250
_INCREMENTAL = 2


def release_pages(driver: Any) -> bool:
    """Release some free pages, in a transaction that has begun; return whether more are left."""
    free = _number(driver, "freelist_count")
    # The statement releases a page for each of its rows that is fetched.
    driver.execute(f"pragma incremental_vacuum({_PAGES})").fetchall()
    return 0 < _number(driver, "freelist_count") < free


def shorten_file(driver: Any) -> None:
    """Copy the log to the file, which is then as short as its pages need, if no one reads it."""
    driver.execute("pragma wal_checkpoint(passive)").fetchall()


def let_shrink(engine: Engine) -> None:
    """Rewrite a file of an older version, so that its space can be released from now on."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if _number(driver, "auto_vacuum") == _INCREMENTAL:
            return
        try:
            driver.execute("pragma auto_vacuum = INCREMENTAL")
            driver.execute("vacuum")
        except sqlite3.Error as problem:
            log.warning("the file of the database will not shrink: %s", problem)


def _number(driver: Any, pragma: str) -> int:
    return int(driver.execute(f"pragma {pragma}").fetchone()[0])
