"""An OpenID provider on loopback: discovery, keys, a page to sign in, tokens, and who one is."""

import hashlib
import html
import json
import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from fakes.loopback import Reply, Request, Server, reply_json, serving

CLIENT, SECRET = "flowc-pages", "a secret: of the+client"
PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {"realm": {"roles": ["offline_access", "editor"]}, "groups": ["accounting"]},
    "bob": {},
}
# What a person can choose on the provider's page: the text of a link, and its parameters.
CHOICES = {
    "Sign in as ada": {"person": "ada"},
    "Sign in as bob": {"person": "bob"},
    "Sign in by a clock an hour ahead": {"person": "ada", "skew": "3600"},
    "Deny": {"error": "access_denied"},
    "Break": {"error": "server_error"},
}


@dataclass
class FakeOpenId:
    """A provider with one client; what it sends can be changed.

    `claims` are added to ID tokens, and `changes` to what it says of itself; an ID token has the
    claims of a person unless they are in `userinfo` alone.
    """

    secret: str | None = SECRET
    claims: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    is_in_userinfo: bool = False
    signs_with: Any = None
    server: Server = field(default_factory=lambda: Server(0))
    key: Any = field(default_factory=lambda: rsa.generate_private_key(65_537, 2_048))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a server that is registered here."""
        return {
            "oidc_issuer": self.url,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": self.secret,
            "oidc_name": "Acme",
            "jwt_role_claim": "realm.roles",
        }

    def answer(self, request: Request) -> Reply:
        parts = urlsplit(request.path)
        query = {name: found[0] for name, found in parse_qs(parts.query).items()}
        described = {**self._description(), **self.changes}
        answers: dict[str, Callable[[], Reply]] = {
            "/.well-known/openid-configuration": lambda: reply_json(described),
            "/keys": lambda: reply_json(self._keys()),
            "/authorize": lambda: self._page(query),
            "/decide": lambda: _led_to(self.decided(query)),
            "/token": lambda: self._exchanged(request),
            "/userinfo": lambda: self._about(request),
            "/end": lambda: _led_to(query["post_logout_redirect_uri"]),
        }
        return answers.get(parts.path, lambda: Reply(404))()

    def _about(self, request: Request) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        person = self.tokens[token]
        return reply_json({"sub": person, **PEOPLE[person]})

    def _description(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?tenant=acme",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/end",
            "code_challenge_methods_supported": ["S256"],
        }

    def _keys(self) -> dict[str, Any]:
        """Return its key among others, of another kind, as real providers do."""
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        others = [
            {**ECAlgorithm.to_jwk(other, as_dict=True), "kid": f"other{number}", "alg": "ES256"}
            for number in range(8)
        ]
        own = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [*others, {**own, "kid": "own", "alg": "RS256", "use": "sig"}]}

    def _page(self, query: dict[str, str]) -> Reply:
        links = [
            f'<p><a href="/decide?{html.escape(urlencode({**query, **chosen}))}">{text}</a></p>'
            for text, chosen in CHOICES.items()
        ]
        page = f'<!doctype html><html lang="en"><title>Acme</title>{"".join(links)}</html>'
        return Reply(body=page.encode(), headers={"content-type": "text/html"})

    def decided(self, query: dict[str, str]) -> str:
        """Return where a browser is led when a person has chosen."""
        assert query["response_type"] == "code" and query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256" and "openid" in query["scope"].split()
        if "error" in query:
            answer = {"error": query["error"], "error_description": "<b>as chosen</b>"}
        else:
            answer = {"code": secrets.token_urlsafe(8)}
            self.codes[answer["code"]] = query
        answer |= {"state": query["state"], "iss": self.url}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def _exchanged(self, request: Request) -> Reply:
        form = {name: found[0] for name, found in parse_qs(request.body.decode()).items()}
        if not self._is_client(request, form):
            return reply_json({"error": "invalid_client"}, 401)
        query = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            query is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != query["redirect_uri"]
            or challenge != query["code_challenge"]
        ):
            return reply_json({"error": "invalid_grant"}, 400)
        token = secrets.token_urlsafe(8)
        self.tokens[token] = query["person"]
        return reply_json(
            {"access_token": token, "token_type": "Bearer", "id_token": self._id_token(query)}
        )

    def _is_client(self, request: Request, form: dict[str, str]) -> bool:
        if self.secret is None or "client_secret" in form:
            given = (form.get("client_id"), form.get("client_secret"))
            return given == (CLIENT, self.secret)
        pair = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        return [unquote_plus(each) for each in pair.split(":", 1)] == [CLIENT, self.secret]

    def _id_token(self, query: dict[str, str]) -> str:
        at = int(time.time()) + int(query.get("skew", "0"))
        about = {} if self.is_in_userinfo else PEOPLE[query["person"]]
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": query["person"],
            "iat": at,
            "exp": at + 300,
            "nonce": query["nonce"],
            **about,
            **self.claims,
        }
        shown = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(shown, self.signs_with or self.key, "RS256", headers={"kid": "own"})


def _led_to(url: str) -> Reply:
    return Reply(302, headers={"location": url})


@contextmanager
def provider(**about: Any) -> Iterator[FakeOpenId]:
    """Serve a provider until the block ends."""
    found = FakeOpenId(**about)
    with serving(found.answer) as found.server:
        yield found


def variables(settings: dict[str, Any]) -> dict[str, str]:
    """Return settings as variables of the environment."""
    named = {f"FLOWC_{name.upper()}": value for name, value in settings.items()}
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in named.items()
        if value is not None
    }
