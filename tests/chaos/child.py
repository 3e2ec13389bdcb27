"""One life of a process: it starts or resumes runs, until they end or the process is killed."""

import asyncio
import functools
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from chaos.shapes import SIDE_LOG, Mark
from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.node.registry import Registry
from flowc.server.engine.checkpointer import RunCheckpointer
from flowc.server.engine.queue import dbos_queue
from flowc.server.process import process as process_module
from flowc.server.process.process import Process, open_process
from flowc.server.records.runs import ENDED
from flowc.server.runs.run_options import RunOptions
from flowc.server.settings import Settings
from flowc.server.store.database import Database
from flowc.server.store.runs.batches import Batch, BatchStatements
from flowc.server.store.runs.claims import Claims
from flowc.server.store.runs.steering import NotAnswerable, Steering
from flowc.server.store.runs.stored_runs import WantedInterrupts
from flowc.server.store.runs.writer import Writer

STEPS: dict[str, tuple[Any, str]] = {
    "submit": (Steering, "create"),
    "enqueue": (dbos_queue.Queue, "enqueue"),
    "timer": (dbos_queue.Queue, "errand"),
    "claim": (Claims, "claim"),
    "commit": (Database, "transact"),
    "group": (BatchStatements, "write"),
    "rows": (BatchStatements, "_put"),
    "transaction": (Database, "_commit"),
    "results": (Writer, "_announce"),
    "node": (Mark, "run"),
    "checkpoint": (RunCheckpointer, "aput"),
    "journal": (RunCheckpointer, "aput_writes"),
    "interrupt": (Claims, "rest"),
    "answer": (Steering, "answer"),
    "signal": (Steering, "send"),
    "expiry": (Steering, "expire"),
    "completion": (Claims, "finish"),
}
# The steps within a group commit: they have the runs of the group.
OF_GROUP = frozenset({"group", "rows", "transaction"})


class Kill(NamedTuple):
    """The moment when a process dies: before or after a durable step is done for the n-th time."""

    step: str
    time: int
    is_after: bool


@dataclass(frozen=True)
class Life:
    """The work of one process, and the folder for its result.

    `runs` has the definition of each run under the run's idempotency key. Of a group commit and
    what is within it, only those count that have events of `least` runs or more. Each takes
    some `seconds` longer, as on a slow disk: meanwhile more runs have something ready.
    """

    settings: Settings
    runs: Mapping[str, dict[str, Any]]
    folder: Path
    is_queued: bool = False
    kill: Kill | None = None
    least: int = 0
    seconds: float = 0.0


def live(life: Life) -> None:
    """Do the work; write `result.json`, with the number of times of each step, if all runs end."""
    os.environ[SIDE_LOG] = str(life.folder / "side.log")
    steps = _Steps(life)
    for step, (owner, name) in STEPS.items():
        setattr(owner, name, steps.watched(getattr(owner, name), step))
    process_module.self_test = _tested
    asyncio.run(_run(life, steps.seen))


async def _tested() -> None:
    """Do nothing: the process that forked this one has tested the libraries."""


class _Steps:
    """Counts durable steps, and ends the process at the moment of the kill."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self.seen: Counter[str] = Counter()
        # A transaction has a thread to itself: each thread has its own group.
        self._thread = threading.local()

    def watched(self, function: Any, step: str) -> Any:
        """Return the function, made to count its calls and to die at the moment of the kill."""
        if not asyncio.iscoroutinefunction(function):

            @functools.wraps(function)
            def watched(*args: Any, **kwargs: Any) -> Any:
                if step == "group":
                    self._thread.batches = args[2]
                    time.sleep(self._life.seconds)
                counts = self._begin(step)
                result = function(*args, **kwargs)
                self._end(step, counts)
                return result

            return watched

        @functools.wraps(function)
        async def watched_async(*args: Any, **kwargs: Any) -> Any:
            counts = self._begin(step)
            result = await function(*args, **kwargs)
            self._end(step, counts)
            return result

        return watched_async

    def _begin(self, step: str) -> bool:
        runs = sum(bool(batch.pending.events) for batch in self._group)
        counts = step not in OF_GROUP or runs >= self._life.least
        if counts:
            self.seen[step] += 1
            self._die_if(step, False)
        return counts

    def _end(self, step: str, counts: bool) -> None:
        if counts:
            self._die_if(step, True)

    def _die_if(self, step: str, is_after: bool) -> None:
        if self._life.kill == Kill(step, self.seen[step], is_after):
            batches = [[it.run_id, _told(it)] for it in self._group if it.pending.events]
            (self._life.folder / "killed.json").write_text(json.dumps(batches))
            os.kill(os.getpid(), signal.SIGKILL)

    @property
    def _group(self) -> Sequence[Batch]:
        return getattr(self._thread, "batches", ())


def _told(batch: Batch) -> list[str]:
    return [name_of(each.kind, each.path, each.node_id, each.at) for each in batch.pending.events]


def name_of(kind: str, path: str, node_id: str | None, at: datetime | str) -> str:
    """Return what tells one event of a run from all others, also before it has a number."""
    return f"{kind} {path}{node_id} {at}"


async def _run(life: Life, seen: Counter[str]) -> None:
    registry = Registry([*Registry.installed(), Mark])
    async with AsyncExitStack() as stack:
        # With a limit for all processes, every segment comes from the queue.
        queued = {"max_runs": 20} if life.is_queued else {}
        settings = life.settings.model_copy(update=queued)
        process = await open_process(settings, registry, stack, works=True)
        # Compiled before, so that the runs begin together.
        compiled = {
            key: await process.default.workflows.compile(it) for key, it in life.runs.items()
        }
        found = await asyncio.gather(
            *(_result(process, life, key, each) for key, each in compiled.items())
        )
        result = {"runs": dict(zip(life.runs, found, strict=True)), "seen": seen}
        (life.folder / "result.json").write_text(json.dumps(result))
        # The result is written: an orderly end would only take time.
        os._exit(0)


async def _result(
    process: Process, life: Life, key: str, compiled: CompiledWorkflow
) -> dict[str, Any]:
    run = await process.default.runs.submit(
        compiled,
        {},
        options=RunOptions(idempotency_key=key),
        is_awaited=not life.is_queued,
    )
    while await process.default.stored_runs.status(run.id) not in ENDED:
        await _answer_all(process, run.id)
        await asyncio.sleep(0.02)
    done = await process.default.stored_runs.get(run.id)
    events = await process.default.stored_runs.events(run.id, limit=10_000)
    as_json = [event.as_json() for event in events]
    return {"id": run.id, "status": done.status, "output": done.output, "events": as_json}


async def _answer_all(process: Process, run_id: str) -> None:
    for asked in await process.default.stored_runs.interrupts(
        WantedInterrupts(run_id=run_id, status="waiting")
    ):
        if asked.kind == "human" and asked.data["title"] != "late":
            try:
                await process.default.runs.answer(asked.id, "approve")
            except NotAnswerable:
                continue
        elif asked.kind == "signal":
            await process.default.runs.signal("go", "", {"n": 1}, id=f"go-{run_id}"[:64])
