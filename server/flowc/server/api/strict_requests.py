"""What is too much of a request, and how are bodies read strictly?"""

import json
import re
import uuid
from collections.abc import Callable, Coroutine, Mapping, MutableMapping
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.reading.documents import read_text
from flowc.server.api.errors import BadRequest

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Gives each request an id, and says it in the response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope["flowc.request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        await self._app(scope, receive, send_with_id)


class BodyLimit:
    """Refuses a body beyond the limit, however long it says it is; some paths have their own."""

    def __init__(self, app: ASGIApp, max_bytes: int, by_path: Mapping[str, int]) -> None:
        self._app, self._max, self._by_path = app, max_bytes, by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received, most = 0, self._by_path.get(scope["path"], self._max)

        async def receive_counted() -> MutableMapping[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                text = f"A request may have {most:,} bytes at the most."
                raise BadRequest(413, "request-too-large", text)
            return message

        await self._app(scope, receive_counted, send)


class StrictRequest(Request):
    """A request whose JSON is JSON: no NaN, no key twice, no half surrogates, no depths."""

    async def json(self) -> Any:
        """Return the body's value; raise BadRequest."""
        if not hasattr(self, "_strict"):
            body = await self.body()
            self._strict = _strict_json(body)
        return self._strict


class StrictRoute(APIRoute):
    """A route that reads its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, given strict requests."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


def _strict_json(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(400, "invalid-json", "The body is not UTF-8.") from None
    if text.lstrip()[:1] not in {"{", "["}:
        raise BadRequest(400, "invalid-json", "The body must be a JSON object.")
    try:
        return read_text(text, "body.json").data
    except DefinitionRefused as refused:
        first = refused.diagnostics[0]
        raise BadRequest(400, first.code, first.message) from None
    except json.JSONDecodeError:
        raise BadRequest(400, "invalid-json", "The body is not JSON.") from None
