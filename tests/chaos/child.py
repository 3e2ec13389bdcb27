"""One life of a process: it starts or resumes a run, until the run ends or the process is killed."""

import asyncio
import functools
import json
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from chaos.shapes import SIDE_LOG, Mark
from flowc.compiler.node.registry import Registry
from flowc.server.engine.checkpointer import RunCheckpointer
from flowc.server.engine.queue import dbos_queue
from flowc.server.process.process import Process, open_process
from flowc.server.records.runs import ENDED
from flowc.server.runs.runs import RunOptions
from flowc.server.settings import Settings
from flowc.server.store.database import Database
from flowc.server.store.runs.claims import Claims
from flowc.server.store.runs.steering import NotAnswerable, Steering
from flowc.server.store.runs.writer import BatchStatements

STEPS: dict[str, tuple[Any, str]] = {
    "submit": (Steering, "create"),
    "enqueue": (dbos_queue.Queue, "enqueue"),
    "timer": (dbos_queue.Queue, "errand"),
    "claim": (Claims, "claim"),
    "commit": (Database, "transact"),
    "group": (BatchStatements, "write"),
    "rows": (BatchStatements, "_put"),
    "node": (Mark, "run"),
    "checkpoint": (RunCheckpointer, "aput"),
    "journal": (RunCheckpointer, "aput_writes"),
    "interrupt": (Claims, "rest"),
    "answer": (Steering, "answer"),
    "signal": (Steering, "send"),
    "expiry": (Steering, "expire"),
    "completion": (Claims, "finish"),
}


class Kill(NamedTuple):
    """The moment when a process dies: before or after a durable step is done for the n-th time."""

    step: str
    time: int
    is_after: bool


@dataclass(frozen=True)
class Life:
    """The work of one process, and the folder for its result."""

    settings: Settings
    shape: dict[str, Any]
    key: str
    folder: Path
    is_queued: bool
    kill: Kill | None = None


def live(life: Life) -> None:
    """Do the work; write `result.json`, with the number of times of each step, if the run ends."""
    os.environ[SIDE_LOG] = str(life.folder / "side.log")
    seen: Counter[str] = Counter()
    for step, (owner, name) in STEPS.items():
        setattr(owner, name, _watched(getattr(owner, name), step, seen, life.kill))
    asyncio.run(_run(life, seen))


def _watched(function: Any, step: str, seen: Counter[str], kill: Kill | None) -> Any:
    """Return the function, made to count its calls and to die at the moment of the kill."""

    def die_if(is_after: bool) -> None:
        if kill == Kill(step, seen[step], is_after):
            os.kill(os.getpid(), signal.SIGKILL)

    if not asyncio.iscoroutinefunction(function):

        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            seen[step] += 1
            die_if(False)
            result = function(*args, **kwargs)
            die_if(True)
            return result

        return watched

    @functools.wraps(function)
    async def watched_async(*args: Any, **kwargs: Any) -> Any:
        seen[step] += 1
        die_if(False)
        result = await function(*args, **kwargs)
        die_if(True)
        return result

    return watched_async


async def _run(life: Life, seen: Counter[str]) -> None:
    registry = Registry([*Registry.installed(), Mark])
    async with AsyncExitStack() as stack:
        # With a limit for all processes, every segment comes from the queue.
        queued = {"max_runs": 20} if life.is_queued else {}
        settings = life.settings.model_copy(update=queued)
        process = await open_process(settings, registry, stack, works=True)
        compiled = await process.workflows.compile(life.shape)
        run = await process.runs.submit(
            compiled,
            {},
            options=RunOptions(idempotency_key=life.key),
            is_awaited=not life.is_queued,
        )
        while await process.stored_runs.status(run.id) not in ENDED:
            await _answer_all(process, run.id)
            await asyncio.sleep(0.02)
        done = await process.stored_runs.get(run.id)
        events = await process.stored_runs.events(run.id, limit=10_000)
        as_json = [event.as_json() for event in events]
        result = {"status": done.status, "output": done.output, "events": as_json, "seen": seen}
        (life.folder / "result.json").write_text(json.dumps(result))
        # The result is written: an orderly end would only take time.
        os._exit(0)


async def _answer_all(process: Process, run_id: str) -> None:
    for asked in await process.stored_runs.interrupts(run_id=run_id, status="open"):
        if asked.kind == "human" and asked.data["title"] != "late":
            try:
                await process.runs.answer(asked.id, "approve")
            except NotAnswerable:
                continue
        elif asked.kind == "signal":
            await process.runs.signal("go", "", {"n": 1}, id=f"go-{run_id}"[:64])
