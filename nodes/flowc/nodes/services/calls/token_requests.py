"""Asks a token service for an access token, as OAuth 2 has it for clients without a person."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from flowc.compiler.definition import FailureKind
from flowc.compiler.node import NodeError
from flowc.nodes.services.calls.answers import error_body, error_text
from flowc.nodes.services.calls.media_types import FORM, essence
from flowc.nodes.services.calls.pairs import encoded_pairs
from flowc.nodes.services.calls.sending import sent
from flowc.nodes.services.egress import HttpClient, Response
from flowc.nodes.services.egress.access_tokens import ClientGrant, IssuedToken
from flowc.nodes.services.egress.credentials import Password, WhoCalls

_MAX_BYTES = 100_000


async def access_token(client: HttpClient, grant: ClientGrant, deadline: float) -> str:
    """Return a token: the one that is held, or a new one; raise NodeError or TimeoutError."""

    async def ask() -> IssuedToken:
        return _issued(await _asked(client, grant, deadline))

    return await client.tokens.get(grant, ask)


async def _asked(client: HttpClient, grant: ClientGrant, deadline: float) -> Response:
    form = {
        "grant_type": "client_credentials",
        "scope": grant.scope,
        "audience": grant.audience,
        **json.loads(grant.extra),
    }
    credentials = None
    if grant.credentials_in == "body":
        form |= {"client_id": grant.client_id, "client_secret": grant.client_secret}
    else:
        credentials = Password(grant.client_id, grant.client_secret)
    return await sent(
        client,
        "POST",
        grant.token_url,
        headers={"content-type": FORM, "accept": "application/json"},
        content=encoded_pairs(form).encode(),
        who=WhoCalls(credentials),
        max_bytes=_MAX_BYTES,
        deadline=deadline,
    )


def _issued(response: Response) -> IssuedToken:
    said = _said(response)
    token = said.get("access_token") if isinstance(said, dict) else None
    if response.status_code == HTTPStatus.OK and isinstance(token, str) and token:
        return IssuedToken(token, _seconds(said.get("expires_in")))
    status, text = response.status_code, error_text(said)
    if status < HTTPStatus.BAD_REQUEST:
        # It may hold a token in another form.
        text = "there is no access_token in what it says"
    message = f"The token service answered {status}: {text}".removesuffix(": ")
    details = {"status": status, "body": said if status >= HTTPStatus.BAD_REQUEST else None}
    kind: FailureKind | None = None
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = "server-error"
    raise NodeError("token-refused", message, field="auth", kind=kind, details=details)


def _said(response: Response) -> Any:
    """Return what a token service says; some write a form."""
    if essence(response.headers.get("content-type", "")) == FORM:
        return dict(parse_qsl(response.content.decode("utf-8", "replace")))
    return error_body(response)


def _seconds(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
