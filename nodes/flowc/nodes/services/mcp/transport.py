"""Lets the MCP client connect through the guard, by a transport for its HTTP library, httpx2."""

from collections.abc import AsyncIterator, Callable, Sequence

import httpx
import httpx2

from flowc.compiler.node import NodeError, SecretHosts, require_host
from flowc.nodes.services.egress import EgressDenied, ResponseTooLarge, ResponseUnreadable
from flowc.nodes.services.egress.cookie_jars import no_cookies
from flowc.nodes.services.egress.transport import GuardedBackend, GuardedTransport

UnfitResponse = ResponseTooLarge | ResponseUnreadable


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: httpx.Response, refuse: Callable[[UnfitResponse], None]) -> None:
        self._response, self._refuse = response, refuse

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.aiter_raw():
                yield piece
        except httpx.TransportError as problem:
            raise httpx2.ReadError(str(problem)) from None
        except (ResponseTooLarge, ResponseUnreadable) as problem:
            self._refuse(problem)
            raise httpx2.DecodingError(str(problem)) from problem

    async def aclose(self) -> None:
        await self._response.aclose()


class GuardedMcpTransport(httpx2.AsyncBaseTransport):
    """Sends requests of httpx2 through the guard, and returns responses as streams.

    It calls no host that the secrets in `bound` may not be sent to. The client does not pass on why
    a response could not be read: that is `refused`.
    """

    refused: UnfitResponse | None = None

    def __init__(self, backend: GuardedBackend, bound: Sequence[SecretHosts] = ()) -> None:
        self._bound = bound
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(backend, is_bounded=True),
            trust_env=False,
            follow_redirects=False,
            cookies=no_cookies(),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; raise httpx2's errors."""
        try:
            require_host(self._bound, request.url.raw_host.decode("ascii"))
        except NodeError as refused:
            raise httpx2.UnsupportedProtocol(str(refused)) from refused
        times = request.extensions.get("timeout", {})
        guarded = self._client.build_request(
            request.method,
            str(request.url),
            headers=list(request.headers.items()),
            content=await request.aread(),
            timeout=httpx.Timeout(**{name: times.get(name) for name in _TIMES}),
        )
        try:
            response = await self._client.send(guarded, stream=True)
        except httpx.TimeoutException as problem:
            raise httpx2.ReadTimeout(str(problem)) from None
        except EgressDenied as denied:
            # An error that the client does not retry; the cause shows why.
            raise httpx2.UnsupportedProtocol(str(denied)) from denied
        except httpx.TransportError as problem:
            raise httpx2.ConnectError(str(problem)) from None
        headers, body = response.headers.raw, _Body(response, self._refuse)
        return httpx2.Response(response.status_code, headers=headers, stream=body)

    def _refuse(self, problem: UnfitResponse) -> None:
        self.refused = problem

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


_TIMES = ("connect", "read", "write", "pool")
