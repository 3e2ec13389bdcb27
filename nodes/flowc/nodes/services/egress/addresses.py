"""Decides whether an IP address is public, in whatever form it is written."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# Checked in addition to `is_global`, whose answer changes between patch releases of Python.
_REFUSED_V4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",
    )
)  # fmt: skip
_PUBLIC_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(net)
    for net in (
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2001:10::/28", "2001:20::/28",
        "5f00::/16", "2620:4f:8000::/48",
    )
)  # fmt: skip
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (b"\0\0\x5e\xfe", b"\x02\0\x5e\xfe")
_UNSPECIFIED_OR_LOOPBACK = (IPv6Address("::"), IPv6Address("::1"))

# Where cloud machines get their credentials: never allowed, whatever the operator's rules say.
METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.253",
        "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254",
        "fe80::a9fe:a9fe",
    )
)  # fmt: skip


def is_public(address: Address, *, nat64: bool = False) -> bool:
    """Return whether an address belongs to the public internet.

    An IPv6 address that embeds an IPv4 address is not public: a router can translate it to that
    address. With `nat64`, one with the prefix 64:ff9b::/96 and a public IPv4 address is.

    >>> is_public(ip_address("93.184.215.14")), is_public(ip_address("10.1.2.3"))
    (True, False)
    >>> is_public(ip_address("::ffff:93.184.215.14"))
    False
    """
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in net for net in _REFUSED_V4)
    if _carries_v4(address):
        return nat64 and address in _NAT64 and is_public(IPv4Address(address.packed[12:]))
    if address not in _PUBLIC_V6 or any(address in net for net in _REFUSED_V6):
        return False
    return address.is_global


def is_metadata(address: Address) -> bool:
    """Return whether cloud machines get their credentials at this address.

    >>> is_metadata(ip_address("::ffff:169.254.169.254"))
    True
    """
    if address in METADATA:
        return True
    return isinstance(address, IPv6Address) and any(
        IPv4Address(inner) in METADATA for inner in _inner_v4(address)
    )


def _carries_v4(address: IPv6Address) -> bool:
    return bool(_inner_v4(address))


def _inner_v4(address: IPv6Address) -> list[bytes]:
    """Return the IPv4 addresses that an IPv6 address embeds, by each scheme for doing so."""
    packed = address.packed
    found: list[bytes] = []
    if address.ipv4_mapped or address in _NAT64 or packed[8:12] in _ISATAP:
        found.append(packed[12:])
    if packed[:12] == b"\0" * 12 and address not in _UNSPECIFIED_OR_LOOPBACK:
        found.append(packed[12:])
    if packed[:8] == b"\0" * 8 and packed[8:12] == b"\xff\xff\0\0":
        found.append(packed[12:])
    if address.sixtofour:
        found.append(address.sixtofour.packed)
    if address.teredo:
        found += [inner.packed for inner in address.teredo]
    return found
