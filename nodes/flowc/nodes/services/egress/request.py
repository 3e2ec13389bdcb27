"""What is one guarded HTTP call, from its URL to the last byte of the answer?"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from flowc.nodes.services.egress.policy import EgressDenied, EgressPolicy
from flowc.nodes.services.egress.transport import (
    GuardedBackend,
    GuardedTransport,
    Resolver,
    resolve,
)

MAX_URL = 8_192
_OURS = frozenset(
    {
        "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer",
        "keep-alive", "expect", "forwarded",
    }
)  # fmt: skip
_OURS_BY_PREFIX = ("proxy-", "x-forwarded-", "forwarded", "sec-")
_TOKEN = frozenset("!#$%&'*+-.^_`|~")


class ResponseTooLarge(Exception):
    """Whoever asks for more than the limit meets this."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, read to its end."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    url: str


class HttpClient:
    """Makes HTTP calls that the operator's policy allows; one per process, shared."""

    def __init__(self, policy: EgressPolicy | None = None, resolver: Resolver = resolve) -> None:
        self.policy = policy or EgressPolicy()
        backend = GuardedBackend(self.policy, resolver)
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(backend),
            trust_env=False,
            timeout=httpx.Timeout(60, connect=10),
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_redirects: int = 0,
        max_bytes: int = 5_000_000,
        deadline: float = 30.0,
    ) -> Response:
        """Make one call; `deadline` in seconds holds for all of it, `max_bytes` once decompressed.

        Redirects are followed here, each judged anew; the author's headers do not go to another
        origin. Raises EgressDenied, ResponseTooLarge, TimeoutError or httpx.TransportError.
        """
        check_headers(headers or {})
        call = _Call(method, check_url(url), dict(headers or {}), content)
        async with asyncio.timeout(deadline):
            for _ in range(max_redirects + 1):
                answer = await self._once(call, max_redirects, max_bytes)
                if isinstance(answer, Response):
                    return answer
                call = answer
        raise EgressDenied("there are too many redirects")

    async def _once(self, call: "_Call", max_redirects: int, max_bytes: int) -> "Response | _Call":
        """Return the answer, or the call that a redirect asks for."""
        request = self._client.build_request(
            call.method,
            call.url,
            headers={**call.headers, "accept-encoding": "gzip, deflate"},
            content=call.content,
        )
        answer = await self._client.send(request, stream=True)
        try:
            location = answer.headers.get("location")
            if answer.is_redirect and location and max_redirects:
                return _redirected(call, location, answer.status_code)
            content = await _read(answer, max_bytes)
            return Response(answer.status_code, dict(answer.headers), content, str(call.url))
        finally:
            await answer.aclose()


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    url: httpx.URL
    headers: dict[str, str]
    content: bytes | None


def check_url(raw: str) -> httpx.URL:
    """Return a URL that is plainly http or https; raise EgressDenied for any other."""
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
        raise EgressDenied("the URL needs a plain host, without user information")
    if port == 0:
        raise EgressDenied("port 0 is no port")
    return url


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise EgressDenied for a header that is not the author's to set, or is malformed."""
    for name, value in headers.items():
        lower = name.lower()
        if lower in _OURS or lower.startswith(_OURS_BY_PREFIX):
            raise EgressDenied(f"the header {lower[:40]!r} cannot be set")
        well_formed = name.isascii() and all(c.isalnum() or c in _TOKEN for c in name)
        if not name or not well_formed or any(c in value for c in "\r\n\0"):
            raise EgressDenied("a header has characters that are not allowed")


def _redirected(call: _Call, location: str, status: int) -> _Call:
    try:
        target = check_url(str(call.url.join(location)))
    except httpx.InvalidURL:
        raise EgressDenied("the redirect's URL cannot be read") from None
    if call.url.scheme == "https" and target.scheme == "http":
        raise EgressDenied("a redirect leads from https to http")
    same = (call.url.scheme, call.url.host, call.url.port) == (
        target.scheme,
        target.host,
        target.port,
    )
    # Another origin gets neither the author's headers nor what was to be sent.
    headers, content = (call.headers, call.content) if same else ({}, None)
    keeps_method = call.method in {"GET", "HEAD"} or (same and status in {307, 308})
    if keeps_method:
        return _Call(call.method, target, headers, content)
    return _Call("GET", target, headers, None)


async def _read(answer: httpx.Response, limit: int) -> bytes:
    content = bytearray()
    async for chunk in answer.aiter_bytes(65_536):
        content += chunk
        if len(content) > limit:
            raise ResponseTooLarge(f"the answer is larger than {limit:,} bytes")
    return bytes(content)
