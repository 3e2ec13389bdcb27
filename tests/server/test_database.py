"""A database that is a SQLite file answers readers while another process writes to it."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from flowc.server.store.database import Database


async def test_new_connections_read_while_another_process_writes(tmp_path: Path) -> None:
    file = tmp_path / "d.db"
    database = await Database.open(f"sqlite:///{file}")
    at_once = asyncio.Barrier(3)
    connections = set()

    def tables(session: Session) -> int:
        connections.add(session.connection().connection.driver_connection)
        asyncio.run_coroutine_threadsafe(at_once.wait(), loop).result()
        return session.execute(text("select count(*) from sqlite_master")).scalar_one()

    loop = asyncio.get_running_loop()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin immediate")
        counts = await asyncio.gather(*(database.read(tables) for _ in range(3)))
        other.execute("rollback")
    assert len(connections) == 3
    assert len({*counts}) == 1
    await database.close()
