"""Refuses requests that a web page of another site can make a browser send."""

from collections.abc import Collection
from ipaddress import IPv6Address
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from flowc.server.access.scopes import SAFE_METHODS
from flowc.server.api.errors import error_response, failure_of
from flowc.server.api.refused_requests import HostRefused, OriginRefused
from flowc.server.records.refused import Refused

LOOPBACK_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})
# Stands for every host in the setting.
ANY_HOST = "*"
_DEFAULT_PORTS = frozenset({"80", "443"})


class BrowserGuard:
    """Lets requests pass whose `Host` is one of the server's names, and whose `Origin` may write.

    A page of any site can send requests to this server from the browser of a person who reaches it.
    Its own name, which its owner can point here, is in `Host`; the page's site is in `Origin`.
    Pages of any site may send to addresses that begin with one of `open_paths`: there, who a person
    is does not count.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str],
        origins: Collection[str],
        strict_paths: Collection[str],
        open_paths: tuple[str, ...] = (),
    ) -> None:
        self._app, self._strict_paths, self._open_paths = app, strict_paths, open_paths
        self._takes_any = ANY_HOST in hosts
        self._hosts = LOOPBACK_NAMES | {parts.name for host in hosts if (parts := host_parts(host))}
        self._origins = {origin.lower() for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 421 or 403."""
        problem = self._problem(scope) if scope["type"] in {"http", "websocket"} else None
        if problem is None:
            await self._app(scope, receive, send)
            return
        answer = error_response(HTTPConnection(scope), failure_of(problem))
        await answer(scope, receive, send)

    def _problem(self, scope: Scope) -> Refused | None:
        headers = Headers(scope=scope)
        host = _only_host(headers)
        if not self._takes_any and (host is None or host.name not in self._hosts):
            return HostRefused(headers.get("host", ""))
        if scope["path"].startswith(self._open_paths):
            return None
        is_safe = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        if is_safe and scope["path"] not in self._strict_paths:
            return None
        return None if self._may_write(headers, host) else OriginRefused(headers.get("origin", ""))

    def _may_write(self, headers: Headers, host: "HostParts | None") -> bool:
        """Return whether the page that sent this may, if a page did."""
        origin = headers.get("origin")
        if origin is not None and origin.lower() in self._origins:
            return True
        # Old browsers and programs do not send it.
        if headers.get("sec-fetch-site") == "cross-site":
            return False
        return origin is None or (host is not None and _origin_parts(origin) == host)


class HostParts(NamedTuple):
    """The name and port in a `Host` header; the port is empty if it is a scheme's own."""

    name: str
    port: str


def host_parts(text: str) -> HostParts | None:
    """Return the name and port of a host, or None for what is not a host.

    >>> host_parts("LocalHost.:8000"), host_parts("[::1]:80")
    (HostParts(name='localhost', port='8000'), HostParts(name='::1', port=''))
    >>> host_parts("::1"), host_parts("a b"), host_parts("localhost:x")
    (HostParts(name='::1', port=''), None, None)
    """
    if _is_ipv6(text):
        return HostParts(str(IPv6Address(text)), "")
    name, colon, port = text.lower().rpartition(":")
    if not colon or text.endswith("]"):
        name, port = text.lower(), ""
    elif not (port.isascii() and port.isdigit()):
        return None
    if name.startswith("[") and name.endswith("]") and _is_ipv6(name[1:-1]):
        name = str(IPv6Address(name[1:-1]))
    elif not name.isascii() or not set(name) <= _NAME_CHARACTERS or not name.strip("."):
        return None
    return HostParts(name.removesuffix("."), "" if port in _DEFAULT_PORTS else port)


_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _only_host(headers: Headers) -> HostParts | None:
    """Return the parts of the only `Host` header; a proxy may have looked at another of several."""
    found = headers.getlist("host")
    return host_parts(found[0]) if len(found) == 1 else None


def _origin_parts(origin: str) -> HostParts | None:
    scheme, separator, host = origin.partition("://")
    return host_parts(host) if separator and scheme.lower() in {"http", "https"} else None
