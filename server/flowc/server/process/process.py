"""Opens and closes the parts of a process that serves HTTP, works on runs, or both."""

import asyncio
import gc
import logging
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from flowc.compiler.node.registry import Registry
from flowc.nodes.services.models import Models
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.engine.publishing.feed import Feed
from flowc.server.engine.publishing.postgres_notices import listen
from flowc.server.engine.publishing.watchers import Watchers
from flowc.server.engine.queue.alarms import Alarms
from flowc.server.engine.queue.dbos_queue import DoErrand, Queue, Worker
from flowc.server.engine.queue.folding import Folding
from flowc.server.engine.queue.retention import Retention
from flowc.server.engine.queue.supervisor import Supervisor
from flowc.server.engine.segments import Segments
from flowc.server.engine.stretch import Workplace
from flowc.server.logs.run_lines import log_runs
from flowc.server.numbers.metrics import Metrics
from flowc.server.numbers.run_counts import RunCounts
from flowc.server.process.gate import Gate, open_gate
from flowc.server.process.gauges import ProcessGauges
from flowc.server.process.openid_sign_in import open_provider
from flowc.server.process.self_test import self_test
from flowc.server.process.tenants import Tenant, Tenants
from flowc.server.process.tracing import start_tracing
from flowc.server.process_services import ProcessServices, SettingsRefused
from flowc.server.secrets.log_redaction import redacted_logs
from flowc.server.settings import Settings, is_sqlite
from flowc.server.store import Database
from flowc.server.store.access import StoredAudit
from flowc.server.store.checkpoints import StoredCheckpoints
from flowc.server.store.old_data import OldData
from flowc.server.store.runs.claims import Claims
from flowc.server.store.runs.published_runs import PublishedRuns
from flowc.server.store.runs.steering import Steering
from flowc.server.store.runs.work_queue import Errand
from flowc.server.store.runs.writer import Writer
from flowc.server.traces.run_spans import RunTracing

if TYPE_CHECKING:
    from flowc.server.access.openid import OpenIdProvider

log = logging.getLogger("flowc.worker")

# Seconds, in which a server opens its socket.
_WARM_AFTER = 0.5
# Seconds after which a busy event loop lets the writer's thread continue.
_SWITCH_SECONDS = 0.001
# Seconds between polls of the queue; a process that works alone has alarms and a backlog instead.
_POLL, _POLL_ALONE = 0.4, 2.0
# How many new objects are searched for garbage at a time: most runs leave none.
_COLLECT = (10_000, 20, 20)


@dataclass(frozen=True, kw_only=True)
class Process:
    """The open parts of a running process."""

    gate: Gate
    openid: "OpenIdProvider | None"
    audit: StoredAudit
    services: ProcessServices
    steering: Steering
    watchers: Watchers
    feed: Feed
    queue: Queue
    segments: Segments | None
    tenants: Tenants
    gauges: ProcessGauges

    @property
    def is_stopping(self) -> bool:
        """Whether it takes no more runs, and lets those at work finish."""
        is_draining = self.segments is not None and self.segments.stopping.is_set()
        return is_draining or self.watchers.is_closed

    @property
    def default(self) -> Tenant:
        """The operator's own tenant."""
        return self.tenants.of(DEFAULT_TENANT)


async def open_process(
    settings: Settings,
    registry: Registry,
    stack: AsyncExitStack,
    *,
    works: bool,
    metrics: Metrics | None = None,
) -> Process:
    """Open what a process needs to start and watch runs, and to work on them if it `works`."""
    await self_test()
    url, metrics = settings.database, metrics or Metrics()
    tracing = RunTracing(is_on=settings.is_tracing, records=settings.record_prompts)
    database = await _open_database(settings, stack)
    await OldData(database).sweep()
    services = _open_services(settings, metrics, database, stack)
    queue, watchers, writer = Queue(url), Watchers(), Writer(database)
    stack.callback(writer.close)
    stack.callback(queue.close)
    counts = RunCounts(metrics)
    database.publish_to(watchers.publish)
    database.report_to(counts.committed)
    database.report_to(log_runs)
    if settings.redis_url is not None:
        _publish(settings.redis_url, database, stack)
    steering = Steering(database, queue, writer, settings.max_unfinished_runs)
    tenants = Tenants(registry, database, services, steering, queue, watchers, tracing=tracing)
    stack.push_async_callback(tenants.aclose)
    place = Workplace(
        claims=Claims(database, queue, writer),
        steering=steering,
        counts=counts,
        tracing=tracing,
        home_of=tenants.of,
        checkpoints=StoredCheckpoints(database),
        max_steps=settings.max_steps,
    )
    worker = _worker(settings) if works else None
    segments = _segments(settings, worker, queue, place) if worker else None
    gate = open_gate(settings, database, services.http)
    openid = open_provider(settings, services.http, stack)
    process = Process(
        gate=gate,
        openid=openid,
        audit=StoredAudit(database),
        services=services,
        steering=steering,
        watchers=watchers,
        feed=_feed(database, watchers, stack),
        queue=queue,
        segments=segments,
        tenants=tenants,
        gauges=ProcessGauges(metrics, database),
    )
    process.gauges.show(segments, settings.run_slots, watchers)
    if worker is None or segments is None:
        await queue.set_up()
    else:
        tenants.work_on(segments)
        await _work(process, worker, segments, settings, stack)
        in_background(stack, _settle(services.models if settings.warm_models else None))
    if not is_sqlite(url):
        offer = segments.offer if segments is not None else _ignore
        in_background(stack, listen(url, watchers.publish, offer, watchers.missed, gate.forget))
    return process


async def drain(process: Process, seconds: float) -> None:
    """Let runs finish for some seconds; then let no one wait for runs any longer."""
    try:
        if process.segments is not None:
            await process.segments.stop(seconds)
        else:
            # Workers elsewhere finish some of the runs meanwhile.
            await asyncio.sleep(seconds)
    finally:
        process.watchers.close()


def _ignore(run_id: str, segment: int) -> None:
    """Leave queued work to the processes that work."""


async def _settle(models: Models | None) -> None:
    """Import litellm after the start, if models are to be warm; then leave what is there alone.

    After the start, since Python's lock lets only one thread of a process work. What is loaded by
    then stays: searching it for garbage again and again would hold up every request.
    """
    await asyncio.sleep(_WARM_AFTER)
    if models is not None:
        await models.warm()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)


async def _open_database(settings: Settings, stack: AsyncExitStack) -> Database:
    if is_sqlite(settings.database):
        _take_alone(settings, stack)
    database = await Database.open(settings.database)
    stack.push_async_callback(database.close)
    return database


def _open_services(
    settings: Settings, metrics: Metrics, database: Database, stack: AsyncExitStack
) -> ProcessServices:
    services = ProcessServices(settings, metrics)
    if settings.is_tracing:
        started = start_tracing(settings, services.known)
        stack.callback(started.stop)
        if started.ended is not None:
            database.report_to(started.ended)
    stack.enter_context(redacted_logs(services.known))
    stack.push_async_callback(services.aclose)
    return services


def _segments(settings: Settings, worker: Worker, queue: Queue, place: Workplace) -> Segments:
    """Return the segments that this process works on: from the queue, or started here."""
    return Segments(
        name=worker.name,
        slots=asyncio.Semaphore(settings.run_slots),
        # Only the queue can limit the runs of all processes together.
        starts_here=settings.max_runs is None,
        is_alone=is_sqlite(settings.database),
        give_back=queue.give_back,
        place=place,
    )


async def _work(
    process: Process,
    worker: Worker,
    segments: Segments,
    settings: Settings,
    stack: AsyncExitStack,
) -> None:
    """Start to work on runs, to supervise other workers, and to delete old runs."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    log.info("worker %s starts: %d slots for runs", worker.name, settings.run_slots)
    url, steering, queue = settings.database, process.steering, process.queue
    process.watchers.add(segments)
    errands: dict[Errand, DoErrand] = {
        "wake": steering.expire,
        "deliver": process.tenants.deliver,
        "depend": process.tenants.depend,
    }
    await worker.start(segments.take, errands, process.tenants.fire)
    alarms = Alarms(steering.expire)
    stack.callback(alarms.close)
    steering.database.wake_with(alarms.set)
    if is_sqlite(url):
        steering.database.offer_to(segments.offer)
        # What the last process of this data folder left: no other can be at work.
        await steering.requeue_of(worker.name)
    stack.push_async_callback(_stop, worker, segments, process, settings)
    # After the worker, so that they end before it: without its threads they could ask nothing.
    if settings.keep_runs_days is not None:
        days = settings.keep_runs_days
        in_background(stack, Retention(steering, queue, days).watch())
    in_background(stack, Folding(steering.database, settings.keep_analytics_days).watch())
    if not is_sqlite(url):
        grace = settings.takeover_seconds
        in_background(stack, Supervisor(url, queue, steering, grace).watch())


def _feed(database: Database, watchers: Watchers, stack: AsyncExitStack) -> Feed:
    """Return the feed of all events that this process commits or is notified of."""
    feed = Feed(PublishedRuns(database), watchers)
    watchers.add(feed)
    in_background(stack, feed.watch())
    return feed


def _publish(url: str, database: Database, stack: AsyncExitStack) -> None:
    """Publish the events that this process commits to Redis as well."""
    # Imported here: few operators use it.
    from flowc.server.engine.publishing.redis_streams import RedisPublisher  # noqa: PLC0415

    publisher = RedisPublisher(url, PublishedRuns(database))
    database.publish_to(publisher.publish)
    in_background(stack, publisher.watch())


def _worker(settings: Settings) -> Worker:
    is_alone = is_sqlite(settings.database) and settings.max_runs is None
    return Worker(
        settings.database,
        slots=settings.run_slots,
        poll_seconds=settings.poll_seconds or (_POLL_ALONE if is_alone else _POLL),
        max_runs=settings.max_runs,
    )


def require_alone(settings: Settings) -> None:
    """Raise SettingsRefused if another process works on the same SQLite file."""
    if is_sqlite(settings.database):
        with ExitStack() as stack:
            _take_alone(settings, stack)


def _take_alone(settings: Settings, stack: ExitStack | AsyncExitStack) -> None:
    """Lock the data folder, so that no other process works on the same SQLite file."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.data_dir / "flowc.lock")
    try:
        lock.acquire(timeout=2)
    except Timeout:
        message = (
            f"Another process uses {settings.data_dir}. To run several, set FLOWC_DATABASE_URL."
        )
        raise SettingsRefused(message) from None
    stack.callback(lock.release)


def in_background(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in the background until the process stops."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)


async def _stop(worker: Worker, segments: Segments, process: Process, settings: Settings) -> None:
    """Let runs finish for some seconds, and hand the others over to other workers."""
    log.info("worker %s stops", worker.name)
    # First, since a run at work needs the worker's threads for its writes.
    await segments.stop(settings.drain_seconds)
    if not is_sqlite(settings.database):
        await process.steering.requeue_of(worker.name)
    await worker.stop()
    if not is_sqlite(settings.database):
        process.queue.hand_over_now(worker.name)
    log.info("worker %s has stopped", worker.name)
