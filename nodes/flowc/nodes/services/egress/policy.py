"""The operator's policy: which connections workflows may open."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from flowc.nodes.services.egress.addresses import Address, is_metadata, is_public

Network = IPv4Network | IPv6Network

_METADATA_NAMES = frozenset(
    {"metadata.google.internal", "metadata", "instance-data", "metadata.azure.internal"}
)

# Ports of services other than web servers, and of databases and orchestrators that speak HTTP but
# are not meant for the public.
_SERVICE_PORTS = frozenset(
    {
        0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95,
        101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179,
        389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601,
        636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 3306, 3659, 4045,
        4190, 5060, 5061, 5432, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9200,
        9300, 10080, 10250, 11211, 27017,
    }
)  # fmt: skip

_LOCAL: Mapping[str, tuple[str, ...]] = {"localhost": ("127.0.0.1/32", "::1/128")}


# What follows a reason in the message: the setting of the server that could change it.
_SETTINGS: Mapping[str, str] = {
    "metadata": "credentials of machines are never reachable",
    "own address": "the server's setting FLOWC_OWN_ADDRESSES lists it",
}
BY_RULE = "the server's setting FLOWC_EGRESS_ALLOW can allow it"


class EgressDenied(Exception):
    """The operator's policy does not allow the connection; a `hint` is a setting that would."""

    def __init__(self, message: str = "", hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class HeaderRefused(EgressDenied):
    """A request cannot have this header."""


class RedirectRefused(EgressDenied):
    """A redirect is not followed: its target gets no content, or there are too many."""


@dataclass(frozen=True)
class EgressPolicy:
    """The public internet is allowed, and the networks and ports in `allow`.

    `allow` maps a network (`127.0.0.1/32`) to the allowed ports; an empty set allows all. The
    addresses where cloud machines get their credentials are never allowed.
    """

    allow: Mapping[Network, frozenset[int]] = field(default_factory=dict)
    ports: frozenset[int] | None = None
    nat64: bool = False
    own_addresses: frozenset[Address] = frozenset()

    def serving(self, urls: Iterable[str]) -> "EgressPolicy":
        """Return a policy that also allows the hosts and ports of an operator's URLs.

        A name other than `localhost` adds nothing: its addresses must be public, or in `allow`.
        """
        allow = dict(self.allow)
        for url in urls:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            for network in _networks(parts.hostname or ""):
                allow[network] = allow.get(network, frozenset()) | {port}
        return EgressPolicy(allow, self.ports, self.nat64, self.own_addresses)

    @classmethod
    def of_rules(
        cls,
        rules: Mapping[str, Iterable[int]],
        *,
        nat64: bool = False,
        own_addresses: Iterable[str] = (),
    ) -> "EgressPolicy":
        """Read rules such as {"127.0.0.1/32": [11434]}; raise ValueError for a malformed one.

        `own_addresses` are public addresses of this server, which would lead back to itself.

        >>> EgressPolicy.of_rules({"10.0.0.0/8": []}).reason_against(ip_address("10.1.2.3"), 80)
        >>> EgressPolicy().reason_against(ip_address("10.1.2.3"), 80)
        'not a public address'
        """
        allow = {ip_network(net, strict=False): frozenset(ports) for net, ports in rules.items()}
        own = frozenset(ip_address(text) for text in own_addresses)
        return cls(allow=allow, nat64=nat64, own_addresses=own)

    def reason_against_name(self, host: str) -> str | None:
        """Return why a host name is not allowed; None if it is."""
        return "metadata" if host in _METADATA_NAMES else None

    def reason_against(self, address: Address, port: int) -> str | None:
        """Return why a connection is not allowed; None if it is."""
        if is_metadata(address):
            return "metadata"
        for network, ports in self.allow.items():
            if address.version == network.version and address in network:
                return None if not ports or port in ports else "port"
        if address in self.own_addresses:
            return "own address"
        if self._refuses(port):
            return "port"
        return None if is_public(address, nat64=self.nat64) else "not a public address"

    def reason_against_port(self, port: int) -> str | None:
        """Return why no address can be called at a port; None if one may be."""
        return "port" if self._refuses(port) and not self.allow else None

    def _refuses(self, port: int) -> bool:
        return port not in self.ports if self.ports is not None else port in _SERVICE_PORTS


def denial_of(host: str, port: int, reason: str) -> EgressDenied:
    """Return what is raised for a connection that is not allowed; it names the setting.

    >>> print(denial_of("10.1.2.3", 8080, "not a public address").hint)
    The operator can set FLOWC_EGRESS_ALLOW to 10.1.2.3:8080.
    """
    setting = _SETTINGS.get(reason, BY_RULE)
    message = f"a connection to {host[:80]!r} is not allowed ({reason}); {setting}"
    if reason in _SETTINGS:
        return EgressDenied(message)
    # Without the address of a name: it would show an author how inner names resolve.
    where = "the address of the host, such as 10.0.0.0/8"
    if address_of(host) is not None:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return EgressDenied(message, f"The operator can set FLOWC_EGRESS_ALLOW to {where}.")


def address_of(host: str) -> Address | None:
    """Return the address of a host that is written as one; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _networks(host: str) -> list[Network]:
    if host in _LOCAL:
        return [ip_network(net) for net in _LOCAL[host]]
    address = address_of(host)
    return [ip_network(address)] if address is not None else []
