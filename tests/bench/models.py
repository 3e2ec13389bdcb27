"""Compares the cost of model calls with that of litellm by itself, on the same server."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.measuring import Row, measured
from bench.model_server import TOKENS
from flowc.compiler.compile import CompiledWorkflow, compile_workflow
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.events import Event
from flowc.compiler.running.run_context import RunContext
from flowc.nodes.services.models import ModelAlias, Models
from flowc.nodes.services.models.litellm_door import litellm

CALLS, STREAMS = 40, 4
_MESSAGES = [{"role": "user", "content": "The capital of France?"}]


@contextmanager
def server() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.model_server"]
    here = Path(__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=here) as process:
        assert process.stdout is not None  # asked for
        port = process.stdout.readline().strip()
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


def _workflow(count: int, **config: Any) -> CompiledWorkflow:
    ask = {"model": "m", "prompt": _MESSAGES[0]["content"], **config}
    body = {"nodes": [{"id": "ask", "type": "llm", "config": ask}]}
    items = {"items": list(range(count)), "max_parallel": 1, "body": body}
    nodes = [{"id": "each", "type": "map", "config": items}]
    return compile_workflow(from_data({"nodes": nodes}), Registry.installed())


async def _run(
    workflow: CompiledWorkflow, models: Models, emit: Callable[[Event], None] = lambda event: None
) -> None:
    context = RunContext(services={Models: models}, emit=emit)
    graph: Any = workflow.graph
    await graph.ainvoke(workflow.initial_state({}), {"recursion_limit": 1000}, context=context)


def _asking(url: str) -> Callable[..., Any]:
    # With another key: litellm has a client for each, and ours is guarded.
    async def ask(**more: Any) -> Any:
        options = {"num_retries": 0, "max_retries": 0, **more}
        where = {"api_base": url, "api_key": "sk-y", "timeout": 120.0}
        return await litellm().acompletion(
            model="openai/gpt-4", messages=_MESSAGES, **where, **options
        )

    return ask


async def _first_tokens(url: str, models: Models, times: int) -> tuple[float, float]:
    """Return the median milliseconds to the first token: in an event of ours, and in litellm."""
    mine, theirs = list[float](), list[float]()
    workflow, ask = _workflow(1, stream=True), _asking(url)
    for _ in range(times):
        started, delays = time.perf_counter(), list[float]()

        def emit(event: Event, since: float = started, delays: list[float] = delays) -> None:
            if event.kind == "node.said":
                delays.append(time.perf_counter() - since)

        await _run(workflow, models, emit)
        mine.append(delays[0] * 1e3)
        started = time.perf_counter()
        stream: AsyncIterator[Any] = await ask(stream=True)
        await anext(aiter(stream))
        theirs.append((time.perf_counter() - started) * 1e3)
        async for _chunk in stream:
            pass
    return statistics.median(mine), statistics.median(theirs)


async def rows() -> list[Row]:
    """Measure the cost of calls and tokens, and the delay of first tokens."""
    with server() as url:
        alias = ModelAlias(model="openai/gpt-4", api_base=url, api_key=SecretStr("sk-x"))
        models, ask = Models({"m": alias}), _asking(url)
        whole, streams = _workflow(CALLS), _workflow(STREAMS, stream=True)

        async def bare() -> None:
            for _ in range(CALLS):
                await ask()

        async def bare_streams() -> None:
            for _ in range(STREAMS):
                async for _chunk in await ask(stream=True, stream_options={"include_usage": True}):
                    pass

        called = await measured([lambda: _run(whole, models), bare], 9)
        streamed = await measured([lambda: _run(streams, models), bare_streams], 15)
        mine, theirs = await _first_tokens(url, models, 15)
    per_call, per_bare_call = (seconds / CALLS * 1e3 for seconds in called)
    per_token, per_bare_token = (seconds / STREAMS / TOKENS * 1e6 for seconds in streamed)
    return [
        Row("model call, beside litellm", per_call, per_bare_call, "CPU ms", 1.15),
        Row("streamed token, beside litellm", per_token, per_bare_token, "CPU µs", 1.2),
        Row("first token later than litellm's, beside 20 ms", mine - theirs, 20.0, "wall ms", 1.0),
    ]


if __name__ == "__main__":
    for row in asyncio.run(rows()):
        sys.stdout.write(f"{row.as_json()}\n")
