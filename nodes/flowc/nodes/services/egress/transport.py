"""How is every connection judged at the moment it is dialled?"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx
from httpcore._backends.anyio import AnyIOBackend

from flowc.nodes.services.egress.addresses import Address
from flowc.nodes.services.egress.policy import EgressDenied, EgressPolicy, address_of

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]

MAX_RESOLVE_SECONDS = 5.0
MAX_ADDRESSES = 4


async def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses that the system knows a name by."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(entry[4][0]).split("%")[0]) for entry in found]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Dials what the policy allows, and exactly the address it judged.

    Redirects, rebinding, odd spellings of addresses and reused connections all pass here; TLS and
    the Host header still go by the name.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        resolver: Resolver = resolve,
        inner: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self.policy = policy
        self._resolve = resolver
        self._inner = inner or AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers; raise EgressDenied if any is refused."""
        last: Exception | None = None
        for address in (await self._judged(host, port, timeout))[:MAX_ADDRESSES]:
            try:
                return await self._inner.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as problem:
                last = problem
        raise last or httpcore.ConnectError(f"{host!r} has no address")

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        """Refuse: there is no Unix socket a workflow may speak to."""
        raise EgressDenied("unix sockets are not available")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)

    async def _judged(self, host: str, port: int, timeout: float | None) -> Sequence[Address]:
        name = host.rstrip(".").lower()
        self._require(host, self.policy.reason_against_name(name))
        addresses = await self._addresses(name, port, timeout)
        for address in addresses:
            self._require(host, self.policy.reason_against(address, port))
        return addresses

    async def _addresses(self, name: str, port: int, timeout: float | None) -> Sequence[Address]:
        literal = address_of(name)
        if literal is not None:
            return [literal]
        limit = min(timeout or MAX_RESOLVE_SECONDS, MAX_RESOLVE_SECONDS)
        try:
            async with asyncio.timeout(limit):
                return await self._resolve(name, port)
        except (OSError, UnicodeError, TimeoutError):
            raise httpcore.ConnectError(f"the name {name[:80]!r} cannot be resolved") from None

    def _require(self, host: str, reason: str | None) -> None:
        # The address itself is not told: it would map the inner network for whoever asks.
        if reason is not None:
            raise EgressDenied(f"a connection to {host[:80]!r} is not allowed ({reason})")


class GuardedTransport(httpx.AsyncHTTPTransport):
    """An httpx transport that dials through the guard, and takes no proxy from the environment."""

    def __init__(self, backend: GuardedBackend, verify: ssl.SSLContext | None = None) -> None:
        context = verify or ssl.create_default_context()
        super().__init__(verify=context, trust_env=False)
        # httpx offers no public way to hand its pool a network backend.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=backend,
        )
