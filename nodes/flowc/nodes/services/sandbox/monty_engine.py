"""The sandbox `monty`: a Python interpreter in Rust, in processes with an empty environment."""

import asyncio
import contextlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_monty import (
    AsyncMonty,
    CollectString,
    MontyCrashedError,
    MontyError,
    MontyRuntimeError,
    MontySyntaxError,
)

from flowc.nodes.services.sandbox.engine import (
    MAX_STDOUT,
    CodeFailed,
    CodeResult,
    IsolationLevel,
    LimitReached,
    SandboxLimits,
    require_short,
    syntax_problem,
    value_of,
)
from flowc.nodes.services.sandbox.monty_modules import monty_supplies, prelude
from flowc.nodes.services.sandbox.rewriting import RewrittenCode, rewritten
from flowc.nodes.services.sandbox.source import called_in, parsed

MAX_RECURSION = 200
MAX_SLEEP = 1.0
MAX_RUN_SECONDS = 70.0

# The code writes its result as JSON text: this process never converts objects of foreign code.
_DUMP = "import json as _flowc_json\n_flowc_json.dumps({value})"


class MontyEngine:
    """The default sandbox."""

    name = "monty"

    def __init__(self) -> None:
        self._pool: AsyncMonty | None = None
        self._exit = contextlib.AsyncExitStack()
        self._starting = asyncio.Lock()

    async def run(self, code: str, inputs: Mapping[str, Any], limits: SandboxLimits) -> CodeResult:
        """Run code in a session of its own."""
        require_short(code)
        ready = _prepared(code)
        pool = await self._started()
        stdout = CollectString(max_bytes=MAX_STDOUT)
        try:
            async with pool.checkout(limits=_resources(limits)) as session:
                given = {"inputs": dict(inputs), "result": None}
                if ready.code.modules:
                    await session.feed_run(prelude(ready.code.modules))
                # In one piece: each is a message to the worker, and one back.
                text = await session.feed_run(ready.whole, inputs=given, print_callback=stdout)
        except MontyError as problem:
            raise _failure(problem, ready.code, stdout.output) from None
        except TimeoutError:
            raise LimitReached("The code reached its time limit.", stdout.output) from None
        if not isinstance(text, str):
            raise CodeFailed("The result is not plain JSON.", stdout.output)
        return CodeResult(value_of(text), stdout.output)

    async def isolation(self) -> IsolationLevel:
        """Try to reach the host; `partial` at best, since the interpreter alone isolates code."""
        for attempt in (
            "open('/etc/hostname').read()",
            "import socket",
            "import os\nos.environ['PATH']",
        ):
            try:
                await self.run(attempt, {}, SandboxLimits())
            except CodeFailed:
                continue
            return "none"
        return "partial"

    async def aclose(self) -> None:
        """End the workers."""
        self._pool = None
        await self._exit.aclose()

    async def _started(self) -> AsyncMonty:
        async with self._starting:
            if self._pool is None:
                pool = AsyncMonty(request_timeout=MAX_RUN_SECONDS, max_checkouts_per_worker=100)
                self._pool = await self._exit.enter_async_context(pool)
            return self._pool


def _resources(limits: SandboxLimits) -> Any:
    return {
        "max_feed_duration_secs": limits.seconds,
        "max_memory": limits.memory,
        "max_recursion_depth": MAX_RECURSION,
        "max_total_sleep_secs": MAX_SLEEP,
    }


class _Prepared(NamedTuple):
    """A code for Monty, and the same with the call that writes the result."""

    code: RewrittenCode
    whole: str


@lru_cache(maxsize=256)
def _prepared(code: str) -> _Prepared:
    try:
        called, ready = called_in(parsed(code)), rewritten(code, monty_supplies())
    except SyntaxError as problem:
        raise CodeFailed(f"The code has a syntax error: {syntax_problem(problem)}") from None
    value = "result"
    if called is not None:
        value = f"{'await ' if called.waits else ''}{called.name}(**inputs)"
    return _Prepared(ready, f"{ready.text}\n\n{_DUMP.format(value=value)}")


def _failure(problem: MontyError, code: RewrittenCode, stdout: str) -> CodeFailed:
    if isinstance(problem, MontyCrashedError):
        return LimitReached("The code was stopped: it used too much time or memory.", stdout)
    text = str(problem)
    if isinstance(problem, MontySyntaxError):
        return CodeFailed(f"The code has a syntax error: {text[:300]}", stdout)
    if isinstance(problem, MontyRuntimeError):
        inner = type(problem.exception()).__name__
        if inner in {"TimeoutError", "MemoryError", "RecursionError"}:
            return LimitReached(f"The code reached a limit: {text[:300]}", stdout)
        return CodeFailed(f"The code failed: {text[:300]}{_line(problem, code)}", stdout)
    return CodeFailed("The code failed.", stdout)


def _line(problem: MontyRuntimeError, code: RewrittenCode) -> str:
    """Return the line of the author's code in which it failed, in brackets."""
    # The names of sources end with their number; those of our modules come first.
    own = "-1>" if code.modules else "-0>"
    frames = problem.traceback()
    lines = [frame.line for frame in frames if frame.filename.endswith(own)]
    return f" (line {code.line(lines[-1])})" if lines else ""
