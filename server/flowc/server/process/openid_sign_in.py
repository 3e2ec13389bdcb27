"""The OpenID provider of the settings, at which people sign in to the pages."""

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from flowc.nodes.services.egress import HttpClient
from flowc.server.access.token_rules import TokenRules
from flowc.server.process_services import SettingsRefused
from flowc.server.settings import Settings

if TYPE_CHECKING:
    from flowc.server.access.openid import JsonAnswer, OpenIdProvider

# Each answer of a provider is read within these limits.
_MOST_BYTES, _MOST_SECONDS = 500_000, 10.0


def open_provider(
    settings: Settings, http: HttpClient, stack: AsyncExitStack
) -> "OpenIdProvider | None":
    """Return the provider that the settings name, if any; raise SettingsRefused."""
    issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
    if issuer is None or client_id is None:
        if issuer != client_id:
            raise SettingsRefused("FLOWC_OIDC_ISSUER and FLOWC_OIDC_CLIENT_ID need each other.")
        return None
    # Imported here: it loads cryptography, and few servers have a provider.
    from flowc.server.access.openid import JsonAnswer, OpenIdProvider, OpenIdRules  # noqa: PLC0415

    # As the operator names it, it may be in a private network.
    own = HttpClient(http.policy.serving([issuer]))
    stack.push_async_callback(own.aclose)

    async def ask(
        method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> "JsonAnswer":
        answer = await own.request(
            method,
            url,
            headers=headers,
            content=content,
            max_bytes=_MOST_BYTES,
            deadline=_MOST_SECONDS,
        )
        return JsonAnswer(answer.status_code, _json_in(answer.content))

    rules = OpenIdRules(issuer, client_id, settings.oidc_client_secret, settings.oidc_scopes)
    tokens = TokenRules(
        settings.oidc_algorithm,
        keys_url=issuer,
        issuer=issuer,
        audience=client_id,
        role_claim=settings.jwt_role_claim,
        tenant_claim=settings.jwt_tenant_claim,
        name_claim=settings.jwt_name_claim,
        groups_claim=settings.jwt_groups_claim,
        default_role=settings.oidc_role,
    )
    return OpenIdProvider(rules, tokens, ask)


def _json_in(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
