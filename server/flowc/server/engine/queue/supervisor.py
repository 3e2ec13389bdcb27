"""The supervisor: queues the segments of dead workers again.

A worker is dead when PostgreSQL has no session with its name any more. There are no leases and no
heartbeats: a worker whose event loop is blocked keeps its sessions, and so its runs. Every worker
supervises the others; an advisory lock lets one of them do it at a time.
"""

import asyncio
import logging
import time
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from flowc.server.engine.queue.dbos_queue import NAME, Queue, session_name
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.steering import Steering

log = logging.getLogger(__name__)

_LIVE = "select distinct application_name from pg_stat_activity where application_name like %s"
_ALONE = "select pg_try_advisory_xact_lock(hashtext('flowc supervisor'))"


class Supervisor:
    """Looks for dead workers."""

    def __init__(self, url: str, queue: Queue, steering: Steering, takeover_seconds: float) -> None:
        self._url, self._queue, self._steering = url, queue, steering
        self._grace = takeover_seconds
        self._missing: dict[str, float] = {}

    async def watch(self) -> None:
        """Look forever, also after the database could not be reached."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, row_factory=tuple_row, autocommit=True
                ) as connection:
                    while True:
                        await asyncio.sleep(max(0.5, self._grace / 3))
                        await self._look(connection)
            except DATABASE_PROBLEMS as problem:
                # A worker that cannot be seen now is not dead: the grace period starts again.
                self._missing.clear()
                log.warning("the supervisor cannot look: %s", type(problem).__name__)
                await asyncio.sleep(1)

    async def _look(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        # If another process looks at this moment, there is nothing to do.
        async with connection.transaction():
            alone = await (await connection.execute(_ALONE)).fetchone()
            if alone is None or not alone[0]:
                return
            found = await connection.execute(_LIVE, (f"{NAME}:%",))
            live = {str(row[0]) for row in await found.fetchall()}
            await self._take_over(live)

    async def _take_over(self, live: set[str]) -> None:
        held = await self._queue.held()
        moment = time.monotonic()
        # Workers have segments from the queue, and runs that started where they were asked for.
        working = {*held, *await self._steering.workers()}
        dead = {worker for worker in working if session_name(worker) not in live}
        self._missing = {worker: self._missing.get(worker, moment) for worker in dead}
        for worker, since in self._missing.items():
            if moment - since >= self._grace:
                segments = held.get(worker, [])
                await self._queue.hand_over(segments)
                count = len(segments) + await self._steering.requeue_of(worker)
                log.warning("worker %s is gone; %s runs continue", worker, count)
