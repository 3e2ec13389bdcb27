"""The client with which nodes and the server call others over HTTP."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from flowc.compiler.node import SecretHosts
from flowc.nodes.services.egress.access_tokens import AccessTokens
from flowc.nodes.services.egress.credentials import NO_ONE, WhoCalls
from flowc.nodes.services.egress.policy import EgressPolicy
from flowc.nodes.services.egress.resolver import Resolver, resolve
from flowc.nodes.services.egress.trust import Trust

if TYPE_CHECKING:
    from flowc.nodes.services.egress.request import GuardedRequests

# Of a whole answer of a model or an MCP server, or of one line of a stream of events.
MAX_ANSWER_BYTES = 64_000_000


class ResponseTooLarge(Exception):
    """The response is larger than the limit."""


class RequestFailed(Exception):
    """The request could not be sent, or its response not read; the message names the problem.

    The `code` tells the kinds apart; another attempt gets the same if it `is_lasting`. A `hint`
    says what to do.
    """

    def __init__(
        self,
        message: str,
        code: str = "connection-failed",
        hint: str | None = None,
        *,
        is_lasting: bool = False,
    ) -> None:
        super().__init__(message)
        self.code, self.hint, self.is_lasting = code, hint, is_lasting


class ResponseUnreadable(RequestFailed):
    """The response is packed in a way that is not read; another attempt would get the same."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response, read to its end; `url` is the last one after redirects.

    Of a header that comes several times, the values are joined by commas; those of `set-cookie` are
    apart in `set_cookies`.
    """

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    set_cookies: tuple[str, ...] = ()


class HttpClient:
    """Sends HTTP requests that the operator's policy allows; one per process, shared."""

    def __init__(
        self,
        policy: EgressPolicy | None = None,
        resolver: Resolver = resolve,
        trust: Trust | None = None,
    ) -> None:
        self.policy, self._resolver = policy or EgressPolicy(), resolver
        self.trust, self.tokens = trust or Trust(), AccessTokens()

    def only_to(self, bound: Sequence[SecretHosts]) -> Self:
        """Return a client that shares the connections, but calls no host that these exclude.

        Its requests, and those they are redirected to, raise NodeError for such a host.
        """
        client = copy.copy(self)
        vars(client)["_requests"] = self._requests.only_to(bound)
        return client

    async def request(  # noqa: PLR0913 - what one may want of a request
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_redirects: int = 0,
        max_bytes: int = 5_000_000,
        deadline: float = 30.0,
        who: WhoCalls = NO_ONE,
    ) -> Response:
        """Send one request, and return the response.

        `deadline` is in seconds for the whole call, `max_bytes` is the size after decompression.
        Each redirect is checked like a request; another origin gets no credentials, no content, and
        few headers. A jar takes the cookies that are set, and adds them to requests.
        Raises EgressDenied, HeaderRefused, ResponseTooLarge, TimeoutError or RequestFailed.
        """
        from flowc.nodes.services.egress.request import CallLimits  # noqa: PLC0415 - as below

        return await self._requests.send(
            method,
            url,
            headers=headers or {},
            content=content,
            limits=CallLimits(max_redirects, max_bytes, deadline),
            who=who,
        )

    async def require_allowed(self, url: str) -> None:
        """Raise EgressDenied if a URL cannot be called; a name that leads nowhere yet may be."""
        await self._requests.require_allowed(url)

    async def aclose(self) -> None:
        """Close the connections."""
        if "_requests" in vars(self):
            await self._requests.aclose()

    @cached_property
    def _requests(self) -> "GuardedRequests":
        # Imported here: httpx takes a tenth of a second, and many processes call no one.
        from flowc.nodes.services.egress.request import GuardedRequests  # noqa: PLC0415

        return GuardedRequests(self.policy, self._resolver, self.trust)
