"""Foresees which addresses the guard will refuse, without connecting and without resolving names.

A name may lead to any address: it is refused here only if every address would be.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import NamedTuple

from flowc.nodes.services.egress.addresses import Address
from flowc.nodes.services.egress.policy import EgressDenied, EgressPolicy, address_of

_LOCAL: Mapping[str, tuple[Address, ...]] = {
    "localhost": (ip_address("127.0.0.1"), ip_address("::1"))
}


class Foreseen(NamedTuple):
    """Why an address is refused; without a host, the URL itself cannot be called.

    `address` is what the operator would have to allow, as it is written with a port.
    """

    reason: str
    host: str | None = None
    port: int = 0
    address: str | None = None


def refusal_of(policy: EgressPolicy, url: str) -> Foreseen | None:
    """Return why the guard will refuse a URL; None if it may not."""
    # Imported here: httpx takes a tenth of a second.
    from flowc.nodes.services.egress.url_checks import check_url  # noqa: PLC0415

    try:
        parsed = check_url(url)
    except EgressDenied as denied:
        return Foreseen(str(denied))
    host, port = parsed.host.rstrip(".").lower(), parsed.port or _USUAL[parsed.scheme]
    literal = address_of(host)
    addresses = (literal,) if literal is not None else _LOCAL.get(host, ())
    reason = policy.reason_against_name(host) or _reason(policy, addresses, port)
    if reason is None:
        return None
    return Foreseen(reason, parsed.host, port, _written(addresses[0]) if addresses else None)


_USUAL = {"http": 80, "https": 443}


def _reason(policy: EgressPolicy, addresses: tuple[Address, ...], port: int) -> str | None:
    if not addresses:
        return policy.reason_against_port(port)
    reasons = [policy.reason_against(address, port) for address in addresses]
    return reasons[0] if all(reasons) else None


def _written(address: Address) -> str:
    """Return an address as it is written in front of a port.

    >>> _written(ip_address("::1")), _written(ip_address("10.0.0.1"))
    ('[::1]', '10.0.0.1')
    """
    return f"[{address}]" if address.version == 6 else str(address)
