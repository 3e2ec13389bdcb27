"""Adds credentials to a request; some need a second one, after the server's challenge."""

from collections.abc import Generator
from datetime import UTC, datetime

import httpx

from flowc.nodes.services.egress.aws_signatures import signature_headers
from flowc.nodes.services.egress.credentials import AwsKey, Credentials, Password

# Yields each request to send, and takes the response to it.
RequestFlow = Generator[httpx.Request, httpx.Response, None]


def authorized(request: httpx.Request, credentials: Credentials | None) -> RequestFlow:
    """Return the requests with which a request is sent with these credentials."""
    if isinstance(credentials, Password):
        kind = httpx.DigestAuth if credentials.is_digest else httpx.BasicAuth
        return kind(credentials.username, credentials.password).auth_flow(request)
    if isinstance(credentials, AwsKey):
        headers = {name.lower(): value for name, value in request.headers.items()}
        request.headers.update(
            signature_headers(
                credentials,
                request.method,
                request.url.raw_path.decode("ascii"),
                {name: headers[name] for name in headers if _is_signed(name)},
                request.content,
                datetime.now(UTC),
            )
        )
    elif credentials is not None:
        request.headers["authorization"] = f"Bearer {credentials.token}"
    return httpx.Auth().auth_flow(request)


def _is_signed(name: str) -> bool:
    """Return whether a header is signed: others may be changed on the way."""
    return name in {"host", "content-type"} or name.startswith("x-amz-")
