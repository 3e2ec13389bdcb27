"""The queue of segments, errands and schedules, and the worker that takes from it, both by DBOS.

This is the only module that imports DBOS: another queue would have to offer the same classes.
"""

import asyncio
import logging
import os
import re
import socket
import sqlite3
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    EnqueueOptions,
    error,
)
from sqlalchemy import Engine as SyncEngine
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.orm import Session

from flowc.server.engine.patience import PATIENTLY
from flowc.server.engine.queue.schedule_forms import as_schedule, as_wanted
from flowc.server.records.refused import Refused
from flowc.server.records.triggers import Schedule
from flowc.server.settings import is_sqlite
from flowc.server.store import sqlite_connections
from flowc.server.store.database import AWAITED, QUEUED
from flowc.server.store.runs.work_queue import QUEUE_CHANNEL, Errand

NAME = "flowc"
# Never changes: a run is pinned to its definition, not to the version of the program.
VERSION = "1"
QUEUE = "runs"
# With these, the database notices within half a minute that a machine is gone.
_KEEPALIVE = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
_NOTIFY = text("select pg_notify(:channel, :payload)")
# How long a connection to a SQLite file waits for one that writes.
_BUSY_SECONDS = 30
# Between two looks for messages of DBOS, which are not used here; a stop waits for one.
_UNUSED_SECONDS = 0.5
# Seconds in which DBOS may still record what has just ended, when a worker stops.
_STOP_SECONDS = 5.0

# Returns how a segment ended; None if it is unfinished, and another worker must continue it.
DoWork = Callable[[str, int], Awaitable[str | None]]
DoErrand = Callable[[str], Awaitable[None]]
# Called with the context of a schedule, and the moment for which it fires, in ISO 8601.
Fire = Callable[[dict[str, Any], str, bool], Awaitable[None]]


# The end of the id that DBOS gives to what a client triggers.
_TRIGGERED = re.compile(r"-trigger-\d{4}-[\dT:.+-]+$")
_CRON = (
    "{!r} is no cron expression: write minute, hour, day, month and weekday, such as 0 3 * * 1;"
    " a sixth field, before them, is the second."
)


class ScheduleRefused(Refused):
    """The schedule already exists."""


class BadSchedule(Refused):
    """The schedule is not valid.

    `field` is the one at fault.
    """

    field = ""

    @property
    def details(self) -> Sequence[Any]:
        """The field, as of a body that does not fit."""
        return [{"at": ["body", self.field], "message": str(self)}]

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass
class _Handlers:
    """What this process does when DBOS calls; a process has one DBOS."""

    work: DoWork | None = None
    errands: Mapping[Errand, DoErrand] = field(default_factory=dict)
    fire: Fire | None = None
    # The tasks of DBOS: until it has recorded how they ended, it needs its threads.
    running: set[asyncio.Task[Any]] = field(default_factory=set)


_HANDLERS = _Handlers()


# No DBOS steps: what a segment has done is in its run's checkpoints, and is read from there when it
# starts again. A step would store it a second time, and poll for cancellations.
@DBOS.workflow(name="segment", max_recovery_attempts=None)
async def _segment(run_id: str, segment: int) -> str:
    assert _HANDLERS.work is not None  # set before DBOS starts
    task = _note_task()
    result: str | None = await PATIENTLY(_HANDLERS.work, run_id, segment)
    if result is not None:
        return result
    _HANDLERS.running.discard(task)
    # Never returns: DBOS would take a return as the end of the segment, and not hand it over.
    end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    return await end


@DBOS.workflow(name="errand", max_recovery_attempts=None)
async def _errand(errand: Errand, subject: str) -> None:
    _note_task()
    await PATIENTLY(_HANDLERS.errands[errand], subject)


@DBOS.workflow(name="fire", max_recovery_attempts=None)
async def _fire(moment: Any, context: dict[str, Any]) -> None:
    assert _HANDLERS.fire is not None  # see above
    _note_task()
    # A moment that DBOS has stored as JSON arrives as a text.
    text = moment if isinstance(moment, str) else moment.isoformat()
    is_asked = _TRIGGERED.search(DBOS.workflow_id or "") is not None
    await PATIENTLY(_HANDLERS.fire, context, text, is_asked)


def _note_task() -> asyncio.Task[Any]:
    """Note the current task of DBOS until it is done; return it."""
    task = asyncio.current_task()
    assert task is not None  # DBOS makes one for each piece of work
    _HANDLERS.running.add(task)
    task.add_done_callback(_HANDLERS.running.discard)
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
        """Create the queue's tables; a worker does this, too, when it starts."""
        await asyncio.to_thread(DBOS.migrate, self._url)

    def enqueue(
        self, session: Session, run_id: str, segment: int, priority: int, delay: float | None = None
    ) -> None:
        """Queue a segment of a run within a transaction, to be worked on after some seconds."""
        options = _options("segment", _id(run_id, segment), delay)
        options["priority"] = priority
        self._client.enqueue_in_transaction(session, options, run_id, segment)
        if delay is None:
            session.info.setdefault(QUEUED, []).append((run_id, segment, priority))
            if not is_sqlite(self._url):
                notice = {"channel": QUEUE_CHANNEL, "payload": f"{run_id} {segment}"}
                session.execute(_NOTIFY, notice)

    def errand(
        self, session: Session, errand: Errand, subject: str, run_id: str, seconds: float = 0.0
    ) -> None:
        """Queue an errand within a transaction, to be done after some seconds."""
        options = _options("errand", f"{run_id}:{errand}:{uuid.uuid4().hex}", seconds)
        # First in the queue: an errand is short, and something waits for it.
        options["priority"] = 1
        self._client.enqueue_in_transaction(session, options, errand, subject)
        if errand == "wake":
            session.info.setdefault(AWAITED, []).append((subject, seconds))

    async def held(self) -> dict[str, list[str]]:
        """Return the ids of the segments at work, by worker."""
        found = await self._client.list_workflows_async(
            status="PENDING", load_input=False, load_output=False
        )
        held: dict[str, list[str]] = {}
        for workflow in found:
            held.setdefault(workflow.executor_id or "", []).append(workflow.workflow_id)
        return held

    async def hand_over(self, segments: list[str]) -> None:
        """Queue segments again that a worker had; if it is alive, its next write is refused."""
        await self._client.resume_workflows_async(segments, queue_name=QUEUE)

    async def give_back(self, run_id: str, segment: int) -> None:
        """Queue a segment again that this process took, and does not start."""
        await self.hand_over([_id(run_id, segment)])

    def hand_over_now(self, worker: str) -> int:
        """Queue all segments again that a stopped worker had; return their number."""
        found = self._client.list_workflows(
            status="PENDING", executor_id=worker, load_input=False, load_output=False
        )
        if found:
            self._client.resume_workflows([w.workflow_id for w in found], queue_name=QUEUE)
        return len(found)

    async def forget(self, run_ids: list[str]) -> None:
        """Delete the queue's entries of runs."""
        found = await self._client.list_workflows_async(
            workflow_id_prefix=[f"{run_id}:" for run_id in run_ids],
            load_input=False,
            load_output=False,
        )
        if found:
            await self._client.delete_workflows_async([w.workflow_id for w in found])

    async def put_schedule(self, schedule: Schedule) -> None:
        """Store a schedule, which fires as its cron expression says; raise BadSchedule.

        One that is there already gets the new times, and stays paused if it was.
        """
        try:
            ZoneInfo(schedule.timezone)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            message = f"There is no time zone {schedule.timezone!r}; write it as Europe/Paris."
            raise BadSchedule("timezone", message) from None
        try:
            await self._client.apply_schedules_async([as_wanted(schedule, QUEUE)])
        except error.DBOSException:
            raise BadSchedule("cron", _CRON.format(schedule.cron)) from None

    async def schedules(self, prefix: str) -> list[Schedule]:
        """Return the schedules whose ids start with a prefix."""
        found = await self._client.list_schedules_async(schedule_name_prefix=prefix)
        # The database takes some characters of a prefix as any character.
        mine = (each for each in found if each["schedule_name"].startswith(prefix))
        return [as_schedule(each) for each in mine]

    async def steer_schedule(self, id: str, *, is_paused: bool) -> None:
        """Pause or resume a schedule."""
        steer = self._client.pause_schedule if is_paused else self._client.resume_schedule
        await asyncio.to_thread(steer, id)

    async def delete_schedule(self, id: str) -> None:
        """Delete a schedule."""
        await self._client.delete_schedule_async(id)

    async def fire_now(self, id: str) -> None:
        """Fire a schedule now."""
        await asyncio.to_thread(self._client.trigger_schedule, id)

    async def backfill(self, id: str, start: datetime, end: datetime) -> int:
        """Fire a schedule for each of its moments between two; return their number.

        A moment for which it fired before is not repeated.
        """
        done = await asyncio.to_thread(self._client.backfill_schedule, id, start, end)
        return len(done)

    def close(self) -> None:
        """Close all connections."""
        self._client.destroy()
        self._engine.dispose()


class Worker:
    """Takes segments from the queue in this process; other processes may have workers, too."""

    def __init__(
        self, url: str, *, slots: int, poll_seconds: float, max_runs: int | None = None
    ) -> None:
        self._url, self._slots, self._poll, self._max_runs = url, slots, poll_seconds, max_runs
        # A SQLite file has one process at a time, which continues what the last one left. With
        # PostgreSQL, each process has its own name, by which a supervisor sees that it is alive.
        unique = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.name = "local" if is_sqlite(url) else unique

    async def start(self, work: DoWork, errands: Mapping[Errand, DoErrand], fire: Fire) -> None:
        """Start working: first on what a former process of this name left."""
        _HANDLERS.work, _HANDLERS.errands, _HANDLERS.fire = work, errands, fire
        # On the loop's own thread, so that segments run on this loop.
        DBOS(config=self._config())
        logging.getLogger("dbos").addFilter(_is_news)
        DBOS.launch()
        await DBOS.register_queue_async(
            QUEUE,
            concurrency=self._max_runs,
            worker_concurrency=min(self._slots, self._max_runs or self._slots),
            polling_interval_sec=self._poll,
            on_conflict="always_update",
        )

    async def stop(self) -> None:
        """Take no more work; the queue still has unfinished segments as this worker's.

        DBOS ends the threads of the event loop: all that needs one must be done before.
        """
        if _HANDLERS.running:
            await asyncio.wait(_HANDLERS.running, timeout=_STOP_SECONDS)
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
            config["notification_listener_polling_interval_sec"] = _UNUSED_SECONDS
        else:
            config["system_database_url"] = self._url
            # The supervisor sees by the name of its sessions that this process is alive.
            connect = {"application_name": session_name(self.name), "options": _KEEPALIVE}
            config["db_engine_kwargs"] = {"connect_args": connect}
        return config


def session_name(worker: str) -> str:
    """Return the name of a worker's database sessions; PostgreSQL allows 63 characters.

    >>> session_name("host-17-ab12")
    'flowc:host-17-ab12'
    """
    return f"{NAME}:{worker}"[:63]


def _id(run_id: str, segment: int) -> str:
    return f"{run_id}:{segment}"


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
    sqlite_connections.set_up(connection, _BUSY_SECONDS)


def _sqlite() -> Any:
    """Return a SQLite module that DBOS can use: from Python 3.12 on, it needs version 3.42."""
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
        import pysqlite3  # noqa: PLC0415 - not installed elsewhere

        return pysqlite3
    return sqlite3


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether an error is only logged: that of a failed start is raised as well.

    What DBOS takes from the queue while it stops fails, and is handed over.
    """
    problem = record.exc_info[1] if record.exc_info else None
    is_stopping = isinstance(problem, RuntimeError) and "after shutdown" in str(problem)
    return not is_stopping and not record.getMessage().startswith("DBOS failed to launch")
