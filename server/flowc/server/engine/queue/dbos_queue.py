"""How does DBOS keep the queue of segments, wake those that wait, and take over from the dead?

The only module that knows DBOS: what it offers is what would have to be had elsewhere.
"""

import asyncio
import os
import socket
import sqlite3
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    EnqueueOptions,
    SetWorkflowID,
    WorkflowSchedule,
    error,
)
from sqlalchemy import Engine as SyncEngine
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.orm import Session
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from flowc.server.records.refused import Refused
from flowc.server.records.triggers import Schedule
from flowc.server.store.database import DATABASE_PROBLEMS, SQLITE_PRAGMAS, is_sqlite
from flowc.server.store.runs.claims import Claim
from flowc.server.store.runs.errands import Errand

NAME = "flowc"
# One for ever: what a run is pinned to is its definition, not the program that works on it.
VERSION = "1"
QUEUE = "runs"
# The database finds out within half a minute that a machine is gone.
_KEEPALIVE = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
# Seconds after which a segment that the database keeps failing under is given up for this start.
_GIVE_UP = 3_600
# Seconds that DBOS is given to write down what has just ended, when a worker stops.
_LAST_WORDS = 5.0

# Returns how a segment ended; None if it was let go of, for others to go on with.
DoWork = Callable[[str, int, Claim | None], Awaitable[str | None]]
DoErrand = Callable[[str], Awaitable[None]]
# Told what a schedule was made with, and the moment that it fires for.
Fire = Callable[[dict[str, Any], str], Awaitable[None]]


class ScheduleRefused(Refused):
    """The schedule already exists, or its cron expression or time zone is not valid."""


@dataclass
class _Hands:
    """What this process does when DBOS calls; there is one DBOS in a process."""

    work: Callable[[str, int], Awaitable[str | None]] | None = None
    errands: Mapping[Errand, DoErrand] = field(default_factory=dict)
    fire: Fire | None = None
    # What DBOS does now: until it has written down how that ended, it needs its threads.
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)


_HANDS = _Hands()


# No steps: what a segment has done stands in its run's checkpoints, and is looked up there when it
# is begun again. A step of DBOS would write it down once more, and poll for cancellations.
_RETRYING = AsyncRetrying(
    retry=retry_if_exception_type(DATABASE_PROBLEMS),
    stop=stop_after_delay(_GIVE_UP),
    wait=wait_exponential(multiplier=0.5, max=15),
    reraise=True,
)


@DBOS.workflow(name="segment", max_recovery_attempts=None)
async def _segment(run_id: str, segment: int) -> str:
    assert _HANDS.work is not None  # set before DBOS begins
    task = _under_way()
    told: str | None = await _RETRYING(_HANDS.work, run_id, segment)
    if told is not None:
        return told
    _HANDS.under_way.discard(task)
    # Until the process ends: whoever returned would have ended the segment.
    end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    return await end


@DBOS.workflow(name="errand", max_recovery_attempts=None)
async def _errand(errand: Errand, subject: str) -> None:
    _under_way()
    await _RETRYING(_HANDS.errands[errand], subject)


@DBOS.workflow(name="fire", max_recovery_attempts=None)
async def _fire(moment: Any, context: dict[str, Any]) -> None:
    assert _HANDS.fire is not None  # see above
    _under_way()
    # Kept as JSON, a moment is a text.
    told = moment if isinstance(moment, str) else moment.isoformat()
    await _RETRYING(_HANDS.fire, context, told)


def _under_way() -> asyncio.Task[Any]:
    """Note the task that DBOS does its present work in, until it is done; return it."""
    task = asyncio.current_task()
    assert task is not None  # DBOS makes one for each piece of work
    _HANDS.under_way.add(task)
    task.add_done_callback(_HANDS.under_way.discard)
    return task


class Queue:
    """Puts work in the queue, from any process that reaches the database."""

    def __init__(self, url: str) -> None:
        self._url, self._engine = url, _sync_engine(url)
        self._client = DBOSClient(
            system_database_engine=self._engine,
            application_name=NAME,
            serializer=DBOSPortableJSONSerializer(),
            lazy=True,
        )

    async def set_up(self) -> None:
        """Make the queue's tables, which a worker does, too, when it begins."""
        await asyncio.to_thread(DBOS.migrate, self._url)

    def enqueue(
        self, session: Session, run_id: str, segment: int, priority: int, delay: float | None = None
    ) -> None:
        """Have a segment of a run worked on, after some seconds; within a transaction."""
        options = _options("segment", f"{run_id}:{segment}", delay)
        options["priority"] = priority
        self._client.enqueue_in_transaction(session, options, run_id, segment)

    def errand(
        self, session: Session, errand: Errand, subject: str, run_id: str, seconds: float = 0.0
    ) -> None:
        """Have an errand done after some seconds, forgotten with its run; within a transaction."""
        options = _options("errand", f"{run_id}:{errand}:{uuid.uuid4().hex}", seconds)
        # Before all that is waiting: it is short, and somebody waits for it.
        options["priority"] = 1
        self._client.enqueue_in_transaction(session, options, errand, subject)

    async def held(self) -> dict[str, list[str]]:
        """Return the segments under way, by the worker that has them."""
        found = await self._client.list_workflows_async(
            status="PENDING", load_input=False, load_output=False
        )
        held: dict[str, list[str]] = {}
        for workflow in found:
            held.setdefault(workflow.executor_id or "", []).append(workflow.workflow_id)
        return held

    async def hand_on(self, segments: list[str]) -> None:
        """Have others work on segments that somebody had; what he still writes is refused."""
        await self._client.resume_workflows_async(segments, queue_name=QUEUE)

    def hand_on_now(self, worker: str) -> int:
        """Have others work on what a worker that has stopped still had; return how much it was."""
        found = self._client.list_workflows(
            status="PENDING", executor_id=worker, load_input=False, load_output=False
        )
        if found:
            self._client.resume_workflows([w.workflow_id for w in found], queue_name=QUEUE)
        return len(found)

    async def forget(self, run_id: str) -> None:
        """Delete what the queue keeps of a run."""
        found = await self._client.list_workflows_async(
            workflow_id_prefix=f"{run_id}:", load_input=False, load_output=False
        )
        if found:
            await self._client.delete_workflows_async([w.workflow_id for w in found])

    async def create_schedule(self, schedule: Schedule) -> None:
        """Have something begun at the times of a cron expression; raise ScheduleRefused."""
        try:
            await self._client.create_schedule_async(
                schedule_name=schedule.id,
                workflow_name="fire",
                schedule=schedule.cron,
                context=schedule.context,
                cron_timezone=schedule.timezone,
                automatic_backfill=schedule.catches_up,
                queue_name=QUEUE,
            )
        except error.DBOSException as problem:
            raise ScheduleRefused(str(problem)) from None

    async def schedules(self, prefix: str) -> list[Schedule]:
        """Return the schedules whose ids begin so."""
        found = await self._client.list_schedules_async(schedule_name_prefix=prefix)
        return [_schedule(each) for each in found]

    async def steer_schedule(self, id: str, *, is_paused: bool) -> None:
        """Let a schedule rest, or go on."""
        steer = self._client.pause_schedule if is_paused else self._client.resume_schedule
        await asyncio.to_thread(steer, id)

    async def delete_schedule(self, id: str) -> None:
        """Take a schedule away."""
        await self._client.delete_schedule_async(id)

    async def fire_now(self, id: str) -> None:
        """Begin what a schedule begins, now."""
        await asyncio.to_thread(self._client.trigger_schedule, id)

    async def backfill(self, id: str, start: datetime, end: datetime) -> int:
        """Begin what a schedule would have begun between two moments; return how often that is.

        What was begun for a moment already is not begun again.
        """
        done = await asyncio.to_thread(self._client.backfill_schedule, id, start, end)
        return len(done)

    def close(self) -> None:
        """Close all connections."""
        self._client.destroy()
        self._engine.dispose()


class Worker:
    """Works on segments in this process, beside whoever else does so on this database."""

    def __init__(
        self, url: str, *, slots: int, poll_seconds: float, max_runs: int | None = None
    ) -> None:
        self._url, self._slots, self._poll, self._max_runs = url, slots, poll_seconds, max_runs
        self._busy = 0
        self._begun: dict[str, asyncio.Task[str | None]] = {}
        self._do_work: DoWork | None = None
        self._lost: DoErrand | None = None
        # In a file of its own a process finds what it left; else each has a name of its own.
        unique = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.name = "local" if is_sqlite(url) else unique

    async def start(
        self, work: DoWork, errands: Mapping[Errand, DoErrand], fire: Fire, lost: DoErrand
    ) -> None:
        """Begin to work: first on what a former process of this name left.

        Runs that were begun here, and of which the queue could not be told, are said to be `lost`.
        """
        self._do_work, self._lost = work, lost
        _HANDS.work, _HANDS.errands, _HANDS.fire = self._work_once, errands, fire
        # On the loop's own thread, so that segments run on this loop.
        DBOS(config=self._config())
        DBOS.launch()
        await DBOS.register_queue_async(
            QUEUE,
            concurrency=self._max_runs,
            worker_concurrency=min(self._slots, self._max_runs or self._slots),
            polling_interval_sec=self._poll,
            on_conflict="always_update",
        )

    async def _work_once(self, run_id: str, segment: int) -> str | None:
        """Work on a segment, or wait for the work on it that has begun already."""
        begun = self._begun.pop(run_id, None)
        return await (begun or self._work(run_id, segment, None))

    async def _work(self, run_id: str, segment: int, claim: Claim | None) -> str | None:
        assert self._do_work is not None  # set before DBOS begins
        self._busy += 1
        try:
            return await self._do_work(run_id, segment, claim)
        finally:
            self._busy -= 1

    @property
    def has_room(self) -> bool:
        """Whether a run may be worked on here without standing in the queue."""
        return self._max_runs is None and self._busy < self._slots

    def start_here(self, claim: Claim) -> None:
        """Work on a segment that is this process's already, at once.

        The queue is told of it before anything is written but its end.
        """
        run_id, segment = claim.run.id, claim.run.segment
        claim.tell_queue = partial(self._tell_queue, run_id, segment)
        working = asyncio.create_task(self._work_first(claim))
        self._begun[run_id] = working
        working.add_done_callback(lambda _: self._begun.pop(run_id, None))

    async def _tell_queue(self, run_id: str, segment: int) -> None:
        with SetWorkflowID(f"{run_id}:{segment}"):
            await DBOS.start_workflow_async(_segment, run_id, segment)

    async def _work_first(self, claim: Claim) -> str | None:
        try:
            return await self._work(claim.run.id, claim.run.segment, claim)
        except DATABASE_PROBLEMS:
            if claim.tell_queue is None or self._lost is None:
                # Whoever works for the queue waits for this, and tries again.
                raise
            await _RETRYING(self._lost, claim.run.id)
            return "lost"

    async def stop(self) -> None:
        """Take no more work; what has not finished stays known as this worker's.

        Threads of the event loop end with it: whatever needs one has to be done before.
        """
        if _HANDS.under_way:
            await asyncio.wait(_HANDS.under_way, timeout=_LAST_WORDS)
        await asyncio.to_thread(DBOS.destroy)

    def _config(self) -> DBOSConfig:
        config: DBOSConfig = {
            "name": NAME,
            "application_version": VERSION,
            "executor_id": self.name,
            "log_level": "ERROR",
            "serializer": DBOSPortableJSONSerializer(),
            "scheduler_polling_interval_sec": 5.0,
        }
        if is_sqlite(self._url):
            config["system_database_engine"] = _sync_engine(self._url)
            config["notification_listener_polling_interval_sec"] = 1.0
        else:
            config["system_database_url"] = self._url
            # By the name of its sessions a supervisor sees that this process lives.
            connect = {"application_name": session_name(self.name), "options": _KEEPALIVE}
            config["db_engine_kwargs"] = {"connect_args": connect}
        return config


def _schedule(found: WorkflowSchedule) -> Schedule:
    return Schedule(
        id=found["schedule_name"],
        cron=found["schedule"],
        timezone=found["cron_timezone"] or "UTC",
        context=found["context"],
        catches_up=found["automatic_backfill"],
        is_paused=found["status"] != "ACTIVE",
        last_fired_at=found["last_fired_at"],
    )


def session_name(worker: str) -> str:
    """Return the name that a worker's database sessions have; PostgreSQL keeps 63 characters."""
    return f"{NAME}:{worker}"[:63]


def _options(workflow: str, id: str, delay: float | None) -> EnqueueOptions:
    options: EnqueueOptions = {
        "workflow_name": workflow,
        "queue_name": QUEUE,
        "workflow_id": id,
        "app_version": VERSION,
    }
    if delay is not None and delay > 0:
        options["delay_seconds"] = delay
    return options


def _sync_engine(url: str) -> SyncEngine:
    if not is_sqlite(url):
        return create_engine(make_url(url).set(drivername="postgresql+psycopg"), pool_size=2)
    engine = create_engine(url, module=_sqlite())
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: Any, _: Any) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in (*SQLITE_PRAGMAS, "busy_timeout = 30000"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite() -> Any:
    """Return a SQLite that DBOS can use: from Python 3.12 on, it needs a newer one than many."""
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
        import pysqlite3  # noqa: PLC0415 - only where it is needed

        return pysqlite3
    return sqlite3
