"""Adds the headers to answers that tell browsers what not to do with them."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NO_CONTENT = b"default-src 'none'; frame-ancestors 'none'"
# Of the page that shows the API: Swagger UI, with a script in the page that starts it.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    b"x-content-type-options": b"nosniff",
    b"content-security-policy": _NO_CONTENT,
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
}
# For a year.
_ONLY_HTTPS = {b"strict-transport-security": b"max-age=31536000"}


class SecurityHeaders:
    """Adds security headers to answers that do not have them; a path may have its own policy."""

    def __init__(self, app: ASGIApp, policies: Mapping[str, str]) -> None:
        self._app = app
        self._policies = {path: policy.encode() for path, policy in policies.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, with the headers."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _WithHeaders(send, self._headers_of(scope)))

    def _headers_of(self, scope: Scope) -> Mapping[bytes, bytes]:
        policy = self._policies.get(scope["path"])
        if policy is None and scope["scheme"] not in {"https", "wss"}:
            return ALWAYS
        own = {b"content-security-policy": policy} if policy is not None else {}
        return {**ALWAYS, **own, **(_ONLY_HTTPS if scope["scheme"] in {"https", "wss"} else {})}


class _WithHeaders:
    """Sends messages; those that begin an answer with headers that they do not have."""

    def __init__(self, send: Send, headers: Mapping[bytes, bytes]) -> None:
        self._send, self._headers = send, headers

    async def __call__(self, message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            added = [pair for pair in self._headers.items() if pair[0] not in names]
            message = {**message, "headers": [*given, *added]}
        await self._send(message)
