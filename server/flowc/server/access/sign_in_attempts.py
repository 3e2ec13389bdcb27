"""Attempts to sign in at an OpenID provider, and why they fail."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote, unquote

from flowc.server.access.callers import Unauthenticated
from flowc.server.access.grants import new_grant_secret

# The pages of this server, to which a person may return: no other place.
FIRST_PAGE = "/ui/workflows"
_PAGE = re.compile(r"/ui/[!-\[\]-~]{0,1000}")


class SignInProblem(StrEnum):
    """Why a person is not signed in, in the words of the page's address."""

    OFF = "off"
    DENIED = "denied"
    STATE = "state"
    CLOCK = "clock"
    TOKEN = "token"
    PROVIDER = "provider"
    FORBIDDEN = "forbidden"
    BUSY = "busy"


class SignInRefused(Unauthenticated):
    """The sign-in at the provider cannot be completed."""

    def __init__(self, problem: SignInProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True)
class SignInAttempt:
    """An attempt to sign in, which its browser keeps: a secret, and the page to return to.

    State, nonce and verifier follow from the secret, so that any process can complete it.
    """

    secret: str = field(repr=False)
    page: str

    @classmethod
    def new(cls, page: str) -> "SignInAttempt":
        """Return a new attempt; another page than one of this server becomes the first one."""
        return cls(new_grant_secret(), page if _PAGE.fullmatch(page) else FIRST_PAGE)

    @classmethod
    def read(cls, text: str) -> "SignInAttempt | None":
        """Return the attempt in a cookie; None for what is none.

        >>> SignInAttempt.read("x" * 43 + ".%2Fui%2Fruns").page
        '/ui/runs'
        >>> SignInAttempt.read("x" * 43 + ".https%3A%2F%2Felsewhere.example").page
        '/ui/workflows'
        """
        secret, _, page = text.partition(".")
        if not re.fullmatch(r"[\w-]{43}", secret, re.ASCII):
            return None
        page = unquote(page)
        return cls(secret, page if _PAGE.fullmatch(page) else FIRST_PAGE)

    def __str__(self) -> str:
        """Return the text that the browser keeps."""
        return f"{self.secret}.{quote(self.page, safe='')}"

    @property
    def state(self) -> str:
        """What the provider sends back, so that no one else can complete the attempt."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What the ID token must have, so that one of another attempt is of no use."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What the code is exchanged with (PKCE), so that a stolen code is of no use."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """The hash of the verifier, which the provider gets first."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def has_state(self, given: str) -> bool:
        """Return whether a state is that of the attempt."""
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.state.encode())

    def _derived(self, what: str) -> str:
        return hmac.digest(self.secret.encode(), what.encode(), "sha256").hex()
