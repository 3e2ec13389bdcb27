"""Compares the cost of a durable run with that of DBOS and LangGraph by themselves."""

import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, SetWorkflowID

from bench import rivals
from bench.measuring import Row, measured
from flowc.compiler.node import Context, Node
from flowc.compiler.node.registry import Registry
from flowc.server.engine.checkpointer import Checkpointer, open_checkpointer
from flowc.server.engine.queue import dbos_queue
from flowc.server.process.process import Process, open_process
from flowc.server.settings import Settings

BATCH = 20
_began: dict[str, float] = {}


class Begin(Node):
    """Note when the work began."""

    type: ClassVar = "begin"

    async def run(self, context: Context) -> float:
        _began[context.run_id] = time.perf_counter()
        return 1.0


@DBOS.workflow(name="floor")
async def _floor(key: str) -> str:
    _began[key] = time.perf_counter()
    return key


@dataclass
class Bench:
    """A working process of ours, and the parts of the floor: DBOS and LangGraph alone."""

    process: Process
    client: DBOSClient
    saver: Checkpointer
    compiled: Any
    graph: Any


@asynccontextmanager
async def opened(url: str | None) -> AsyncIterator[Bench]:
    """Open a process on SQLite, or on a PostgreSQL."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = Settings(
            data_dir=folder, database_url=url, poll_seconds=0.05, run_slots=50, drain_seconds=0
        )
        registry = Registry([*Registry.installed(), Begin])
        process = await open_process(settings, registry, stack, works=True)
        engine = dbos_queue._sync_engine(settings.database)
        client = DBOSClient(
            system_database_engine=engine,
            application_name=dbos_queue.NAME,
            serializer=DBOSPortableJSONSerializer(),
            lazy=True,
        )
        stack.callback(engine.dispose)
        floor = settings.database if url else f"sqlite:///{folder}/floor.db"
        saver = await stack.enter_async_context(open_checkpointer(floor))
        compiled = await process.default.workflows.compile(
            {"nodes": [{"id": "a", "type": "begin"}]}
        )
        yield Bench(process, client, saver, compiled, rivals.chain(1))


async def _ours(bench: Bench) -> None:
    runs = bench.process.default.runs
    begun = [await runs.submit(bench.compiled, {}) for _ in range(BATCH)]
    await asyncio.gather(*(runs.at_rest(run.id) for run in begun))


async def _floor_of(bench: Bench) -> None:
    """Enqueue and execute with DBOS alone, and run a graph of one node with LangGraph alone."""
    handles = []
    for _ in range(BATCH):
        key = uuid.uuid4().hex
        options = dbos_queue._options("floor", key, None)
        handles.append(await bench.client.enqueue_async(options, key))
    await asyncio.gather(*(handle.get_result() for handle in handles))

    for _ in range(BATCH):
        graph = bench.graph.copy()
        graph.checkpointer = bench.saver
        config: Any = {"configurable": {"thread_id": uuid.uuid4().hex}}
        await graph.ainvoke({"outputs": {}}, config, durability="sync")


async def _latency(bench: Bench, times: int) -> tuple[list[float], list[float]]:
    """Return the seconds from submission to the first node's work, and to a bare workflow's."""
    mine: list[float] = []
    floor: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        run = await bench.process.default.runs.submit(bench.compiled, {}, is_awaited=True)
        await bench.process.default.runs.at_rest(run.id)
        mine.append(_began.pop(run.id) - started)
        key, started = uuid.uuid4().hex, time.perf_counter()
        with SetWorkflowID(key):
            handle = await DBOS.start_workflow_async(_floor, key)
        await handle.get_result()
        floor.append(_began.pop(key) - started)
    return mine, floor


async def rows(kind: str, url: str | None) -> list[Row]:
    """Measure on one database."""
    async with opened(url) as bench:
        mine, theirs = await measured([lambda: _ours(bench), lambda: _floor_of(bench)], 7)
        latencies, floors = await _latency(bench, 60)
    name = f"a durable run of one node, {kind}, beside DBOS and LangGraph alone"
    found = [Row(name, mine * 1e3 / BATCH, theirs * 1e3 / BATCH, "CPU ms", 1.5)]
    over = (statistics.median(latencies) - statistics.median(floors)) * 1e3
    found.append(Row(f"submit to start, {kind}, p50 over DBOS alone", over, 5.0, "wall ms", 1.0))
    p99 = statistics.quantiles(latencies, n=100)[98] * 1e3
    floor99 = statistics.quantiles(floors, n=100)[98] * 1e3
    found.append(Row(f"submit to start, {kind}, p99 beside DBOS", p99, floor99, "wall ms", 100.0))
    return found
