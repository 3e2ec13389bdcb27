"""Grants: what browsers send in place of a key, and what is stored of them."""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import NamedTuple

from flowc.server.access.scopes import ApiScope

_SECRET_BYTES = 32
_CSRF = b"csrf"


class Grant(NamedTuple):
    """A session of a browser, or a ticket for the WebSocket of the run `run_id`.

    It stands for its `holder`: the API key `key_id`, which may end at any time, or the subject of a
    token, which has `scopes` until `holder_expires_at`. `session` is the session that a ticket was
    got with. Of the grant itself, only a hash is stored.
    """

    digest: str
    tenant: str
    holder: str
    scopes: tuple[ApiScope, ...]
    workflow_id: str | None
    key_id: str | None
    session: str | None
    run_id: str | None
    expires_at: datetime
    holder_expires_at: datetime | None
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def new_grant_secret() -> str:
    """Return a new secret, of 256 random bits, which a browser keeps."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Return what is stored of a secret; it is random, so that its hash needs no pepper."""
    return hashlib.sha256(_bytes(secret)).hexdigest()


def csrf_token_of(secret: str) -> str:
    """Return what pages of a session send with what they change; other sites cannot read it."""
    return hmac.digest(_bytes(secret), _CSRF, "sha256").hex()


def is_csrf_token(given: str, secret: str) -> bool:
    """Return whether a page sent the token of its session."""
    return hmac.compare_digest(_bytes(given), csrf_token_of(secret).encode())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
