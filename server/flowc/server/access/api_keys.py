"""API keys: how they are made, and what is stored of them."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import NamedTuple

from flowc.server.access.scopes import ApiScope

# What begins like this was meant to be a key.
PREFIX = "flowc_"
_KEY = re.compile(r"flowc_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_ID_BYTES, _SECRET_BYTES, _PEPPER_BYTES = 6, 32, 32


class ApiKey(NamedTuple):
    """An API key as it is stored: without the key itself, which is shown once."""

    id: str
    tenant: str
    name: str
    scopes: tuple[ApiScope, ...]
    role: str | None
    workflow_id: str | None
    digest: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None = None
    groups: tuple[str, ...] = ()


class KeyText(NamedTuple):
    """A key as its holder has it: 12 hexadecimal digits that name it, and 256 random bits."""

    id: str
    secret: str

    def __str__(self) -> str:
        """Return the text that callers send."""
        return f"{PREFIX}{self.id}_{self.secret}"

    @classmethod
    def new(cls) -> "KeyText":
        """Return a new key."""
        return cls(secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES))

    @classmethod
    def read(cls, text: str) -> "KeyText | None":
        """Return the key in a text; None if it has not the form of one.

        >>> KeyText.read("flowc_null")
        >>> KeyText.read(str(KeyText("0" * 12, "x" * 43))).id
        '000000000000'
        """
        found = _KEY.fullmatch(text)
        return None if found is None else cls(*found.groups())

    def digest(self, pepper: bytes) -> str:
        """Return the HMAC-SHA256 of the key, which is stored; the pepper is the server's."""
        return hmac.digest(pepper, str(self).encode(), "sha256").hex()


def new_pepper() -> str:
    """Return a new pepper, as hexadecimal digits."""
    return secrets.token_hex(_PEPPER_BYTES)


def fingerprint(credential: str) -> bytes:
    """Return under what a checked credential is remembered, so that no memory holds it."""
    return hashlib.sha256(credential.encode("utf-8", "surrogateescape")).digest()
