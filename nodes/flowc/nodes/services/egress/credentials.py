"""How a request shows who calls: a password, a token, or a signature."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Password:
    """A name and a password, sent as they are (basic), or as a digest of the server's challenge."""

    username: str
    password: str
    is_digest: bool = False


@dataclass(frozen=True)
class AwsKey:
    """A key of Amazon Web Services, and those of compatible services, that signs requests."""

    access_key: str
    secret_key: str
    region: str
    service: str
    session_token: str | None = None


@dataclass(frozen=True)
class Bearer:
    """A token that is sent as it is."""

    token: str


Credentials = Password | AwsKey | Bearer


class WhoCalls(NamedTuple):
    """Who calls: by credentials, by the cookies in a jar, or by neither."""

    credentials: Credentials | None = None
    jar: str | None = None


NO_ONE = WhoCalls()
