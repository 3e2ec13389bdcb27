"""Receives PostgreSQL notifications of what other processes commit: events, queued work, keys."""

import asyncio
import logging
from collections.abc import Callable

import psycopg

from flowc.server.store.access import KEYS_CHANNEL
from flowc.server.store.database import Offer, Publish
from flowc.server.store.runs.batches import CHANNEL
from flowc.server.store.runs.work_queue import QUEUE_CHANNEL

log = logging.getLogger(__name__)


async def listen(
    url: str,
    publish: Publish,
    offer: Offer,
    missed: Callable[[], None],
    forget_keys: Callable[[], None],
) -> None:
    """Publish every notification in this process, and offer it queued segments, forever.

    `forget_keys` is called when a key was revoked, and with `missed`, which is called after each
    (re)connection: notifications sent before it are gone.
    """
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute(f"listen {CHANNEL}")
                await connection.execute(f"listen {QUEUE_CHANNEL}")
                await connection.execute(f"listen {KEYS_CHANNEL}")
                missed()
                forget_keys()
                async for notice in connection.notifies():
                    run_id, _, more = notice.payload.partition(" ")
                    if notice.channel == KEYS_CHANNEL:
                        forget_keys()
                    elif notice.channel == QUEUE_CHANNEL:
                        offer(run_id, int(more))
                    else:
                        publish(run_id, bool(more))
        except psycopg.Error as problem:
            log.warning("notifications are interrupted: %s", type(problem).__name__)
        await asyncio.sleep(1)
