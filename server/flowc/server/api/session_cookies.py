"""The cookie of a browser's session, and the requests that may be made with it."""

from fastapi import Response
from starlette.requests import HTTPConnection

from flowc.server.access.grants import is_csrf_token
from flowc.server.access.scopes import SAFE_METHODS
from flowc.server.records.refused import Refused

PLAIN_COOKIE = "flowc_session"
# Browsers take it only over TLS, and from this very host.
_TLS_COOKIE = f"__Host-{PLAIN_COOKIE}"
CSRF_HEADER = "x-csrf-token"


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


def _name(connection: HTTPConnection) -> str:
    return _TLS_COOKIE if _is_secure(connection) else PLAIN_COOKIE


def _is_secure(connection: HTTPConnection) -> bool:
    return connection.scope["scheme"] in {"https", "wss"}
