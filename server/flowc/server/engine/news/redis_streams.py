"""How do the events of runs get to Redis Streams? After they are kept, and without slowing a run.

`flowc:run:ID` has one run's events, and their numbers as ids; `flowc:events` has those of all runs.
What is in the one is in the other: each event is written once, whoever else tries to.
"""

import asyncio
import json
import logging

from redis.asyncio import Redis
from redis.exceptions import RedisError

from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.stored_runs import NoSuchRun, StoredRuns

log = logging.getLogger(__name__)

ALL = "flowc:events"
# The newest events of all runs that are kept, and how long those of one run are.
MOST = 100_000
KEEP_SECONDS = 7 * 86_400
PAUSE_SECONDS = 1.0
_BATCH = 500

# Ids only grow: an event that is there already is refused, and then it is in the other stream, too.
_PUBLISH = """
local added = redis.pcall('XADD', KEYS[1], ARGV[1] .. '-0', 'event', ARGV[2])
if type(added) == 'table' and added.err then
    return 0
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'event', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


class Publication:
    """Publishes what this process has kept; `watch` does so for ever."""

    def __init__(self, url: str, runs: StoredRuns) -> None:
        self._redis, self._runs = Redis.from_url(url, decode_responses=True), runs
        self._publish = self._redis.register_script(_PUBLISH)
        self._last: dict[str, int] = {}
        self._waiting: dict[str, None] = {}
        self._is_some = asyncio.Event()

    def changed(self, run_id: str, is_urgent: bool) -> None:
        """Have the news of a run published soon."""
        self._waiting[run_id] = None
        self._is_some.set()

    async def watch(self) -> None:
        """Publish what is waiting, and what a process that died may have left; for ever."""
        try:
            await self._take_up()
            while True:
                await self._is_some.wait()
                await self._publish_all()
        finally:
            await self._redis.aclose()

    async def _take_up(self) -> None:
        while True:
            try:
                for run_id in await self._runs.recent():
                    self.changed(run_id, is_urgent=False)
            except DATABASE_PROBLEMS:
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    async def _publish_all(self) -> None:
        self._is_some.clear()
        while self._waiting:
            run_id = next(iter(self._waiting))
            del self._waiting[run_id]
            try:
                await self._publish_run(run_id)
            except NoSuchRun:
                continue
            except (RedisError, OSError, *DATABASE_PROBLEMS) as problem:
                log.warning("events are not published: %s", type(problem).__name__)
                self.changed(run_id, is_urgent=False)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _publish_run(self, run_id: str) -> None:
        stream = f"flowc:run:{run_id}"
        after = self._last.pop(run_id, None)
        if after is None:
            newest = await self._redis.xrevrange(stream, count=1)
            after = int(str(newest[0][0]).split("-")[0]) if newest else 0
        while events := await self._runs.events(run_id, after, _BATCH):
            for event in events:
                text = json.dumps({"run_id": run_id, **event.as_json()}, separators=(",", ":"))
                await self._publish(
                    keys=[stream, ALL], args=[event.number, text, MOST, KEEP_SECONDS]
                )
                after = event.number
        self._last[run_id] = after
        if len(self._last) > 10_000:
            self._last.pop(next(iter(self._last)))
