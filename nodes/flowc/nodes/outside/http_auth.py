"""The ways for an `http` node to show who calls."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from flowc.compiler.node import Need
from flowc.nodes.services.egress.access_tokens import ClientGrant
from flowc.nodes.services.egress.credentials import AwsKey, Bearer, Credentials, Password


class _Auth(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BasicAuth(_Auth):
    """A user name and a password, in the header."""

    type: Literal["basic"]
    username: str = Field(description="The user's name.")
    password: str = Field(default="", description="The password, such as {{secrets.name}}.")

    def credentials(self) -> Credentials:
        """Return what the client sends."""
        return Password(self.username, self.password)


class DigestAuth(_Auth):
    """A user name and a password that is not sent itself: the service asks for a digest of it."""

    type: Literal["digest"]
    username: str = Field(description="The user's name.")
    password: str = Field(description="The password, such as {{secrets.name}}.")

    def credentials(self) -> Credentials:
        """Return what the client sends."""
        return Password(self.username, self.password, is_digest=True)


class BearerAuth(_Auth):
    """A token, in the header."""

    type: Literal["bearer"]
    token: str = Field(description="The token, such as {{secrets.name}}.")

    def credentials(self) -> Credentials:
        """Return what the client sends."""
        return Bearer(self.token)


class AwsAuth(_Auth):
    """A signature with a key of Amazon Web Services (version 4), also for compatible services."""

    type: Literal["aws"]
    access_key: str = Field(description="The id of the key.")
    secret_key: str = Field(description="The secret of the key, such as {{secrets.name}}.")
    session_token: str | None = Field(default=None, description="The token of a temporary key.")
    region: str = Field(description="The region, such as us-east-1.")
    service: str = Field(description="The service, such as s3 or execute-api.")

    def credentials(self) -> Credentials:
        """Return what the client signs with."""
        return AwsKey(
            self.access_key, self.secret_key, self.region, self.service, self.session_token
        )


class ClientCredentials(_Auth):
    """A token that a token service issues to a client (OAuth 2, client credentials).

    It is asked for when there is none, held in the memory of the process as long as it lives, and
    asked for again when the service refuses it with 401. It is in no output and no event.
    """

    type: Literal["oauth2"]
    token_url: str = Field(description="Address of the token service.", pattern=r"^(https?://|\{)")
    client_id: str = Field(description="The client's id.")
    client_secret: str = Field(description="The client's secret, such as {{secrets.name}}.")
    scope: str | list[str] | None = Field(default=None, description="What the token is for.")
    audience: str | None = Field(default=None, description="Whom the token is for.")
    credentials_in: Literal["header", "body"] = Field(
        default="header", description="Where the token service wants the client's id and secret."
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="Further parameters for the token service; a `grant_type` replaces that of"
        " client credentials.",
    )

    def grant(self) -> ClientGrant:
        """Return what a token is asked for."""
        scope = " ".join(self.scope) if isinstance(self.scope, list) else self.scope
        extra = json.dumps(self.parameters, sort_keys=True)
        return ClientGrant(
            self.token_url,
            self.client_id,
            self.client_secret,
            scope,
            self.audience,
            self.credentials_in,
            extra,
        )


Auth = Annotated[
    BasicAuth | DigestAuth | BearerAuth | AwsAuth | ClientCredentials, Field(discriminator="type")
]


def needs_of(auth: Any) -> tuple[Need, ...]:
    """Return the address that credentials need, as they are written."""
    if not isinstance(auth, Mapping) or not isinstance(auth.get("token_url"), str):
        return ()
    return (Need("url", auth["token_url"], ("auth", "token_url")),)
