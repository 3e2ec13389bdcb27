"""Reads secrets from a vault: HashiCorp Vault, OpenBao, or what answers like their KV engine 2."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from flowc.compiler.node import NodeError
from flowc.nodes.services.egress import EgressDenied, HttpClient, RequestFailed
from flowc.server.records.secrets import SecretBindings, SecretText

_MAX_BYTES, _SECONDS = 1_000_000, 10.0
# What is not there may be set any moment.
_MISSING_SECONDS = 5.0
_REMEMBERED = 10_000


class SecretProvider(Protocol):
    """A service outside of flowc that has secrets of tenants."""

    async def read(self, tenant: str, name: str) -> SecretText | None:
        """Return a secret, or None if there is none; raise NodeError if it cannot be read."""
        ...


@dataclass(frozen=True)
class VaultAddress:
    """Where a vault is: the secret `name` of a tenant is at `mount`, `path`/tenant/name."""

    url: str
    mount: str
    path: str
    namespace: str | None = None

    def of(self, tenant: str, name: str) -> str:
        """Return the URL of a secret.

        >>> VaultAddress("https://v.test/", "secret", "flowc").of("default", "token")
        'https://v.test/v1/secret/data/flowc/default/token'
        """
        parts = [part for part in self.path.split("/") if part]
        steps = "/".join(quote(part, safe="") for part in (*parts, tenant, name))
        return f"{self.url.rstrip('/')}/v1/{self.mount.strip('/')}/data/{steps}"


@dataclass
class Vault:
    """A vault's secrets, each read again after some seconds.

    The token is read again for each request, so that an agent can renew it in its file. A secret is
    an entry with the field `value`; it is bound by the fields `hosts` and `workflows`, each a list
    or a text with commas.
    """

    address: VaultAddress
    token: Callable[[], str]
    http: HttpClient
    seconds: float = 60.0
    now: Callable[[], float] = time.monotonic
    _known: dict[tuple[str, str], tuple[SecretText | None, float]] = field(default_factory=dict)

    async def read(self, tenant: str, name: str) -> SecretText | None:
        """Return a secret, or None if there is none; raise NodeError if it cannot be read."""
        found, until = self._known.get((tenant, name), (None, 0.0))
        if until > self.now():
            return found
        found = await self._fetched(tenant, name)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        lifetime = self.seconds if found is not None else min(self.seconds, _MISSING_SECONDS)
        self._known[tenant, name] = found, self.now() + lifetime
        return found

    async def _fetched(self, tenant: str, name: str) -> SecretText | None:
        headers = {"x-vault-token": self._token(), "x-vault-request": "true"}
        if self.address.namespace is not None:
            headers["x-vault-namespace"] = self.address.namespace
        url = self.address.of(tenant, name)
        try:
            response = await self.http.request(
                "GET", url, headers=headers, max_bytes=_MAX_BYTES, deadline=_SECONDS
            )
        except EgressDenied as refused:
            raise _failure("may not be called", refused.hint, is_passing=False) from None
        except (RequestFailed, TimeoutError) as problem:
            raise _failure(f"cannot be reached ({type(problem).__name__})") from None
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        if response.status_code != HTTPStatus.OK:
            raise _refusal(response.status_code)
        return _secret_in(response.content)

    def _token(self) -> str:
        try:
            return self.token().strip()
        except OSError:
            reason = "has no token: the file of FLOWC_VAULT_TOKEN_FILE cannot be read"
            raise _failure(reason, is_passing=False) from None


def token_in(file: Path) -> Callable[[], str]:
    """Return a function that reads the token from a file."""
    return lambda: file.read_text(encoding="utf-8")


def _secret_in(content: bytes) -> SecretText:
    try:
        entry: Any = json.loads(content)["data"]["data"]
        value = entry["value"]
        if not isinstance(value, str):
            raise TypeError
        return SecretText(value, SecretBindings(_words(entry, "hosts"), _words(entry, "workflows")))
    except (ValueError, LookupError, TypeError, RecursionError):
        reason = "has this secret in another form: its entry needs a text `value`"
        raise _failure(reason, is_passing=False) from None


def _words(entry: Any, name: str) -> tuple[str, ...]:
    """Return the words of a binding; raise TypeError for one that is malformed.

    >>> _words({"hosts": "a.test, *.b.test"}, "hosts"), _words({}, "hosts")
    (('a.test', '*.b.test'), ())
    """
    given = entry.get(name) or []
    words = given.split(",") if isinstance(given, str) else given
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise TypeError(name)
    found = tuple(word.strip() for word in words if word.strip())
    if given and not found:
        raise TypeError(name)
    return tuple(word.lower().rstrip(".") for word in found) if name == "hosts" else found


def _refusal(status: int) -> NodeError:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        hint = "The operator can renew the token, or allow it to read the path of this tenant."
        return _failure(f"refuses the token (status {status})", hint, is_passing=False)
    is_passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == 429
    return _failure(f"answered with status {status}", is_passing=is_passing)


def _failure(reason: str, hint: str | None = None, *, is_passing: bool = True) -> NodeError:
    kind: Any = "connection" if is_passing else None
    return NodeError("secret-unavailable", f"The vault {reason}.", kind=kind, hint=hint)
