"""Publishes the events of runs to Redis Streams, after they are committed.

`flowc:TENANT:run:ID` has the events of one run, with their numbers as ids;
`flowc:TENANT:workflow:ID` has those of a workflow's runs, and `flowc:TENANT:events` those of all
runs of a tenant. Each event is in each stream once, even where several processes publish the same
run.
"""

import asyncio
import json
import logging

from redis.asyncio import Redis
from redis.exceptions import RedisError

from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.runs.published_runs import PublishedRun, PublishedRuns

log = logging.getLogger(__name__)

# How many of its newest events a wider stream holds, and how long the stream of one run lives.
MAX_EVENTS = 100_000
RUN_STREAM_SECONDS = 7 * 86_400
PAUSE_SECONDS = 1.0
_BATCH = 500

# Redis refuses an id that is not greater than the last one: such an event is in the run's stream
# already, and then it is in the wider streams, too. One script is one atomic step.
_ADD_ONCE = """
local added = redis.pcall('XADD', KEYS[1], ARGV[1] .. '-0', 'event', ARGV[2])
if type(added) == 'table' and added.err then
    return 0
end
for place = 2, #KEYS do
    redis.call('XADD', KEYS[place], 'MAXLEN', '~', ARGV[3], '*', 'event', ARGV[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


class RedisPublisher:
    """Publishes the events that this process commits; `watch` runs until it is cancelled."""

    def __init__(self, url: str, runs: PublishedRuns) -> None:
        self._redis, self._runs = Redis.from_url(url, decode_responses=True), runs
        self._add_once = self._redis.register_script(_ADD_ONCE)
        # The number of the last event published, for the runs published last.
        self._last: dict[str, int] = {}
        self._waiting: dict[str, None] = {}
        self._is_some = asyncio.Event()

    def publish(self, run_id: str, is_urgent: bool) -> None:
        """Publish a run's new events soon; the caller does not wait for Redis."""
        self._waiting[run_id] = None
        self._is_some.set()

    async def watch(self) -> None:
        """Publish what waits, and first what a process that died may have left; forever."""
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
                    self.publish(run_id, is_urgent=False)
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
                run = await self._runs.find(run_id)
                if run is not None:
                    await self._publish_run(run)
            except (RedisError, OSError, *DATABASE_PROBLEMS) as problem:
                log.warning("events are not published: %s", type(problem).__name__)
                self.publish(run_id, is_urgent=False)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _publish_run(self, run: PublishedRun) -> None:
        stream, run_id = f"flowc:{run.tenant}:run:{run.id}", run.id
        wider = [f"flowc:{run.tenant}:events"]
        if run.workflow_id is not None:
            wider.append(f"flowc:{run.tenant}:workflow:{run.workflow_id}")
        about = {"run_id": run_id, "workflow_id": run.workflow_id}
        after = self._last.pop(run_id, None)
        if after is None:
            newest = await self._redis.xrevrange(stream, count=1)
            after = int(str(newest[0][0]).split("-")[0]) if newest else 0
        while events := await self._runs.events(run_id, after, _BATCH):
            for event in events:
                text = json.dumps({**about, **event.as_json()}, separators=(",", ":"))
                await self._add_once(
                    keys=[stream, *wider],
                    args=[event.number, text, MAX_EVENTS, RUN_STREAM_SECONDS],
                )
                after = event.number
        self._last[run_id] = after
        if len(self._last) > 10_000:
            self._last.pop(next(iter(self._last)))
