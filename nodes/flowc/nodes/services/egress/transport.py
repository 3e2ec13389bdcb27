"""Checks every connection at the moment it is opened, by the address that is connected to.

A check of the URL would not be enough: a name can resolve to an inner address, or to another one
between the check and the connection (DNS rebinding), and a redirect can lead elsewhere. Here a name
is resolved once, all its addresses are checked, and one of exactly these is connected to.
"""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore
import httpx
from httpcore._backends.anyio import AnyIOBackend

from flowc.nodes.services.egress.addresses import Address
from flowc.nodes.services.egress.bounded_pools import bound
from flowc.nodes.services.egress.connection_problems import NameUnknown
from flowc.nodes.services.egress.policy import (
    EgressDenied,
    EgressPolicy,
    address_of,
    denial_of,
)
from flowc.nodes.services.egress.resolver import Resolver, resolve

MAX_RESOLVE_SECONDS = 5.0
MAX_ADDRESSES = 4


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that the policy allows, and to none but the ones it checked.

    TLS and the Host header still use the name.
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
        """Connect to the first address that answers; raise EgressDenied if one is not allowed.

        One bad address is enough: a name with both kinds is misconfigured, or an attack.
        """
        last: Exception | None = None
        for address in (await self.checked(host, port, timeout))[:MAX_ADDRESSES]:
            try:
                return await self._inner.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as problem:
                last = problem
        raise last or httpcore.ConnectError(f"{host!r} has no address")

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        """Raise EgressDenied: Unix sockets are not available to workflows."""
        raise EgressDenied("unix sockets are not available")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)

    async def checked(
        self, host: str, port: int, timeout: float | None = None
    ) -> Sequence[Address]:
        """Return the addresses of a host; raise EgressDenied, or ConnectError if it has none."""
        name = host.rstrip(".").lower()
        self._require(host, port, self.policy.reason_against_name(name))
        addresses = await self._addresses(name, port, timeout)
        for address in addresses:
            self._require(host, port, self.policy.reason_against(address, port))
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
            raise NameUnknown(f"the name {name[:80]!r} cannot be resolved") from None

    def _require(self, host: str, port: int, reason: str | None) -> None:
        if reason is not None:
            raise denial_of(host, port, reason)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """An httpx transport that connects through the guard, without proxies from the environment.

    If it `is_bounded`, its responses are unpacked, up to MAX_ANSWER_BYTES.
    """

    def __init__(
        self,
        backend: GuardedBackend,
        verify: ssl.SSLContext | None = None,
        *,
        is_bounded: bool = False,
    ) -> None:
        context = verify or ssl.create_default_context()
        super().__init__(verify=context, trust_env=False)
        # httpx has no public way to set the network backend of its pool.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=backend,
        )
        if is_bounded:
            bound(self._pool)
