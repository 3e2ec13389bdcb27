"""Signing in at an OpenID provider: its code becomes a caller, with PKCE, state and nonce."""

import re
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote_plus, urlencode

from flowc.server.access.callers import Caller, Unauthenticated
from flowc.server.access.sign_in_attempts import SignInAttempt, SignInProblem, SignInRefused
from flowc.server.access.token_rules import TokenRules
from flowc.server.access.tokens import SignedTokens, TokenNotInTime

# What a provider says of itself is read again after this time.
_DESCRIPTION_SECONDS = 600.0
_OK = 200
_ADDRESS = re.compile(r"https?://[^/\s]+\S*")


@dataclass(frozen=True)
class OpenIdRules:
    """The provider, and how this server is registered there."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    scopes: str


class JsonAnswer(NamedTuple):
    """An answer of the provider; what is not JSON is None."""

    status: int
    value: Any


class AskProvider(Protocol):
    """Sends a request to the provider; raises OSError or ValueError if there is no answer."""

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> JsonAnswer:
        """Return the answer."""
        ...


class OpenIdProvider:
    """Leads people to a provider, and recognises those who come back."""

    def __init__(self, rules: OpenIdRules, tokens: TokenRules, ask: AskProvider) -> None:
        self._rules, self._ask = rules, ask
        self._tokens = SignedTokens(tokens, self._keys)
        self._description: Mapping[str, Any] = {}
        self._read_at = float("-inf")

    async def address(self, attempt: SignInAttempt, redirect_url: str) -> str:
        """Return where an attempt begins; raise SignInRefused."""
        query = {
            "response_type": "code",
            "client_id": self._rules.client_id,
            "redirect_uri": redirect_url,
            "scope": self._rules.scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return _with_query(await self._endpoint("authorization_endpoint"), query)

    async def sign_out_address(self, page_url: str) -> str | None:
        """Return where the provider ends its own session, if it can; raise SignInRefused."""
        description = await self._described()
        if not _is_address(description.get("end_session_endpoint")):
            return None
        query = {"client_id": self._rules.client_id, "post_logout_redirect_uri": page_url}
        return _with_query(description["end_session_endpoint"], query)

    def require_issuer(self, issuer: str | None) -> None:
        """Raise SignInRefused if an answer names another issuer (RFC 9207)."""
        if issuer is not None and issuer != self._rules.issuer:
            raise SignInRefused(SignInProblem.STATE, "The answer is of another issuer.")

    async def caller(self, attempt: SignInAttempt, code: str, redirect_url: str) -> Caller:
        """Return who signed in, by the code of the provider; raise SignInRefused or Forbidden."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_url,
            "client_id": self._rules.client_id,
            "code_verifier": attempt.verifier,
        }
        answer = await self._exchanged(form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInRefused(SignInProblem.TOKEN, "The provider sent no ID token.")
        claims = await self._checked(token, attempt)
        if self._tokens.missing(claims):
            claims = {**await self._about(answer.get("access_token"), claims["sub"]), **claims}
        return self._tokens.holder(claims)

    async def _exchanged(self, form: dict[str, str]) -> Mapping[str, Any]:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        url, secret = await self._endpoint("token_endpoint"), self._rules.client_secret
        if secret is not None and await self._takes_basic():
            pair = f"{quote_plus(self._rules.client_id)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        elif secret is not None:
            form = {**form, "client_secret": secret}
        answer = await self._asked("POST", url, headers, urlencode(form).encode())
        if answer.status == _OK and isinstance(answer.value, dict):
            return answer.value
        why = answer.value.get("error") if isinstance(answer.value, dict) else None
        problem = SignInProblem.TOKEN if why == "invalid_grant" else SignInProblem.PROVIDER
        raise SignInRefused(
            problem, f"The provider answered the code with {answer.status}, {str(why)[:100]!r}."
        )

    async def _takes_basic(self) -> bool:
        described = await self._described()
        methods = described.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return "client_secret_basic" in methods

    async def _checked(self, token: str, attempt: SignInAttempt) -> dict[str, Any]:
        try:
            claims = await self._tokens.claims(token)
        except TokenNotInTime as problem:
            raise SignInRefused(SignInProblem.CLOCK, str(problem)) from None
        except Unauthenticated as problem:
            raise SignInRefused(SignInProblem.TOKEN, str(problem)) from None
        if claims.get("nonce") != attempt.nonce:
            raise SignInRefused(SignInProblem.TOKEN, "The ID token is of another attempt.")
        if claims.get("azp", self._rules.client_id) != self._rules.client_id:
            raise SignInRefused(SignInProblem.TOKEN, "The ID token is for another client.")
        return claims

    async def _about(self, token: Any, subject: str) -> dict[str, Any]:
        """Return what the provider says of a person beside the ID token."""
        url = (await self._described()).get("userinfo_endpoint")
        if not _is_address(url) or not isinstance(token, str):
            return {}
        answer = await self._asked("GET", str(url), {"authorization": f"Bearer {token}"})
        if answer.status != _OK or not isinstance(answer.value, dict):
            message = f"The provider answered {answer.status} about the person."
            raise SignInRefused(SignInProblem.PROVIDER, message)
        if answer.value.get("sub") != subject:
            raise SignInRefused(SignInProblem.TOKEN, "The provider described another person.")
        return dict(answer.value)

    async def _keys(self, _: str) -> Any:
        return (await self._asked("GET", await self._endpoint("jwks_uri"))).value

    async def _endpoint(self, name: str) -> str:
        found = (await self._described()).get(name)
        if not _is_address(found):
            raise SignInRefused(SignInProblem.PROVIDER, f"The provider has no {name!r}.")
        return str(found)

    async def _described(self) -> Mapping[str, Any]:
        """Return what the provider says of itself; what was read before stays if that fails."""
        if time.monotonic() - self._read_at > _DESCRIPTION_SECONDS:
            try:
                self._description = await self._discovered()
                self._read_at = time.monotonic()
            except SignInRefused:
                if not self._description:
                    raise
        return self._description

    async def _discovered(self) -> Mapping[str, Any]:
        issuer = self._rules.issuer
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        answer = await self._asked("GET", url)
        found = answer.value if isinstance(answer.value, dict) else {}
        if answer.status != _OK or found.get("issuer") != issuer:
            named = str(found.get("issuer"))[:200]
            message = f"{url} answered {answer.status}, with the issuer {named!r}, not {issuer!r}."
            raise SignInRefused(SignInProblem.PROVIDER, message)
        return found

    async def _asked(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> JsonAnswer:
        sent = {"accept": "application/json", **(headers or {})}
        try:
            return await self._ask(method, url, sent, content)
        except Exception as problem:
            message = f"The provider cannot be asked: {type(problem).__name__}: {problem}"
            raise SignInRefused(SignInProblem.PROVIDER, message[:300]) from problem


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
