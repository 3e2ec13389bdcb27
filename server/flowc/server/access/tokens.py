"""JSON Web Tokens: whose they are, and what their holder may do.

What is accepted is the operator's: the algorithm, the key or the address of the keys, issuer and
audience. Nothing of it is taken from a token, so that no token can choose how it is checked.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import jwt

from flowc.server.access.callers import (
    DEFAULT_TENANT,
    Caller,
    Forbidden,
    Unauthenticated,
    is_tenant_name,
)
from flowc.server.access.scopes import ApiScope, CallerRole, scopes_of
from flowc.server.access.token_rules import TokenRules

_MOST_BYTES = 8_192
_LONGEST_SECONDS = 24 * 3600
_LEEWAY_SECONDS = 30
# The keys of an issuer are read again after this time, and at most once in the shorter one.
_KEYS_SECONDS, _AGAIN_SECONDS = 600.0, 60.0
_MOST_KEYS = 50

# Reads the document at an address through the guard, in as many bytes as a set of keys needs.
ReadJson = Callable[[str], Awaitable[Any]]


class TokenNotInTime(Unauthenticated):
    """The token is not valid yet, or not any more; the clocks of its issuer and here may differ."""


class SignedTokens:
    """Checks tokens, and keeps the public keys of their issuer."""

    def __init__(self, rules: TokenRules, read_json: ReadJson) -> None:
        self._rules, self._read_json = rules, read_json
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")

    async def caller(self, token: str) -> Caller:
        """Return the holder of a token; raise Unauthenticated or Forbidden."""
        claims = await self.claims(token)
        if claims["exp"] - claims["iat"] > _LONGEST_SECONDS:
            raise Unauthenticated("The token is not valid: it is valid for more than 24 hours.")
        expires_at = float(claims["exp"]) + _LEEWAY_SECONDS
        return replace(self.holder(claims), expires_at=expires_at)

    async def claims(self, token: str) -> dict[str, Any]:
        """Return what a token says, which its issuer signed; raise Unauthenticated."""
        if len(token) > _MOST_BYTES:
            raise Unauthenticated("The token is longer than 8 KB.")
        try:
            header = jwt.get_unverified_header(token)
            return self._claims(token, await self._key(header))
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as problem:
            raise TokenNotInTime(f"The token is not valid: {_reason(problem)}.") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as problem:
            raise Unauthenticated(f"The token is not valid: {_reason(problem)}.") from None

    async def _key(self, header: Mapping[str, Any]) -> Any:
        if self._rules.secret is not None:
            return self._rules.secret
        name = header.get("kid")
        if not isinstance(name, str):
            raise jwt.InvalidKeyError("it names no key")
        age = time.monotonic() - self._read_at
        if age > _KEYS_SECONDS or (name not in self._keys and age > _AGAIN_SECONDS):
            await self._read_keys()
        if name not in self._keys:
            raise jwt.InvalidKeyError("its issuer has no such key")
        return self._keys[name].key

    async def _read_keys(self) -> None:
        """Read the issuer's keys; those that are there stay if that fails."""
        assert self._rules.keys_url is not None  # without a secret, there is an address
        self._read_at = time.monotonic()
        try:
            found = await self._read_json(self._rules.keys_url)
            read = [*self._readable(found["keys"][:_MOST_KEYS])]
        except Exception as problem:
            if not self._keys:
                raise jwt.InvalidKeyError("the keys of its issuer cannot be read") from problem
            return
        self._keys = {key.key_id: key for key in read if key.key_id is not None}

    def _readable(self, keys: Any) -> Iterator[jwt.PyJWK]:
        """Yield the keys of the operator's algorithm; issuers have others beside them."""
        for key in keys:
            try:
                yield jwt.PyJWK(key, algorithm=self._rules.algorithm)
            except jwt.PyJWTError:
                continue

    def _claims(self, token: str, key: Any) -> dict[str, Any]:
        rules = self._rules
        required = ["exp", "iat", "sub"]
        required += ["iss"] if rules.issuer is not None else []
        required += ["aud"] if rules.audience is not None else []
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[rules.algorithm],
            issuer=rules.issuer,
            audience=rules.audience,
            leeway=_LEEWAY_SECONDS,
            options={"require": required, "verify_aud": rules.audience is not None},
        )
        return claims

    def missing(self, claims: Mapping[str, Any]) -> bool:
        """Return whether claims lack one that the rules name."""
        rules = self._rules
        named = (rules.role_claim, rules.tenant_claim, rules.name_claim, rules.groups_claim)
        return any(_claim(claims, name) is None for name in named)

    def holder(self, claims: Mapping[str, Any]) -> Caller:
        """Return whom claims are about, without an end; raise Unauthenticated or Forbidden."""
        role = _claim(claims, self._rules.role_claim)
        tenant = _claim(claims, self._rules.tenant_claim)
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise Unauthenticated("The token is not valid: its subject is no text.")
        if tenant is not None and not (isinstance(tenant, str) and is_tenant_name(tenant)):
            raise Forbidden(f"The tenant of {subject[:100]!r} is no name of a tenant.")
        return Caller(
            DEFAULT_TENANT if tenant is None else tenant,
            f"user {subject[:100]}",
            _scopes(role, subject, self._rules.default_role),
            names=_texts(_claim(claims, self._rules.name_claim)),
            groups=_texts(_claim(claims, self._rules.groups_claim)),
        )


def _scopes(role: Any, subject: str, default: str | None) -> frozenset[ApiScope]:
    """Return the scopes of a role, or of the highest one in a list, or else of the default."""
    given = role if isinstance(role, list) else [role]
    known = [each for each in CallerRole if each.value in given]
    known = known or [each for each in CallerRole if each.value == default]
    if not known:
        listed = ", ".join(CallerRole)
        raise Forbidden(f"The token of {subject[:100]!r} has none of the roles {listed}.")
    return scopes_of(known[-1])


def _texts(claim: Any) -> frozenset[str]:
    """Return the texts of a claim, which is one or a list of them."""
    given = claim if isinstance(claim, list) else [claim]
    return frozenset(each for each in given if isinstance(each, str))


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _reason(problem: Exception) -> str:
    text = str(problem) if isinstance(problem, jwt.PyJWTError) else ""
    return (text[:1].lower() + text[1:]).rstrip(".")[:200] or "it cannot be read"
