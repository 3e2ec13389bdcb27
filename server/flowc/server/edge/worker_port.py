"""The port of a worker: its metrics, and whether it lives and can work.

A worker serves no API; what scrapes and probes it needs no key, and reaches it on this port alone.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flowc.server.numbers.metrics import CONTENT_TYPE
from flowc.server.process.process import Process
from flowc.server.process_services import SettingsRefused
from flowc.server.store.database import DATABASE_PROBLEMS
from flowc.server.store.parts import ListPart

_OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
_ANY_NAME = ("*",)
_STARTING, _STOPPING, _UNAVAILABLE = "starting", "stopping", "unavailable"
_NOT_READY = frozenset({_STARTING, _STOPPING, _UNAVAILABLE})


class WorkerPort:
    """Answers what is asked about a worker; it is ready once it has its `process`."""

    process: Process | None = None
    number = 0

    def app(self, host: str) -> Starlette:
        """Return the application; on this machine alone, browsers cannot be led to it."""
        names = _OWN_NAMES if _is_loopback(host) else _ANY_NAME
        return Starlette(
            routes=[
                Route("/ping", self._ping),
                Route("/health", self._health),
                Route("/metrics", self._metrics),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(names))],
        )

    async def _ping(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _health(self, request: Request) -> Response:
        status, store = await self._state()
        code = 503 if status in _NOT_READY else 200
        return JSONResponse({"status": status, "store": store}, code)

    async def _state(self) -> tuple[str, str]:
        process = self.process
        if process is None:
            return _STARTING, "unknown"
        stored = process.default.stored_workflows
        try:
            await stored.list(ListPart(1))
        except DATABASE_PROBLEMS as problem:
            return _UNAVAILABLE, type(problem).__name__
        problem_of_writes = stored.database.problem
        if process.is_stopping:
            return _STOPPING, problem_of_writes or "ok"
        return ("ok" if problem_of_writes is None else "degraded"), problem_of_writes or "ok"

    async def _metrics(self, request: Request) -> Response:
        if self.process is None:
            return JSONResponse({"status": _STARTING}, 503)
        return Response(await self.process.gauges.text(), media_type=CONTENT_TYPE)


@asynccontextmanager
async def worker_port(host: str, port: int) -> AsyncIterator[WorkerPort]:
    """Listen on a port within this block; raise SettingsRefused if that is not possible."""
    found = WorkerPort()
    with _listening(host, port) as listener:
        found.number = listener.getsockname()[1]
        config = uvicorn.Config(
            found.app(host),
            # It is set up already.
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield found
        finally:
            server.should_exit = True
            with suppress(asyncio.CancelledError):
                await serving


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as problem:
        message = f"FLOWC_METRICS_PORT: {host}:{port} cannot be used: {problem.strerror}."
        raise SettingsRefused(message) from None


class _Server(uvicorn.Server):
    """A server that leaves signals to the worker."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
