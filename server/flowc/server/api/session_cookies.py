"""The cookie of a browser's session, and the requests that may be made with it."""

from fastapi import Response
from starlette.requests import HTTPConnection

from flowc.server.access.grants import is_csrf_token
from flowc.server.access.scopes import SAFE_METHODS
from flowc.server.records.refused import Refused

PLAIN_COOKIE = "flowc_session"
CSRF_HEADER = "x-csrf-token"
# It holds an attempt to sign in at a provider, which sends the browser back in this time.
_ATTEMPT, _ATTEMPT_SECONDS = "flowc_sign_in", 600


class CsrfRefused(Refused):
    """A page must send the token of its session with what it changes.

    The token is in the answer of `/api/v1/session`, and the header is `x-csrf-token`.
    """


def cookie_in(connection: HTTPConnection) -> str | None:
    """Return the secret in the cookie of a session."""
    return connection.cookies.get(_name(connection)) or None


def set_cookie(connection: HTTPConnection, response: Response, secret: str, seconds: int) -> None:
    """Let the browser keep a session, out of the reach of scripts and of other sites."""
    response.set_cookie(
        _name(connection),
        secret,
        max_age=seconds,
        secure=_is_secure(connection),
        httponly=True,
        samesite="strict",
    )


def delete_cookie(connection: HTTPConnection, response: Response) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(
        _name(connection), secure=_is_secure(connection), httponly=True, samesite="strict"
    )


def attempt_in(connection: HTTPConnection) -> str | None:
    """Return the attempt to sign in that a browser keeps."""
    return connection.cookies.get(_name(connection, _ATTEMPT)) or None


def set_attempt(connection: HTTPConnection, response: Response, attempt: str) -> None:
    """Let the browser keep an attempt to sign in until the provider leads it back here."""
    response.set_cookie(
        _name(connection, _ATTEMPT),
        attempt,
        max_age=_ATTEMPT_SECONDS,
        secure=_is_secure(connection),
        httponly=True,
        # A strict cookie does not come along when another site leads here.
        samesite="lax",
    )


def delete_attempt(connection: HTTPConnection, response: Response) -> None:
    """Let the browser forget its attempt: each is for one answer of the provider."""
    response.delete_cookie(
        _name(connection, _ATTEMPT), secure=_is_secure(connection), httponly=True, samesite="lax"
    )


def require_own_page(connection: HTTPConnection, secret: str) -> None:
    """Raise CsrfRefused for what would change something, and no page of the session sends.

    The edge of the server has compared `Origin` with `Host` by now. Pages of the sites that may use
    the server otherwise, and of other hosts of the same site, cannot use a session.
    """
    if connection.scope["method"] in SAFE_METHODS:
        return
    headers = connection.headers
    origin = headers.get("origin")
    is_foreign = headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
    if origin is not None:
        is_foreign |= origin.partition("://")[2].lower() != headers.get("host", "").lower()
    if is_foreign or not is_csrf_token(headers.get(CSRF_HEADER, ""), secret):
        raise CsrfRefused


def _name(connection: HTTPConnection, plain: str = PLAIN_COOKIE) -> str:
    """Return the name of a cookie: with TLS, browsers take it from this very host alone."""
    return f"__Host-{plain}" if _is_secure(connection) else plain


def _is_secure(connection: HTTPConnection) -> bool:
    return connection.scope["scheme"] in {"https", "wss"}
