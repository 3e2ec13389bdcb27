"""Listens for requests, until a signal ends the server within its time to drain."""

import asyncio
import socket
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple, cast

import uvicorn
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE

from flowc.server.edge.connections import (
    ConnectionLimits,
    GuardedProtocol,
    most_connections,
)
from flowc.server.process.process import Process, drain
from flowc.server.process.start_problems import start_problem
from flowc.server.process_services import SettingsRefused
from flowc.server.settings import Settings

# How many connections are accepted at a time, before any of them is looked at.
_BACKLOG = 100
_MOST_SOCKET_BYTES = 65_536
# Seconds in which the database must note which runs were left unfinished.
_OVERTIME = 2.0
# Seconds after that in which clients must read their last answers.
_LAST_ANSWERS = 1.0


class Tls(NamedTuple):
    """The files with which the server speaks TLS."""

    certificate: Path
    key: Path


def read_tls(settings: Settings) -> Tls | None:
    """Return the files for TLS, if there are any; raise SettingsRefused for unusable ones."""
    certificate, key = settings.tls_cert, settings.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise SettingsRefused("FLOWC_TLS_CERT and FLOWC_TLS_KEY must be set together.")
    for name, path in (("FLOWC_TLS_CERT", certificate), ("FLOWC_TLS_KEY", key)):
        if not path.is_file():
            raise SettingsRefused(f"{name}: there is no file {str(path)!r}.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", None) or str(problem)
        message = f"FLOWC_TLS_CERT and FLOWC_TLS_KEY are no certificate and its key: {reason}."
        raise SettingsRefused(message) from None
    return Tls(certificate, key)


class ListenOptions(NamedTuple):
    """Where the server listens."""

    host: str
    port: int
    forwarded_allow_ips: str
    tls: Tls | None


def listen(app: FastAPI, settings: Settings, options: ListenOptions) -> None:
    """Serve an application until a signal ends it; exit if it cannot start."""
    seconds = settings.drain_seconds
    config = uvicorn.Config(
        _Startup(app, settings),
        host=options.host,
        port=options.port,
        # They are set up already.
        log_config=None,
        forwarded_allow_ips=options.forwarded_allow_ips,
        ssl_certfile=options.tls.certificate if options.tls else None,
        ssl_keyfile=options.tls.key if options.tls else None,
        server_header=False,
        # What clients send on a WebSocket has no meaning.
        ws_max_size=_MOST_SOCKET_BYTES,
        # It is only called.
        http=cast(Any, partial(GuardedProtocol, limits=_limits_of(settings))),
        backlog=_BACKLOG,
        timeout_keep_alive=settings.keep_alive_seconds,
        # Handlers that outlive their connections are cancelled.
        timeout_graceful_shutdown=ceil(seconds + _OVERTIME + _LAST_ANSWERS) + 1,
    )
    server = _DrainingServer(config, app, seconds)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


class _Startup:
    """An application whose start fails with a sentence, where the operator can do something."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass requests on; replace the traceback of a failed start."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        sentence: str | None = None

        async def send_sentence(message: Message) -> None:
            nonlocal sentence
            if message["type"] == "lifespan.startup.failed":
                # The exception is being handled.
                sentence = start_problem(sys.exc_info()[1], self._settings)
                message = message if sentence is None else {**message, "message": sentence}
            await send(message)

        try:
            await self._app(scope, receive, send_sentence)
        except Exception:
            if sentence is None:
                raise


def _limits_of(settings: Settings) -> ConnectionLimits:
    most = settings.max_connections or most_connections()
    return ConnectionLimits(
        header_seconds=settings.header_seconds,
        body_seconds=settings.body_seconds,
        header_bytes=settings.max_header_bytes,
        connections=most,
        # So that no address can take all.
        per_address=settings.max_connections_per_address or max(most // 2, 1),
    )


class _DrainingServer(uvicorn.Server):
    """A server whose end does not wait for clients, other than for the answers to runs that end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, seconds: float) -> None:
        super().__init__(config)
        self._app, self._seconds = app, seconds

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Take no more requests, let runs finish for some seconds, and end all connections."""
        ending = asyncio.create_task(self._end_connections())
        await super().shutdown(list(sockets) if sockets is not None else None)
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)

    async def _end_connections(self) -> None:
        """Let runs finish, and then end the connections of those who still read or send."""
        process: Process = self._app.state.process
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds + _OVERTIME):
                await drain(process, self._seconds)
        await asyncio.sleep(_LAST_ANSWERS)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
