"""Opens and closes the parts of a process that serves HTTP, works on runs, or both."""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from filelock import FileLock, Timeout

from flowc.compiler.node.registry import Registry
from flowc.nodes.services.models import Models
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.conversations.chat import Chat
from flowc.server.engine.publishing.postgres_notices import listen
from flowc.server.engine.publishing.watchers import Watchers
from flowc.server.engine.queue.alarms import Alarms
from flowc.server.engine.queue.dbos_queue import DoErrand, Queue, Worker
from flowc.server.engine.queue.retention import Retention
from flowc.server.engine.queue.supervisor import Supervisor
from flowc.server.engine.segments import Segments
from flowc.server.engine.stretch import Workplace
from flowc.server.environment.environment import Environment
from flowc.server.process.gate import Gate, open_gate
from flowc.server.process.self_test import self_test
from flowc.server.process.tracing import start_tracing
from flowc.server.process_services import ProcessServices, SettingsRefused
from flowc.server.runs.replays import Replays
from flowc.server.runs.runs import Runs
from flowc.server.settings import Settings, is_sqlite
from flowc.server.store import Database, StoredCache, StoredRuns, StoredWorkflows
from flowc.server.store.access import StoredAudit
from flowc.server.store.checkpoints import StoredCheckpoints
from flowc.server.store.files import StoredFiles
from flowc.server.store.runs.claims import Claims
from flowc.server.store.runs.steering import Steering
from flowc.server.store.runs.work_queue import Errand
from flowc.server.store.runs.writer import Writer
from flowc.server.store.threads import StoredThreads
from flowc.server.store.triggers import StoredTriggers
from flowc.server.triggers.deliveries import Deliveries
from flowc.server.triggers.dependencies import WorkflowDependencies
from flowc.server.triggers.schedules import Schedules
from flowc.server.triggers.webhooks import Webhooks
from flowc.server.workflows.compiled import Workflows

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
    audit: StoredAudit
    services: ProcessServices
    stored_workflows: StoredWorkflows
    stored_runs: StoredRuns
    workflows: Workflows
    runs: Runs
    schedules: Schedules
    replays: Replays
    webhooks: Webhooks
    deliveries: Deliveries
    dependencies: WorkflowDependencies
    threads: StoredThreads
    files: StoredFiles
    chat: Chat


async def open_process(
    settings: Settings, registry: Registry, stack: AsyncExitStack, *, works: bool
) -> Process:
    """Open what a process needs to start and watch runs, and to work on them if it `works`."""
    await self_test()
    url = settings.database
    database = await _open_database(settings, stack)
    files = StoredFiles(database, DEFAULT_TENANT)
    services = await _open_services(settings, database, files, stack)
    queue, watchers, writer = Queue(url), Watchers(), Writer(database)
    stack.callback(writer.close)
    stack.callback(queue.close)
    database.publish_to(watchers.publish)
    if settings.redis_url is not None:
        _publish(settings.redis_url, database, stack)
    stored_workflows = StoredWorkflows(database, DEFAULT_TENANT)
    steering = Steering(database, queue, writer)
    workflows = Workflows(stored_workflows, registry)
    place = Workplace(
        claims=Claims(database, queue, writer),
        steering=steering,
        services=services,
        checkpoints=StoredCheckpoints(database),
        max_steps=settings.max_steps,
    )
    worker = _worker(settings) if works else None
    segments = _segments(settings, worker, queue, workflows, place) if worker else None
    runs = Runs(
        tenant=DEFAULT_TENANT,
        stored_runs=StoredRuns(database, DEFAULT_TENANT),
        stored_workflows=stored_workflows,
        steering=steering,
        watchers=watchers,
        segments=segments,
        # Other processes may have other keys and secrets.
        environment=Environment(services, settings) if works else None,
    )
    gate = open_gate(settings, database, services.http)
    process = _process(runs, workflows, services, queue, files, gate)
    if worker is None or segments is None:
        await queue.set_up()
    else:
        await _work(process, worker, segments, settings, stack)
        in_background(stack, _settle(services.models if settings.warm_models else None))
    if not is_sqlite(url):
        offer = segments.offer if segments is not None else _ignore
        in_background(stack, listen(url, watchers.publish, offer, watchers.missed, gate.forget))
    return process


async def drain(process: Process, seconds: float) -> None:
    """Let runs finish for some seconds; then let no one wait for runs any longer."""
    try:
        if process.runs.segments is not None:
            await process.runs.segments.stop(seconds)
        else:
            # Workers elsewhere finish some of the runs meanwhile.
            await asyncio.sleep(seconds)
    finally:
        process.runs.watchers.close()


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


async def _open_services(
    settings: Settings, database: Database, files: StoredFiles, stack: AsyncExitStack
) -> ProcessServices:
    """Return the services of nodes, after deleting what earlier processes left."""
    cache = StoredCache(database, DEFAULT_TENANT)
    await cache.prune()
    await files.sweep()
    if settings.otlp_endpoint is not None:
        stack.callback(start_tracing(settings.otlp_endpoint))
    services = ProcessServices(settings, cache, files)
    stack.push_async_callback(services.aclose)
    return services


def _segments(
    settings: Settings, worker: Worker, queue: Queue, workflows: Workflows, place: Workplace
) -> Segments:
    """Return the segments that this process works on: from the queue, or started here."""
    return Segments(
        name=worker.name,
        slots=asyncio.Semaphore(settings.run_slots),
        # Only the queue can limit the runs of all processes together.
        starts_here=settings.max_runs is None,
        is_alone=is_sqlite(settings.database),
        give_back=queue.give_back,
        workflows=workflows,
        place=place,
    )


def _process(
    runs: Runs,
    workflows: Workflows,
    services: ProcessServices,
    queue: Queue,
    files: StoredFiles,
    gate: Gate,
) -> Process:
    """Return the process: its runs, with what they are runs of and what starts them."""
    stored_workflows, stored_runs, database = (
        runs.stored_workflows,
        runs.stored_runs,
        files.database,
    )
    triggers = StoredTriggers(database, DEFAULT_TENANT, queue)
    threads = StoredThreads(database, DEFAULT_TENANT)
    return Process(
        gate=gate,
        audit=StoredAudit(database),
        services=services,
        stored_workflows=stored_workflows,
        stored_runs=stored_runs,
        workflows=workflows,
        runs=runs,
        schedules=Schedules(DEFAULT_TENANT, queue, workflows, stored_workflows, runs),
        replays=Replays(stored_runs, stored_workflows, workflows, runs),
        webhooks=Webhooks(triggers, workflows, stored_workflows, runs, services),
        deliveries=Deliveries(triggers, stored_workflows, services),
        dependencies=WorkflowDependencies(triggers, workflows, stored_workflows, stored_runs, runs),
        threads=threads,
        files=files,
        chat=Chat(runs, threads, stored_workflows, workflows),
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
    url, runs, queue = settings.database, process.runs, process.schedules.queue
    runs.watchers.add(segments)
    errands: dict[Errand, DoErrand] = {
        "wake": runs.steering.expire,
        "deliver": process.deliveries.deliver,
        "depend": process.dependencies.begin,
    }
    await worker.start(segments.take, errands, process.schedules.fire)
    alarms = Alarms(runs.steering.expire)
    stack.callback(alarms.close)
    runs.steering.database.wake_with(alarms.set)
    if is_sqlite(url):
        runs.steering.database.offer_to(segments.offer)
        # What the last process of this data folder left: no other can be at work.
        await runs.steering.requeue_of(worker.name)
    if settings.keep_runs_days is not None:
        days = settings.keep_runs_days
        in_background(stack, Retention(runs.steering, queue, days).watch())
    if not is_sqlite(url):
        grace = settings.takeover_seconds
        in_background(stack, Supervisor(url, queue, runs.steering, grace).watch())
    stack.push_async_callback(_stop, worker, segments, process, settings)


def _publish(url: str, database: Database, stack: AsyncExitStack) -> None:
    """Publish the events that this process commits to Redis as well."""
    # Imported here: few operators use it.
    from flowc.server.engine.publishing.redis_streams import RedisPublisher  # noqa: PLC0415

    publisher = RedisPublisher(url, StoredRuns(database, DEFAULT_TENANT))
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
    # First, since a run at work needs the worker's threads for its writes.
    await segments.stop(settings.drain_seconds)
    if not is_sqlite(settings.database):
        await process.runs.steering.requeue_of(worker.name)
    await worker.stop()
    if not is_sqlite(settings.database):
        process.schedules.queue.hand_over_now(worker.name)
