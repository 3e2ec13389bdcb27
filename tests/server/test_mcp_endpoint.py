"""The MCP endpoint starts with the first request, and tries again if that failed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flowc.server.api.protocols.mcp import endpoint as module
from flowc.server.api.protocols.mcp.endpoint import McpEndpoint
from flowc.server.settings import Settings


class Sessions:
    """Counts the requests that reach the MCP server."""

    requests = 0

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        yield

    async def handle_request(self, *request: Any) -> None:
        self.requests += 1


async def test_a_failed_start_is_tried_again_by_the_next_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions, imports = Sessions(), [ImportError("no library"), None]

    def import_module(name: str) -> Any:
        if (problem := imports.pop(0)) is not None:
            raise problem
        return SimpleNamespace(sessions_of=lambda version, settings: sessions)

    monkeypatch.setattr(module, "import_module", import_module)
    endpoint, request = McpEndpoint("1", Settings()), cast(Any, ({}, None, None))
    async with endpoint.open():
        with pytest.raises(ImportError, match="no library"):
            await endpoint(*request)
        await endpoint(*request)
        await endpoint(*request)
    assert (sessions.requests, imports) == (2, [])
