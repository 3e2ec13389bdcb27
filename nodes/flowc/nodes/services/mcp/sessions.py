"""Sessions with MCP servers: list the tools, or call one."""

import asyncio
import copy
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import NodeError, SecretHosts
from flowc.compiler.schemas.refusals import TOO_COSTLY, TooCostly
from flowc.nodes.services.egress import (
    EgressDenied,
    EgressPolicy,
    Resolver,
    ResponseTooLarge,
    ResponseUnreadable,
    resolve,
)
from flowc.nodes.services.mcp.results import check_within_bounds
from flowc.nodes.services.mcp.servers import McpServer

# The code of the client's own error when the server closed the connection.
_CLOSED = -32000


class McpTool(NamedTuple):
    """One tool of a server; `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: Schema


class ToolResult(NamedTuple):
    """The result of a call: its texts as one, its structured data or None, and all its parts."""

    text: str
    data: Any
    content: list[Any]
    is_error: bool


class McpAddress(NamedTuple):
    """A server to call, by its name in the file or by its URL; `seconds` is the time limit."""

    name: str | None
    url: str | None
    headers: Mapping[str, str]
    seconds: float


class McpServers:
    """The MCP servers that workflows can use; one object per process.

    `known` are those of the operator's file; only these may be commands. Others are reached by
    their URL. Each call is a session of its own, so that none is open while a run waits.
    """

    def __init__(
        self,
        known: Mapping[str, McpServer] | None = None,
        *,
        policy: EgressPolicy | None = None,
        resolver: Resolver = resolve,
    ) -> None:
        self._known = dict(known or {})
        served = [server.url for server in self._known.values() if server.url is not None]
        policy = policy or EgressPolicy()
        self._own, self._others = policy.serving(served), policy
        self._resolver = resolver
        self._bound: tuple[SecretHosts, ...] = ()

    def only_to(self, bound: Sequence[SecretHosts]) -> Self:
        """Return these servers for one node, which calls no host that secrets exclude."""
        servers = copy.copy(self)
        servers._bound = (*self._bound, *bound)
        return servers

    @property
    def names(self) -> frozenset[str]:
        """The names of the servers in the operator's file."""
        return frozenset(self._known)

    async def tools(self, address: McpAddress) -> list[McpTool]:
        """Return a server's tools; raise NodeError."""
        found: list[McpTool] = []
        async with self._session(address) as client:
            cursor: str | None = None
            while True:
                page = await client.list_tools(cursor=cursor)
                found += [McpTool(t.name, t.description or "", t.input_schema) for t in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    return found

    async def call(
        self, address: McpAddress, tool: str, arguments: Mapping[str, Any]
    ) -> ToolResult:
        """Call a tool; raise NodeError if it cannot be called."""
        async with self._session(address) as client:
            check_within_bounds(client)
            result = await client.call_tool(tool, dict(arguments))
        content = [part.model_dump(mode="json", exclude_none=True) for part in result.content]
        text = "\n".join(part["text"] for part in content if part.get("type") == "text")
        return ToolResult(text, result.structured_content, content, bool(result.is_error))

    @asynccontextmanager
    async def _session(self, address: McpAddress) -> AsyncIterator[Any]:
        server, is_own = self._server(address)
        shown, seconds = address.name or address.url or "", address.seconds
        try:
            async with asyncio.timeout(seconds), self._client(server, is_own) as client:
                yield client
        except NodeError:
            raise
        except TooCostly as problem:
            raise NodeError(TOO_COSTLY, str(problem)) from None
        except TimeoutError:
            message = f"The MCP server {shown!r} did not answer within {seconds:g} s."
            raise NodeError("timeout", message, kind="timeout") from None
        except Exception as problem:
            raise _failure(problem, shown) from None

    def _server(self, address: McpAddress) -> tuple[McpServer, bool]:
        """Return the server, and whether it is in the operator's file."""
        name, url, headers, _ = address
        if name is None:
            return McpServer(url=url, headers=dict(headers)), False
        if name not in self._known:
            message = (
                f"There is no MCP server {name!r}: add it to the file of servers (FLOWC_MCP_FILE)."
            )
            raise NodeError("unknown-mcp-server", message)
        server = self._known[name]
        return server.model_copy(update={"headers": {**server.headers, **headers}}), True

    @asynccontextmanager
    async def _client(self, server: McpServer, is_own: bool) -> AsyncIterator[Any]:
        # Imported here: it takes more than a second, and few workflows need it.
        import httpx2  # noqa: PLC0415
        from mcp import Client, StdioServerParameters  # noqa: PLC0415
        from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

        from flowc.nodes.services.egress.transport import GuardedBackend  # noqa: PLC0415
        from flowc.nodes.services.mcp.transport import GuardedMcpTransport  # noqa: PLC0415

        if server.url is None:
            command = server.command or ""
            started = StdioServerParameters(command=command, args=server.args, env=server.env)
            async with Client(started) as client:
                yield client
            return
        policy = self._own if is_own else self._others
        transport = GuardedMcpTransport(GuardedBackend(policy, self._resolver), self._bound)
        try:
            async with (
                httpx2.AsyncClient(transport=transport, headers=server.headers) as http,
                Client(streamable_http_client(server.url, http_client=http)) as client,
            ):
                yield client
        except Exception:
            if transport.refused is not None:
                raise transport.refused from None
            raise


def _failure(problem: BaseException, shown: str) -> NodeError:
    """Return the failure of a call, without details that are not safe to show."""
    causes = list(_causes(problem))
    for cause in causes:
        if isinstance(cause, NodeError):
            return cause
        if isinstance(cause, TooCostly):
            return NodeError(TOO_COSTLY, str(cause))
        if isinstance(cause, EgressDenied):
            message = f"The MCP server {shown!r} is not allowed: {cause}."
            return NodeError("egress-denied", message, hint=cause.hint)
        if isinstance(cause, ResponseTooLarge | ResponseUnreadable):
            is_large = isinstance(cause, ResponseTooLarge)
            code = "response-too-large" if is_large else "response-unreadable"
            return NodeError(code, f"The MCP server {shown!r} did not answer: {cause}.")
        if type(cause).__name__ == "MCPError" and getattr(cause, "code", 0) != _CLOSED:
            return NodeError(
                "mcp-refused", f"The MCP server {shown!r} refused the call: {_message_of(cause)}"
            )
    kind = type(causes[-1]).__name__
    message = f"The MCP server {shown!r} cannot be reached ({kind})."
    return NodeError("mcp-unavailable", message, kind="connection")


def _message_of(problem: BaseException) -> str:
    return str(getattr(problem, "message", problem))[:500]


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """Yield an exception, those in its group and its causes, the innermost last."""
    yield problem
    inner = problem.exceptions if isinstance(problem, BaseExceptionGroup) else (problem.__cause__,)
    for each in inner:
        if each is not None:
            yield from _causes(each)
