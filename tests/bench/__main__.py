"""`make bench`: compares the cost of workflows with that of hand-written LangGraph.

Ours and the rival take turns in one process, and each row compares the medians: CPU seconds of this
process where nothing waits, wall seconds where something does. The rows of `bench.http` compare
servers, each of them a process of its own. Writes build/bench.json.
"""

import asyncio
import copy
import json
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from rich.console import Console
from rich.progress import track
from sqlalchemy import text

from bench import (
    analytics,
    documents,
    durable,
    expressions,
    growth,
    http,
    idle,
    models,
    ours,
    pages,
    rivals,
)
from bench.measuring import Row, Work, measured, postgres_server, show
from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.running.run_context import RunContext
from flowc.server.engine.checkpointer import Checkpointer, open_checkpointer


@asynccontextmanager
async def _saver(kind: str) -> AsyncIterator[Checkpointer | None]:
    if kind == "none":
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        async with open_checkpointer(f"sqlite:///{folder}/flowc.db") as saver:
            yield saver


def _rival(graph: Any, saver: Any, state: Any) -> Work:
    made = copy.copy(graph)
    made.checkpointer = saver

    async def run() -> str:
        thread = uuid.uuid4().hex
        config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": 20_000}
        await made.ainvoke(state, config, durability="sync" if saver else None)
        return thread

    return run


def _ours(workflow: CompiledWorkflow, saver: Any) -> Work:
    async def run() -> str:
        graph = copy.copy(workflow.graph)
        graph.checkpointer = saver
        thread = uuid.uuid4().hex
        config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": 20_000}
        await graph.ainvoke(
            workflow.initial_state({}),
            config,
            context=RunContext(run_id=thread, saver=saver),
            durability="sync" if saver else None,
        )
        return thread

    return run


async def chains(kind: str, count: int, repeats: int) -> Row:
    async with _saver(kind) as saver:
        state: Any = {"outputs": {}}
        works = [
            _ours(ours.workflow(ours.chain(count)), saver),
            _rival(rivals.chain(count), saver, state),
            _rival(rivals.chain_delta(count), saver, state),
        ]
        mine, *theirs = await measured(works, repeats)
    name = f"chain of {count}, node granularity, {kind}"
    return Row(name, mine * 1e6 / count, min(theirs) * 1e6 / count, "CPU µs a node", 1.1)


async def fused_chain(count: int, repeats: int) -> Row:
    async with _saver("sqlite") as saver:
        works = [
            _ours(ours.workflow(ours.chain(count), "fused"), saver),
            _rival(rivals.chain_delta(count), saver, {"outputs": {}}),
        ]
        mine, theirs = await measured(works, repeats)
    name = f"chain of {count}, fused, sqlite"
    return Row(name, mine * 1e6 / count, theirs * 1e6 / count, "CPU µs a node", 0.10)


SIZES = (
    "select coalesce(sum(length(checkpoint) + length(cast(about as text))), 0)"
    " from graph_checkpoints where thread_id = :thread",
    "select coalesce(sum(length(value) + length(channel) + length(task_id)), 0)"
    " from graph_writes where thread_id = :thread",
)


async def stored(kind: str, saver: Checkpointer) -> list[Row]:
    """Measure the bytes stored per node; the rivals are the bars themselves, in bytes."""

    async def at(count: int) -> float:
        thread = await _ours(ours.workflow(ours.chain(count)), saver)()
        found = [
            await saver.stored.database.read(
                lambda session, query=query: session.scalar(text(query), {"thread": thread})
            )
            for query in SIZES
        ]
        return sum(map(int, found)) / count

    many, few = await at(1000), await at(10)
    return [
        Row(f"bytes stored, n=1000, {kind}, beside 3.5 KB", many, 3_500.0, "bytes a node", 1.0),
        Row(f"bytes stored, n=1000, {kind}, beside n=10", many, few, "bytes a node", 1.5),
    ]


async def postgres_chain(url: str, saver: Checkpointer, count: int, repeats: int) -> Row:
    async with AsyncPostgresSaver.from_conn_string(url) as usual:
        await usual.setup()
        works = [
            _ours(ours.workflow(ours.chain(count)), saver),
            _rival(rivals.chain(count), usual, {"outputs": {}}),
            _rival(rivals.chain_delta(count), usual, {"outputs": {}}),
        ]
        mine, *theirs = await measured(works, repeats)
    name = f"chain of {count}, node granularity, postgres"
    return Row(name, mine * 1e6 / count, min(theirs) * 1e6 / count, "CPU µs a node", 1.1)


PEAK = """
from bench import ours
from bench.measuring import peak_memory
before = peak_memory()
ours.workflow(ours.chain(10_000))
print(peak_memory() - before)
"""


def memory() -> Row:
    """Measure the peak memory of compiling 10,000 nodes, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    return Row("compile 10000 nodes, memory, beside 600 MB", float(done.stdout), 600.0, "MB", 1.0)


def refusing() -> Row:
    """Measure the CPU seconds of `flowc check` on too many nodes, the slowest bad input."""
    nodes = "".join(
        f"  - {{id: n{i}, type: template, config: {{template: 'x'}}}}\n" for i in range(10_000)
    )
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(f"nodes:\n{nodes}")
        file.flush()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "flowc.server", "check", file.name]
        subprocess.run(command, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Row("refuse 10,000 nodes, beside 2 s", seconds, 2.0, "CPU s", 1.0)


async def compiling(count: int, repeats: int) -> Row:
    async def mine() -> None:
        ours.workflow(ours.chain(count))

    async def theirs() -> None:
        rivals.chain(count)

    taken = await measured([mine, theirs], repeats)
    return Row(f"compile {count} nodes", taken[0] * 1e3, taken[1] * 1e3, "CPU ms", 2.0)


async def mapping(count: int, repeats: int) -> Row:
    async with _saver("sqlite") as saver:
        state = {"items": list(range(count)), "results": []}
        works = [
            _ours(ours.workflow(ours.map_items(count)), saver),
            _rival(rivals.map_items(count), saver, state),
        ]
        mine, theirs = await measured(works, repeats)
    name = f"map of {count} items, sqlite, each durable, beside Send"
    return Row(name, mine * 1e6 / count, theirs * 1e6 / count, "CPU µs an item", 0.10)


async def looping(count: int, repeats: int, fused: bool) -> Row:
    async with _saver("sqlite") as saver:
        works = [
            _ours(ours.workflow(ours.loop(count), "fused" if fused else "node"), saver),
            _rival(rivals.loop(count), saver, {"index": 0, "last": {}}),
        ]
        mine, theirs = await measured(works, repeats)
    name = f"loop of {count} turns, sqlite, {'fused' if fused else 'node'}"
    return Row(
        name, mine * 1e6 / count, theirs * 1e6 / count, "CPU µs a turn", 0.1 if fused else 1.1
    )


async def looping_by_edges(count: int, repeats: int) -> Row:
    async with _saver("sqlite") as saver:
        works = [
            _ours(ours.workflow(ours.edge_loop(count)), saver),
            _rival(rivals.loop(count), saver, {"index": 0, "last": {}}),
        ]
        mine, theirs = await measured(works, repeats)
    # A turn by edges is two nodes, its rival's is one.
    return Row(
        f"loop of {count} turns through edges, sqlite",
        mine * 5e5 / count,
        theirs * 1e6 / count,
        "CPU µs a node",
        1.1,
    )


async def zigzag(granularity: Any, bar: float) -> Row:
    workflow = ours.workflow(ours.zigzag(8, 12, 0.05, 0.005), granularity)
    async with _saver("sqlite") as saver:
        [mine] = await measured([_ours(workflow, saver)], 3, time.perf_counter)
    critical = 6 * 0.05 + 6 * 0.005
    name = f"8 chains of 12 nodes of 50/5 ms, {granularity}, beside the critical path"
    return Row(name, mine * 1e3, critical * 1e3, "wall ms", bar)


async def rows(postgres: str | None) -> list[Row]:
    works: list[Callable[[], Awaitable[Row]]] = [
        *(
            lambda n=n, k=k, r=r: chains(k, n, r)
            for k in ("none", "sqlite")
            for n, r in ((10, 21), (100, 9), (1000, 3))
        ),
        lambda: fused_chain(1000, 3),
        lambda: compiling(1000, 5),
        lambda: compiling(10_000, 3),
        lambda: mapping(1000, 5),
        lambda: looping(1000, 3, fused=False),
        lambda: looping(1000, 3, fused=True),
        lambda: looping_by_edges(1000, 3),
        lambda: zigzag("auto", 1.1),
        lambda: zigzag("fused", 1.15),
        lambda: zigzag("node", 10.0),
    ]
    found = [await work() for work in track(works, "Measuring", console=Console(stderr=True))]
    each = {row.work: row.ours for row in found}
    found += [
        Row("compile, a node of 10000 beside one of 1000", each["compile 10000 nodes"] / 10,
            each["compile 1000 nodes"], "CPU ms", 1.3),
        *await expressions.rows(),
        memory(),
        refusing(),
    ]  # fmt: skip
    async with _saver("sqlite") as saver:
        assert saver is not None
        found += await stored("sqlite", saver)
    if postgres is not None:
        async with open_checkpointer(postgres) as saver:
            found += await stored("postgres", saver)
            found.append(await postgres_chain(postgres, saver, 100, 3))
    return found


def parts(postgres: str | None) -> Iterator[list[Row]]:
    """Yield the rows, part by part."""
    databases = (("sqlite", None), *([("postgres", postgres)] if postgres else []))
    yield asyncio.run(rows(postgres))
    # Each on a new event loop: one on which DBOS has stopped has no threads left.
    for database in databases:
        yield asyncio.run(durable.rows(*database))
    yield asyncio.run(models.rows())
    yield documents.rows()
    for database in databases:
        yield idle.rows(*database)
    for database in databases:
        yield analytics.rows(*database)
    yield growth.rows()
    yield list(pages.rows())
    yield from http.parts(list(http.PARTS), http.ROUNDS, postgres)


def main() -> None:
    found = list[Row]()
    # Shown at once, so that they are not lost if a later part fails.
    for part in parts(postgres_server()):
        show(part)
        found += part
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/bench.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps([row.as_json() for row in found], indent=2) + "\n")


if __name__ == "__main__":
    main()
