"""Holds a node that reads a secret to the hosts that the secret is bound to."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self, runtime_checkable

from flowc.compiler.node.errors import NodeError

ANY_BELOW = "*."


class SecretHosts(NamedTuple):
    """The hosts that a secret may be sent to; `*.a.test` stands for all names below `a.test`.

    >>> bound = SecretHosts("token", ("api.a.test", "*.b.test"))
    >>> [bound.include(host) for host in ("API.a.test.", "x.y.b.test", "b.test", "a.test")]
    [True, True, False, False]
    """

    secret: str
    hosts: tuple[str, ...]

    def include(self, host: str) -> bool:
        """Return whether the secret may be sent to a host."""
        name = host.rstrip(".").lower()
        return any(
            name.endswith(each[1:]) if each.startswith(ANY_BELOW) else name == each
            for each in self.hosts
        )


def require_host(bound: Sequence[SecretHosts], host: str) -> None:
    """Raise NodeError if one of the secrets of a node may not be sent to a host."""
    for each in bound:
        if not each.include(host):
            message = f"The secret {each.secret[:60]!r} may not be sent to {host[:80]!r}."
            hosts = ", ".join(each.hosts)[:200]
            hint = f"It is bound to {hosts}; an administrator can change that."
            raise NodeError("secret-not-for-host", message, hint=hint)


@runtime_checkable
class HostBound(Protocol):
    """A service that can be held to hosts; a node that reads a bound secret has only such ones."""

    def only_to(self, bound: Sequence[SecretHosts]) -> Self:
        """Return the service for one node: a call of another host raises NodeError."""
        ...
