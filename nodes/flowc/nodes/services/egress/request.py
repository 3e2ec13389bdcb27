"""Guarded HTTP requests: URL and headers, redirects, deadline, size of the response."""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import httpcore
import httpx

from flowc.compiler.node import SecretHosts, require_host
from flowc.nodes.services.egress.client import RequestFailed, Response
from flowc.nodes.services.egress.codings import CODINGS, read_body
from flowc.nodes.services.egress.policy import EgressDenied, EgressPolicy, HeaderRefused
from flowc.nodes.services.egress.resolver import Resolver
from flowc.nodes.services.egress.transport import GuardedBackend, GuardedTransport
from flowc.nodes.services.trace_headers import trace_headers

MAX_URL = 8_192
MAX_HEADERS = 65_536
# Headers that the client sets itself, or that would mislead a proxy about the connection.
_RESERVED = frozenset(
    {
        "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer",
        "keep-alive", "expect", "forwarded",
    }
)  # fmt: skip
_RESERVED_BY_PREFIX = ("proxy-", "x-forwarded-", "forwarded", "sec-")
_TOKEN = frozenset("!#$%&'*+-.^_`|~")


class GuardedRequests:
    """Sends requests with httpx, through connections that the policy allows."""

    def __init__(self, policy: EgressPolicy, resolver: Resolver) -> None:
        self._bound: tuple[SecretHosts, ...] = ()
        self._backend = GuardedBackend(policy, resolver)
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(self._backend),
            # A proxy from the environment would connect past the guard.
            trust_env=False,
            timeout=httpx.Timeout(60, connect=10),
            follow_redirects=False,
        )

    def only_to(self, bound: Sequence[SecretHosts]) -> Self:
        """Return the same with fewer hosts; see `HttpClient.only_to`."""
        requests = copy.copy(self)
        requests._bound = (*self._bound, *bound)
        return requests

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def require_allowed(self, url: str) -> None:
        """Raise EgressDenied for a URL that cannot be called; see `HttpClient.require_allowed`."""
        parsed = check_url(url)
        port = parsed.port or (443 if parsed.scheme == "https" else 80)
        try:
            await self._backend.checked(parsed.host, port)
        except httpcore.ConnectError:
            return

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        max_redirects: int,
        max_bytes: int,
        deadline: float,
    ) -> Response:
        """Send a request and those it is redirected to; see `HttpClient.request`."""
        check_headers(headers)
        call = _Call(method, check_url(url), dict(headers), content)
        try:
            async with asyncio.timeout(deadline):
                for _ in range(max_redirects + 1):
                    require_host(self._bound, call.url.raw_host.decode("ascii"))
                    result = await self._once(call, max_redirects, max_bytes)
                    if isinstance(result, Response):
                        return result
                    call = result
        except httpx.TimeoutException as problem:
            raise TimeoutError(type(problem).__name__) from problem
        except httpx.HTTPError as problem:
            raise RequestFailed(type(problem).__name__) from problem
        raise EgressDenied("there are too many redirects")

    async def _once(self, call: "_Call", max_redirects: int, max_bytes: int) -> "Response | _Call":
        """Return the response, or the next request if it is a redirect to follow."""
        request = self._client.build_request(
            call.method,
            call.url,
            headers={**_trace_of(call), **call.headers, "accept-encoding": CODINGS},
            content=call.content,
        )
        response = await self._client.send(request, stream=True)
        try:
            location = response.headers.get("location")
            if response.is_redirect and location and max_redirects:
                return _redirected(call, location, response.status_code)
            content = await read_body(response, max_bytes)
            return Response(response.status_code, dict(response.headers), content, str(call.url))
        finally:
            await response.aclose()


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    url: httpx.URL
    headers: dict[str, str]
    content: bytes | None


def _trace_of(call: _Call) -> dict[str, str]:
    """Return the headers that continue the run's trace, unless the author sets one."""
    own = {name.lower() for name in call.headers}
    return {} if "traceparent" in own else trace_headers()


def check_url(raw: str) -> httpx.URL:
    """Return the URL if it is a plain http or https one; raise EgressDenied if not.

    >>> check_url("https://example.com/a").host
    'example.com'
    """
    if len(raw) > MAX_URL or "\\" in raw or any(ord(c) < 33 or ord(c) == 127 for c in raw):
        raise EgressDenied("the URL has characters that are not allowed, or is too long")
    try:
        url = httpx.URL(raw)
        port = urlsplit(raw).port
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise EgressDenied("the URL cannot be read") from None
    if url.scheme not in {"http", "https"}:
        raise EgressDenied("the URL must begin with http:// or https://")
    if url.userinfo or not url.host or "%" in url.host:
        raise EgressDenied("the URL needs a plain host, without user name")
    if port == 0:
        raise EgressDenied("the URL has the port 0, which does not exist")
    return url


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise HeaderRefused for a header that the author must not set, or a malformed one.

    >>> check_headers({"x-city": "Zürich"})
    Traceback (most recent call last):
    flowc.nodes.services.egress.policy.HeaderRefused: the header 'x-city' is not ASCII
    """
    for name, value in headers.items():
        lower = name.lower()
        if lower in _RESERVED or lower.startswith(_RESERVED_BY_PREFIX):
            raise HeaderRefused(f"the header {lower[:40]!r} cannot be set")
        well_formed = name.isascii() and all(c.isalnum() or c in _TOKEN for c in name)
        if not name or not well_formed:
            raise HeaderRefused("the name of a header has characters that are not allowed")
        if not value.isascii():
            raise HeaderRefused(f"the header {lower[:40]!r} is not ASCII")
        if any(c < " " or c == "\x7f" for c in value.replace("\t", "")):
            raise HeaderRefused(f"the header {lower[:40]!r} has characters that are not allowed")
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADERS:
        raise HeaderRefused(f"the headers have more than {MAX_HEADERS:,} characters")


def _redirected(call: _Call, location: str, status: int) -> _Call:
    try:
        target = check_url(str(call.url.join(location)))
    except (httpx.InvalidURL, ValueError):
        raise EgressDenied("the redirect's URL cannot be read") from None
    if call.url.scheme == "https" and target.scheme == "http":
        raise EgressDenied("a redirect leads from https to http")
    same = (call.url.scheme, call.url.host, call.url.port) == (
        target.scheme,
        target.host,
        target.port,
    )
    # Another origin gets neither the headers nor the content: they may contain secrets.
    headers, content = (call.headers, call.content) if same else ({}, None)
    keeps_method = call.method in {"GET", "HEAD"} or (same and status in {307, 308})
    if keeps_method:
        return _Call(call.method, target, headers, content)
    return _Call("GET", target, headers, None)
