"""The operator's settings for signing in at an OpenID provider."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class OpenIdSettings(BaseSettings):
    """The OpenID provider at which people sign in; without an issuer, there is none."""

    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="URL of the OpenID provider at which people can sign in to the pages; its"
        " `/.well-known/openid-configuration` says the rest.",
    )
    oidc_client_id: str | None = Field(
        default=None, description="Name under which this server is registered at the provider."
    )
    oidc_client_secret: str | None = Field(
        default=None,
        repr=False,
        description="Secret of that registration; none for a public client, which has PKCE alone.",
    )
    oidc_name: str = Field(
        default="OpenID",
        min_length=1,
        max_length=60,
        description="Name of the provider on the button of the page that asks for a key.",
    )
    oidc_scopes: str = Field(
        default="openid profile email",
        pattern=r"(^| )openid( |$)",
        description="Scopes that the provider is asked for, separated by blanks.",
    )
    oidc_algorithm: Literal["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "EdDSA"] = Field(
        default="RS256", description="The one algorithm with which the provider signs ID tokens."
    )
    oidc_role: Literal["viewer", "operator", "editor", "admin"] | None = Field(
        default=None,
        description="Role of people for whom the provider names none in the claim of"
        " FLOWC_JWT_ROLE_CLAIM; by default, they may not sign in.",
    )
    oidc_redirect_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="URL to which the provider sends people back, if the server does not know its"
        " own: https://…/api/v1/session/oidc/callback.",
    )
    oidc_sign_out: Literal["here", "provider"] = Field(
        default="here",
        description="Where the pages sign people out: here alone, or at the provider, too.",
    )
