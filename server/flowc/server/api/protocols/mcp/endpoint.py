"""The MCP endpoint, which loads the library and starts the MCP server at the first request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import Any

from starlette.types import Receive, Scope, Send

from flowc.server.settings import Settings

PATH = "/mcp"
_TOOLS = "flowc.server.api.protocols.mcp.workflow_tools"


class McpEndpoint:
    """The MCP server as an ASGI application; it answers while it is `open`."""

    def __init__(self, version: str, settings: Settings) -> None:
        self._version, self._settings = version, settings
        self._serving: asyncio.Task[None] | None = None
        self._sessions: asyncio.Future[Any] | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Answer requests until the context ends."""
        try:
            yield
        finally:
            if self._serving is not None:
                self._serving.cancel()
                with suppress(asyncio.CancelledError):
                    await self._serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._sessions is None:
            self._sessions = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(self._sessions))
        # Shielded, since other requests wait for the same future.
        sessions = await asyncio.shield(self._sessions)
        await sessions.handle_request(scope, receive, send)

    async def _serve(self, started: asyncio.Future[Any]) -> None:
        """Run the MCP server, in one task: its task group must end where it began."""
        try:
            # In a thread: the library takes half a second.
            tools = await asyncio.to_thread(import_module, _TOOLS)
            sessions = tools.sessions_of(self._version, self._settings)
            async with sessions.run():
                started.set_result(sessions)
                await asyncio.Event().wait()
        except BaseException as problem:
            if started.done():
                raise
            # To the requests that wait; the next one tries again.
            self._sessions = None
            started.set_exception(problem)
