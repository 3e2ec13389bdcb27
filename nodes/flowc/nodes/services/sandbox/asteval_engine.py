"""The sandbox `asteval`: Python's own semantics, in processes locked by the operating system."""

import asyncio
import json
import struct
import sys
import sysconfig
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from flowc.nodes.services.sandbox.asteval_modules import asteval_supplies
from flowc.nodes.services.sandbox.engine import (
    MAX_RESULT,
    CodeFailed,
    CodeResult,
    IsolationLevel,
    LimitReached,
    SandboxLimits,
    require_short,
    syntax_problem,
    value_of,
)
from flowc.nodes.services.sandbox.rewriting import RewrittenCode, rewritten
from flowc.nodes.services.sandbox.source import called_in, parsed
from flowc.rag import confinement

_WORKER = Path(__file__).parent / "worker"
_LOCKS = Path(confinement.__file__).parent
_START = (
    "import sys, runpy; sys.path[:0] = {paths!r}; runpy.run_path({main!r}, run_name='__main__')"
)
_BOOT_SECONDS = 20.0
_GRACE = 1.0
_MAX_FRAME = 4 << 20

_LIMITS = frozenset(
    {
        "MemoryError", "RecursionError", "LimitExceeded", "WallTimeout", "OutputFlood", "Killed",
        "ResultTooLarge",
    }
)  # fmt: skip


class WorkerLost(Exception):
    """The worker process ended, or did not answer with a frame."""


class AstevalEngine:
    """Runs code in a few worker processes, each with one code at a time."""

    name = "asteval"

    def __init__(self, workers: int = 2) -> None:
        self._free: list[_Worker] = []
        self._slots = asyncio.Semaphore(workers)

    async def run(self, code: str, inputs: Mapping[str, Any], limits: SandboxLimits) -> CodeResult:
        """Run code in a child process of a worker."""
        require_short(code)
        ready, call = _prepared(code)
        request = {"code": ready.text, "inputs": dict(inputs), "call": call}
        answer = await self._ask(request, limits)
        if not answer.get("ok"):
            raise _failure(answer.get("error", {}), ready, str(answer.get("stdout", "")))
        return CodeResult(value_of(json.dumps(answer.get("result"))), str(answer.get("stdout", "")))

    async def isolation(self) -> IsolationLevel:
        """Try to reach files, the network and other processes from inside."""
        try:
            answer = await self._ask({"probe": True}, SandboxLimits())
        except CodeFailed:
            return "none"
        possible = answer.get("result", {})
        if any(possible.values()):
            return "partial" if not possible.get("read") else "none"
        return "full"

    async def aclose(self) -> None:
        """End the workers."""
        while self._free:
            await self._free.pop().stop()

    async def _ask(self, request: dict[str, Any], limits: SandboxLimits) -> dict[str, Any]:
        frame = {
            **request,
            "seconds": limits.seconds,
            "wall_seconds": limits.seconds + _GRACE,
            "memory": limits.memory,
            "max_bytes": MAX_RESULT + 200_000,
        }
        async with self._slots:
            worker = self._free.pop() if self._free else await _Worker.start()
            try:
                answer = await worker.ask(frame, limits.seconds + 2 * _GRACE + 2)
            except (WorkerLost, OSError, TimeoutError):
                await worker.stop()
                raise LimitReached(
                    "The code was stopped: it used too much time or memory."
                ) from None
            except BaseException:
                # Cancelled, for example: its answer would be read as that of the next code.
                await worker.stop()
                raise
            self._free.append(worker)
            return answer


class _Worker:
    """One worker process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> "_Worker":
        """Start a process without our environment, without `site`, in its own session."""
        paths = [
            str(_WORKER),
            str(_LOCKS),
            sysconfig.get_path("purelib"),
            sysconfig.get_path("platlib"),
        ]
        start = _START.format(paths=list(dict.fromkeys(paths)), main=str(_WORKER / "main.py"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", start,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )  # fmt: skip
        worker = cls(process)
        try:
            async with asyncio.timeout(_BOOT_SECONDS):
                await worker._receive()
        except (WorkerLost, TimeoutError):
            await worker.stop()
            raise CodeFailed("The sandbox `asteval` cannot be started on this host.") from None
        return worker

    async def ask(self, frame: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and return its answer."""
        raw = json.dumps(frame).encode()
        assert self._process.stdin is not None  # it was started with pipes
        self._process.stdin.write(struct.pack(">I", len(raw)) + raw)
        async with asyncio.timeout(seconds):
            await self._process.stdin.drain()
            return await self._receive()

    async def stop(self) -> None:
        """End the process."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        # Otherwise the pipes stay open until the event loop ends.
        self._process._transport.close()  # type: ignore[attr-defined] # no public way to close pipes

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # it was started with pipes
        try:
            (size,) = struct.unpack(">I", await self._process.stdout.readexactly(4))
            if size > _MAX_FRAME:
                raise WorkerLost
            answer = json.loads(await self._process.stdout.readexactly(size))
        except (asyncio.IncompleteReadError, ValueError):
            raise WorkerLost from None
        if not isinstance(answer, dict):
            raise WorkerLost
        return answer


@lru_cache(maxsize=256)
def _prepared(code: str) -> tuple[RewrittenCode, str | None]:
    try:
        called = called_in(parsed(code))
        return rewritten(code, asteval_supplies()), called.name if called else None
    except SyntaxError as problem:
        raise CodeFailed(f"The code has a syntax error: {syntax_problem(problem)}") from None


def _failure(error: Mapping[str, Any], code: RewrittenCode, stdout: str) -> CodeFailed:
    kind, message = str(error.get("type", "Error")), str(error.get("message", ""))
    if kind in _LIMITS:
        return LimitReached(f"The code reached a limit: {message or kind}", stdout)
    if kind == "SyntaxError":
        return CodeFailed(f"The code has a syntax error: {message}", stdout)
    number = error.get("line")
    line = f" (line {code.line(number)})" if isinstance(number, int) else ""
    what = f"{kind}: {message}" if message else kind
    return CodeFailed(f"The code failed: {what}{line}", stdout)
