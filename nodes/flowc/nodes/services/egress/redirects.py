"""Decides what a redirect leads to, and what of the request it takes along."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import httpx

from flowc.nodes.services.egress.credentials import Credentials
from flowc.nodes.services.egress.policy import RedirectRefused
from flowc.nodes.services.egress.url_checks import check_url

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})
# Another origin gets these alone: others may contain secrets.
_HARMLESS = frozenset({"accept", "accept-language", "user-agent", "range"})
_OF_CONTENT = frozenset({"content-type", "content-encoding", "content-language"})
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class GuardedRequest:
    """One request, as it is sent or redirected."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None
    credentials: Credentials | None = None


def redirected(call: GuardedRequest, location: str, status: int) -> GuardedRequest:
    """Return the request that a redirect leads to; raise EgressDenied."""
    target = _target(call, location)
    if call.url.scheme == "https" and target.scheme == "http":
        raise RedirectRefused("a redirect leads from https to http")
    same = _is_same(call.url, target)
    headers = call.headers if same else _only(call.headers, _HARMLESS)
    keeps = call.method in {"GET", "HEAD"} or status in _KEEP_METHOD
    # As browsers do: after 301, 302 and 303, what was posted is read with GET.
    if not keeps and call.method not in {"POST", "PUT", "PATCH", "DELETE", "OPTIONS"}:
        keeps = True
    if keeps and call.content is not None and not same:
        message = f"a redirect ({status}) leads to {target.host[:80]!r}, which would get the body"
        raise RedirectRefused(message, "Write the address that it leads to as the `url`.")
    credentials = call.credentials if same else None
    if keeps:
        return replace(call, url=target, headers=headers, credentials=credentials)
    bare = {name: text for name, text in headers.items() if name.lower() not in _OF_CONTENT}
    return GuardedRequest("GET", target, bare, None, credentials)


def _target(call: GuardedRequest, location: str) -> httpx.URL:
    try:
        # Servers write spaces and other letters into it, as browsers allow.
        found = call.url.join(_escaped(location))
        return check_url(str(found))
    except (httpx.InvalidURL, ValueError):
        raise RedirectRefused("the redirect's URL cannot be read") from None


def _escaped(location: str) -> str:
    """Return an address with the spaces in it escaped.

    >>> _escaped(" /a b ")
    '/a%20b'
    """
    return location.strip(" ").replace(" ", "%20")


def _is_same(old: httpx.URL, new: httpx.URL) -> bool:
    """Return whether a target is of the same origin, or the same with TLS."""
    if old.host != new.host:
        return False
    if old.scheme == new.scheme:
        return _port(old) == _port(new)
    return (_port(old), _port(new)) == (80, 443)


def _port(url: httpx.URL) -> int:
    return url.port or _PORTS[url.scheme]


def _only(headers: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name.lower() in names}
