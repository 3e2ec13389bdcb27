"""How does a process learn what another one did to a run? By PostgreSQL's notifications."""

import asyncio
import logging
from collections.abc import Callable

import psycopg

from flowc.server.store.runs.transitions import CHANNEL

log = logging.getLogger(__name__)


async def listen(
    url: str, changed: Callable[[str, bool], None], missed: Callable[[], None]
) -> None:
    """Tell of every run that something happens to, for ever; and that some may have been missed."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute(f"listen {CHANNEL}")
                missed()
                async for notice in connection.notifies():
                    run_id, _, urgent = notice.payload.partition(" ")
                    changed(run_id, bool(urgent))
        except psycopg.Error as problem:
            log.warning("notifications are interrupted: %s", type(problem).__name__)
        await asyncio.sleep(1)
