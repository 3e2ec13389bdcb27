"""Rates of requests: of each caller and tenant, and of wrong credentials from each address."""

import asyncio
import json
from ipaddress import IPv6Address, IPv6Network
from math import ceil
from typing import TYPE_CHECKING

from flowc.server.access.callers import Caller
from flowc.server.access.scopes import STARTS_RUNS
from flowc.server.records.refused import Refused
from flowc.server.settings import Settings

if TYPE_CHECKING:
    from flowc.server.access.rates import Rates

_FAILURES = "failed-logins"
# One client has a whole network of this size.
_IPV6_PREFIX = 64


class TooManyRequests(Refused):
    """There are too many requests."""

    def __init__(self, message: str | None = None, seconds: float = 1) -> None:
        self.retry_after = max(ceil(seconds), 1)
        super().__init__(message)


class RequestRates:
    """The rates of the settings, shared by the processes of one Redis."""

    def __init__(self, settings: Settings) -> None:
        limits = {
            "caller-requests": settings.caller_requests_per_minute,
            "caller-starts": settings.caller_starts_per_minute,
            "tenant-requests": settings.tenant_requests_per_minute,
            "tenant-starts": settings.tenant_starts_per_minute,
            _FAILURES: settings.failed_logins_per_minute,
        }
        self._limits = {what: limit for what, limit in limits.items() if limit is not None}
        self._redis_url = settings.redis_url
        self._rates: Rates | None = None

    async def count(self, caller: Caller, handler: str) -> None:
        """Count a request for a handler; raise TooManyRequests."""
        what = "starts" if handler in STARTS_RUNS else "requests"
        name = json.dumps([caller.tenant, caller.name])
        await self._take(f"caller-{what}", name, caller.name)
        await self._take(f"tenant-{what}", caller.tenant, f"The tenant {caller.tenant!r}")

    async def count_start(self, tenant: str) -> None:
        """Count a run that a tenant starts, without a caller; raise TooManyRequests."""
        await self._take("tenant-starts", tenant, f"The tenant {tenant!r}")

    async def _take(self, what: str, name: str, whose: str) -> None:
        if what not in self._limits:
            return
        wait = await (await self._opened()).of[what].take(name)
        if wait > 0:
            did = "starts more runs" if what.endswith("starts") else "sends more requests"
            message = f"{whose} {did} a minute than it may; try again in {ceil(wait)} s."
            raise TooManyRequests(message, wait)

    async def require_patience(self, address: str | None) -> None:
        """Raise TooManyRequests if an address has sent too many wrong credentials."""
        if self._rates is None and self._redis_url is None:
            # Nothing was counted yet.
            return
        rates = await self._opened()
        if wait := await rates.of[_FAILURES].wait(network_of(address)):
            raise TooManyRequests(
                "There were too many wrong keys or tokens from this address; try again in"
                f" {ceil(wait)} s.",
                wait,
            )

    async def count_failure(self, address: str | None) -> None:
        """Count a wrong credential from an address."""
        rates = await self._opened()
        await rates.of[_FAILURES].take(network_of(address))

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        if self._rates is not None:
            await self._rates.aclose()

    async def _opened(self) -> "Rates":
        if self._rates is None:
            opened = await asyncio.to_thread(self._open)
            self._rates = self._rates or opened
        return self._rates

    def _open(self) -> "Rates":
        # Imported here: most servers count nothing for a long time.
        from flowc.server.access.rates import Rates  # noqa: PLC0415

        return Rates(self._limits, self._redis_url)


def network_of(address: str | None) -> str:
    """Return what stands for a client's address: of IPv6, the network that one client has.

    >>> network_of("192.0.2.7"), network_of("2001:db8:0:1:2:3:4:5"), network_of(None)
    ('192.0.2.7', '2001:db8:0:1::/64', 'unknown')
    """
    try:
        whole = IPv6Address(address or "")
    except ValueError:
        return address or "unknown"
    return str(IPv6Network((whole, _IPV6_PREFIX), strict=False))
