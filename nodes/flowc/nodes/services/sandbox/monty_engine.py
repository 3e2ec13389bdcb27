"""The sandbox `monty`: a Python interpreter in Rust, in processes with an empty environment."""

import ast
import asyncio
import contextlib
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

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
    value_of,
)

MAX_RECURSION = 200
MAX_SLEEP = 1.0
MAX_RUN_SECONDS = 70.0

# The code writes its result as JSON text: this process never converts objects of foreign code.
_DUMP_PROCESS = "import json as _flowc_json\n_flowc_json.dumps(process(**inputs))"
_DUMP_RESULT = "import json as _flowc_json\n_flowc_json.dumps(result)"


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
        defines_process = _defines_process(code)
        pool = await self._started()
        stdout = CollectString(max_bytes=MAX_STDOUT)
        try:
            async with pool.checkout(limits=_resources(limits)) as session:
                given = {"inputs": dict(inputs), "result": None}
                dump = _DUMP_PROCESS if defines_process else _DUMP_RESULT
                # In one piece: each is a message to the worker, and one back.
                whole = f"{code}\n\n{dump}"
                text = await session.feed_run(whole, inputs=given, print_callback=stdout)
        except MontyError as problem:
            raise _failure(problem) from None
        except TimeoutError:
            raise LimitReached("The code reached its time limit.") from None
        if not isinstance(text, str):
            raise CodeFailed("The result is not plain JSON.")
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


def _failure(problem: MontyError) -> CodeFailed:
    if isinstance(problem, MontyCrashedError):
        return LimitReached("The code was stopped: it used too much time or memory.")
    text = str(problem)
    if isinstance(problem, MontySyntaxError):
        return CodeFailed(f"The code has a syntax error: {text[:300]}")
    if isinstance(problem, MontyRuntimeError):
        inner = type(problem.exception()).__name__
        if inner in {"TimeoutError", "MemoryError", "RecursionError"}:
            return LimitReached(f"The code reached a limit: {text[:300]}")
        return CodeFailed(f"The code failed: {text[:300]}{_line(problem)}")
    return CodeFailed("The code failed.")


def _line(problem: MontyRuntimeError) -> str:
    frames = problem.traceback()
    return f" (line {frames[-1].line})" if frames else ""


@lru_cache(maxsize=256)
def _defines_process(code: str) -> bool:
    """Return whether the code defines `process`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Monty has its own parser, and reports what is wrong.
        return False
    return any(isinstance(node, ast.FunctionDef) and node.name == "process" for node in tree.body)
