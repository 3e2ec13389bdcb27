"""The gate: whose a request is, by its API key or token."""

import hmac
import json
import time
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from flowc.nodes.services.egress import HttpClient
from flowc.server.access.api_keys import PREFIX, ApiKey, KeyText, fingerprint
from flowc.server.access.callers import (
    Caller,
    Unauthenticated,
    local_admin,
)
from flowc.server.access.scopes import ApiScope, CallerRole
from flowc.server.access.token_rules import TokenRules
from flowc.server.process_services import SettingsRefused
from flowc.server.records.times import now
from flowc.server.settings import Settings
from flowc.server.store.access import StoredKeys
from flowc.server.store.database import Database

if TYPE_CHECKING:
    from flowc.server.access.tokens import SignedTokens

# As many checked credentials are remembered, for as long as others cannot revoke them unheard.
_REMEMBERED = 1_000
_ALONE_SECONDS, _SHARED_SECONDS = 3_600.0, 5.0
_DUMMY = "0" * 64
_EXPIRED = "The key or token has expired."
# A set of public keys is read within these limits.
_KEYS_BYTES, _KEYS_SECONDS = 100_000, 10.0


class KeyWish(NamedTuple):
    """What a new key is for, and what it may do; without a lifetime, it ends when it is revoked."""

    name: str
    scopes: frozenset[ApiScope]
    role: CallerRole | None = None
    workflow_id: str | None = None
    lifetime: timedelta | None = None
    groups: tuple[str, ...] = ()


class NewKey(NamedTuple):
    """A key that was made just now, with its text, which cannot be read again."""

    key: ApiKey
    text: str


class Gate:
    """Recognises callers; if it `is_open`, each is the administrator of the default tenant.

    A credential is checked once and remembered; what is revoked is forgotten, in this process at
    once, and in others when the database tells them.
    """

    def __init__(self, keys: StoredKeys, tokens: "SignedTokens | None", *, is_open: bool) -> None:
        self.keys, self._tokens, self.is_open = keys, tokens, is_open
        self._pepper: bytes | None = None
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()
        self._local = local_admin()

    async def caller(self, authorization: str | None) -> Caller:
        """Return whose an `Authorization` header is; raise Unauthenticated or Forbidden."""
        if self.is_open:
            return self._local
        credential = _credential(authorization)
        if credential is None:
            raise Unauthenticated
        return await self.holder(credential)

    def knows(self, authorization: str) -> bool:
        """Return whether an `Authorization` header was checked before, and is remembered."""
        return self.is_open or fingerprint(_credential(authorization) or "") in self._known

    async def holder(self, credential: str) -> Caller:
        """Return whose a key or token is; raise Unauthenticated or Forbidden."""
        mark = fingerprint(credential)
        caller, until = self._known.get(mark, (None, 0.0))
        if caller is None or until < time.monotonic():
            caller = await self._checked(credential)
            self._remember(mark, caller)
        if caller.expires_at is not None and caller.expires_at <= time.time():
            raise Unauthenticated(_EXPIRED)
        return caller

    async def _checked(self, credential: str) -> Caller:
        if credential.startswith(PREFIX) or self._tokens is None:
            return await self._of_key(credential)
        return await self._tokens.caller(credential)

    async def _of_key(self, text: str) -> Caller:
        given = KeyText.read(text)
        if given is None:
            raise Unauthenticated("The API key is not valid.")
        key = await self.keys.find(given.id)
        digest = given.digest(await self._own_pepper())
        # An unknown key takes as long as a wrong one.
        if not hmac.compare_digest(digest, _DUMMY if key is None else key.digest) or key is None:
            raise Unauthenticated("The API key is not valid.")
        return _holder_of(key)

    async def holder_of_key(self, id: str) -> Caller:
        """Return whose a key is, by its id; raise Unauthenticated if it is over."""
        key = await self.keys.find(id)
        if key is None:
            raise Unauthenticated("The API key is not valid.")
        caller = _holder_of(key)
        if caller.expires_at is not None and caller.expires_at <= time.time():
            raise Unauthenticated(_EXPIRED)
        return caller

    async def _own_pepper(self) -> bytes:
        if self._pepper is None:
            self._pepper = bytes.fromhex(await self.keys.pepper())
        return self._pepper

    def _remember(self, mark: bytes, caller: Caller) -> None:
        is_alone = self.keys.database.is_exclusive
        self._known[mark] = (
            caller,
            time.monotonic() + (_ALONE_SECONDS if is_alone else _SHARED_SECONDS),
        )
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def forget(self) -> None:
        """Check every credential again: one may have been revoked."""
        self._known.clear()

    async def make(self, tenant: str, by: str, wish: KeyWish) -> NewKey:
        """Make a key and store it."""
        made = await self.new_key(tenant, by, wish)
        await self.keys.add(made.key)
        return made

    async def new_key(
        self, tenant: str, by: str, wish: KeyWish, given: KeyText | None = None
    ) -> NewKey:
        """Return a new key, or the given one as a key; it is not stored yet."""
        text, at = given or KeyText.new(), now()
        key = ApiKey(
            id=text.id,
            tenant=tenant,
            name=wish.name,
            scopes=tuple(sorted(wish.scopes)),
            role=wish.role,
            workflow_id=wish.workflow_id,
            digest=text.digest(await self._own_pepper()),
            created_by=by,
            created_at=at,
            expires_at=None if wish.lifetime is None else at + wish.lifetime,
            groups=wish.groups,
        )
        return NewKey(key, str(text))

    async def revoke(self, tenant: str, id: str) -> ApiKey:
        """Revoke a key, at once in all processes; raise NoSuchKey."""
        key = await self.keys.revoke(tenant, id)
        self.forget()
        return key


def _holder_of(key: ApiKey) -> Caller:
    if key.revoked_at is not None:
        raise Unauthenticated("The API key was revoked.")
    expires_at = None if key.expires_at is None else key.expires_at.timestamp()
    name, scopes = f"key {key.id} ({key.name})", frozenset(key.scopes)
    return Caller(
        key.tenant,
        name,
        scopes,
        key.workflow_id,
        expires_at,
        key_id=key.id,
        names=frozenset({key.name}),
        groups=frozenset(key.groups),
    )


def _credential(authorization: str | None) -> str | None:
    scheme, _, credential = (authorization or "").strip().partition(" ")
    return credential.strip() or None if scheme.lower() == "bearer" else None


def open_gate(settings: Settings, database: Database, http: HttpClient) -> Gate:
    """Return the gate that the settings describe; raise SettingsRefused."""
    rules = _token_rules(settings)

    async def read_json(url: str) -> Any:
        answer = await http.request("GET", url, max_bytes=_KEYS_BYTES, deadline=_KEYS_SECONDS)
        return json.loads(answer.content)

    tokens = None
    if rules is not None:
        # Imported here: it loads cryptography, and few servers take tokens.
        from flowc.server.access.tokens import SignedTokens  # noqa: PLC0415

        tokens = SignedTokens(rules, read_json)
    return Gate(StoredKeys(database), tokens, is_open=settings.auth == "off")


def _token_rules(settings: Settings) -> TokenRules | None:
    is_shared = settings.jwt_algorithm.startswith("HS")
    if settings.jwt_keys_url is None and settings.jwt_secret is None:
        return None
    if (settings.jwt_secret is None) == is_shared or (settings.jwt_keys_url is None) != is_shared:
        message = (
            f"FLOWC_JWT_ALGORITHM is {settings.jwt_algorithm}, which needs"
            f" {'FLOWC_JWT_SECRET' if is_shared else 'FLOWC_JWT_KEYS_URL'} alone."
        )
        raise SettingsRefused(message)
    if not is_shared and None in (settings.jwt_issuer, settings.jwt_audience):
        raise SettingsRefused("FLOWC_JWT_KEYS_URL needs FLOWC_JWT_ISSUER and FLOWC_JWT_AUDIENCE.")
    return TokenRules(
        settings.jwt_algorithm,
        settings.jwt_secret,
        settings.jwt_keys_url,
        settings.jwt_issuer,
        settings.jwt_audience,
        settings.jwt_role_claim,
        settings.jwt_tenant_claim,
        settings.jwt_name_claim,
        settings.jwt_groups_claim,
    )
