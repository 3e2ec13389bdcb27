"""Keeps the access tokens that services have issued, in the memory of the process alone."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import astuple, dataclass
from time import monotonic
from typing import Literal

from cachetools import TLRUCache

_MAX_TOKENS = 10_000
# If a response does not say how long its token lives.
_USUAL_SECONDS = 300.0
# A token is not used in the last part of its life: it could end on the way.
_MARGIN, _LEAST_MARGIN = 0.1, 30.0


@dataclass(frozen=True)
class ClientGrant:
    """What a client asks a token for; `extra` are further parameters, as JSON."""

    token_url: str
    client_id: str
    client_secret: str
    scope: str | None = None
    audience: str | None = None
    credentials_in: Literal["header", "body"] = "header"
    extra: str = "{}"

    @property
    def key(self) -> str:
        """A digest of all of it, so that the secret itself is not held."""
        return hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()


@dataclass(frozen=True)
class IssuedToken:
    """An access token, and how many seconds it lives, if that is known."""

    token: str
    expires_in: float | None


class AccessTokens:
    """The tokens by what they were asked for; each is asked for once at a time."""

    def __init__(self) -> None:
        self._tokens = TLRUCache[str, tuple[str, float]](
            _MAX_TOKENS, ttu=lambda _, held, now: now + held[1], timer=monotonic
        )
        self._locks = dict[str, asyncio.Lock]()

    async def get(self, grant: ClientGrant, ask: Callable[[], Awaitable[IssuedToken]]) -> str:
        """Return the token for a grant; ask for it unless it is held."""
        key = grant.key
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            held = self._tokens.get(key)
            if held is not None:
                return held[0]
            try:
                issued = await ask()
            finally:
                self._locks.pop(key, None)
            self._tokens[key] = issued.token, _life(issued.expires_in)
            return issued.token

    def forget(self, grant: ClientGrant, token: str) -> None:
        """Forget a token that a service has refused."""
        held = self._tokens.get(grant.key)
        if held is not None and held[0] == token:
            self._tokens.pop(grant.key, None)


def _life(seconds: float | None) -> float:
    """Return how long a token is used.

    >>> _life(3600), _life(60), _life(None)
    (3240.0, 30.0, 270.0)
    """
    whole = _USUAL_SECONDS if seconds is None else seconds
    return max(0.0, min(whole * (1 - _MARGIN), max(whole - _LEAST_MARGIN, whole / 2)))
