"""Receives PostgreSQL notifications of the events that other processes commit."""

import asyncio
import logging
from collections.abc import Callable

import psycopg

from flowc.server.store.database import Publish
from flowc.server.store.runs.transitions import CHANNEL

log = logging.getLogger(__name__)


async def listen(url: str, publish: Publish, missed: Callable[[], None]) -> None:
    """Publish every notification in this process, forever.

    `missed` is called after each (re)connection: notifications sent before it are gone.
    """
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute(f"listen {CHANNEL}")
                missed()
                async for notice in connection.notifies():
                    run_id, _, urgent = notice.payload.partition(" ")
                    publish(run_id, bool(urgent))
        except psycopg.Error as problem:
            log.warning("notifications are interrupted: %s", type(problem).__name__)
        await asyncio.sleep(1)
