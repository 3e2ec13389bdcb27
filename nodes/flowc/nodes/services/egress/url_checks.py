"""Checks the URL and the headers of a request, before anything is sent."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from flowc.nodes.services.egress.policy import EgressDenied, HeaderRefused

MAX_URL = 8_192
MAX_HEADERS = 65_536
# Headers that the client sets itself, or that would mislead a proxy about the connection.
_RESERVED = frozenset(
    {
        "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer",
        "keep-alive", "expect", "forwarded",
    }
)  # fmt: skip
_RESERVED_BY_PREFIX = ("proxy-", "x-forwarded-", "forwarded", "sec-")
_TOKEN = frozenset("!#$%&'*+-.^_`|~")


def check_url(raw: str) -> httpx.URL:
    """Return the URL if it is a plain http or https one; raise EgressDenied if not.

    >>> check_url("https://example.com/a").host
    'example.com'
    """
    if len(raw) > MAX_URL or "\\" in raw or any(ord(c) < 33 or ord(c) == 127 for c in raw):
        raise EgressDenied("the URL has characters that are not allowed, or is too long")
    try:
        url = httpx.URL(raw)
        port = urlsplit(raw).port
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise EgressDenied("the URL cannot be read") from None
    if url.scheme not in {"http", "https"}:
        raise EgressDenied("the URL must begin with http:// or https://")
    if url.userinfo or not url.host or "%" in url.host:
        raise EgressDenied("the URL needs a plain host, without user name")
    if port == 0:
        raise EgressDenied("the URL has the port 0, which does not exist")
    return url


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise HeaderRefused for a header that the author must not set, or a malformed one.

    >>> check_headers({"x-city": "Zürich"})
    Traceback (most recent call last):
    flowc.nodes.services.egress.policy.HeaderRefused: the header 'x-city' is not ASCII
    """
    for name, value in headers.items():
        lower = name.lower()
        if lower in _RESERVED or lower.startswith(_RESERVED_BY_PREFIX):
            raise HeaderRefused(f"the header {lower[:40]!r} cannot be set")
        well_formed = name.isascii() and all(c.isalnum() or c in _TOKEN for c in name)
        if not name or not well_formed:
            raise HeaderRefused("the name of a header has characters that are not allowed")
        if not value.isascii():
            raise HeaderRefused(f"the header {lower[:40]!r} is not ASCII")
        if any(c < " " or c == "\x7f" for c in value.replace("\t", "")):
            raise HeaderRefused(f"the header {lower[:40]!r} has characters that are not allowed")
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADERS:
        raise HeaderRefused(f"the headers have more than {MAX_HEADERS:,} characters")
