"""Guarded HTTP requests: redirects, credentials, cookies, deadline, size of the response."""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import httpcore
import httpx

from flowc.compiler.node import SecretHosts, require_host
from flowc.nodes.services.egress.authorization import authorized
from flowc.nodes.services.egress.client import Response
from flowc.nodes.services.egress.codings import CODINGS, read_body
from flowc.nodes.services.egress.connection_problems import problem_of
from flowc.nodes.services.egress.cookie_jars import CookieJars, no_cookies
from flowc.nodes.services.egress.credentials import Credentials, WhoCalls
from flowc.nodes.services.egress.policy import EgressPolicy, RedirectRefused
from flowc.nodes.services.egress.redirects import REDIRECTS, GuardedRequest, redirected
from flowc.nodes.services.egress.resolver import Resolver
from flowc.nodes.services.egress.transport import GuardedBackend, GuardedTransport
from flowc.nodes.services.egress.trust import Trust
from flowc.nodes.services.egress.url_checks import check_headers, check_url
from flowc.nodes.services.trace_headers import trace_headers

# Most seconds that a connection may take to open; the rest is left to the deadline of a call.
_CONNECT = 10.0
# The part of a short deadline that a connection may take, so that it is known what was slow.
_MOST_OF = 0.75


class CallLimits(NamedTuple):
    """CallLimits of a call: redirects, bytes after decompression, seconds for all of it."""

    max_redirects: int
    max_bytes: int
    deadline: float


class GuardedRequests:
    """Sends requests with httpx, through connections that the policy allows."""

    def __init__(self, policy: EgressPolicy, resolver: Resolver, trust: Trust) -> None:
        self._bound: tuple[SecretHosts, ...] = ()
        self._jars = CookieJars()
        self._backend = GuardedBackend(policy, resolver)
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(self._backend, trust.context()),
            mounts={
                f"https://{host}": GuardedTransport(self._backend, trust.context(host))
                for host in trust.hosts
            },
            # A proxy from the environment would connect past the guard.
            trust_env=False,
            follow_redirects=False,
            cookies=no_cookies(),
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
        limits: CallLimits,
        who: WhoCalls,
    ) -> Response:
        """Send a request and those it is redirected to; see `HttpClient.request`."""
        check_headers(headers)
        call = GuardedRequest(method, check_url(url), dict(headers), content, who.credentials)
        cookies = self._jars.of(who.jar) if who.jar is not None else None
        try:
            async with asyncio.timeout(limits.deadline):
                for _ in range(limits.max_redirects + 1):
                    require_host(self._bound, call.url.raw_host.decode("ascii"))
                    result = await self._once(call, limits, cookies)
                    if isinstance(result, Response):
                        return result
                    call = result
        except httpx.ConnectTimeout as problem:
            seconds = min(_CONNECT, limits.deadline * _MOST_OF)
            raise TimeoutError(f"no connection within {seconds:g} s") from problem
        except httpx.TimeoutException as problem:
            raise TimeoutError(type(problem).__name__) from problem
        except httpx.HTTPError as problem:
            raise problem_of(problem, call.url.host) from problem
        raise RedirectRefused(f"there are more than {limits.max_redirects} redirects")

    async def _once(
        self, call: GuardedRequest, limits: CallLimits, cookies: httpx.Cookies | None
    ) -> Response | GuardedRequest:
        """Return the response, or the next request if it is a redirect to follow."""
        request = self._client.build_request(
            call.method,
            call.url,
            headers={**_trace_of(call), **call.headers, "accept-encoding": CODINGS},
            content=call.content,
            timeout=httpx.Timeout(None, connect=min(_CONNECT, limits.deadline * _MOST_OF)),
        )
        if cookies is not None:
            cookies.set_cookie_header(request)
        response = await self._authorized(request, call.credentials)
        try:
            if cookies is not None:
                cookies.extract_cookies(response)
            location = response.headers.get("location")
            if response.status_code in REDIRECTS and location and limits.max_redirects:
                return redirected(call, location, response.status_code)
            content = await read_body(response, limits.max_bytes)
            return _read(response, content, str(call.url))
        finally:
            await response.aclose()

    async def _authorized(
        self, request: httpx.Request, credentials: Credentials | None
    ) -> httpx.Response:
        """Send a request with credentials; what a challenge says is not read."""
        flow = authorized(request, credentials)
        response = await self._client.send(next(flow), stream=True)
        while True:
            try:
                again = flow.send(response)
            except StopIteration:
                return response
            await response.aclose()
            response = await self._client.send(again, stream=True)


def _read(response: httpx.Response, content: bytes, url: str) -> Response:
    headers = response.headers
    cookies = tuple(headers.get_list("set-cookie"))
    return Response(response.status_code, dict(headers), content, url, cookies)


def _trace_of(call: GuardedRequest) -> dict[str, str]:
    """Return the headers that continue the run's trace, unless the author sets one."""
    own = {name.lower() for name in call.headers}
    return {} if "traceparent" in own else trace_headers()
