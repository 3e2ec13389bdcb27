"""Limits and strict reading of requests: their ids, their size, and their JSON."""

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
from flowc.server.api.refused_requests import MalformedBody, RequestTooLarge

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Gives each request an id, which the response repeats in `x-request-id`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the id to the request and to its response."""
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
    """Refuses bodies that are too large; some paths have a limit of their own.

    The bytes that arrive are counted, since a `content-length` can be wrong or missing.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, by_path: Mapping[str, int]) -> None:
        self._app, self._max, self._by_path = app, max_bytes, by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting the bytes of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received, most = 0, self._by_path.get(scope["path"], self._max)

        async def receive_counted() -> MutableMapping[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise RequestTooLarge(most)
            return message

        await self._app(scope, receive_counted, send)


class StrictRequest(Request):
    """A request whose JSON is strict: no NaN, duplicate keys, lone surrogates or deep nesting."""

    async def json(self) -> Any:
        """Return the body's value; raise MalformedBody."""
        if not hasattr(self, "_strict"):
            body = await self.body()
            self._strict = _strict_json(body)
        return self._strict


class StrictRoute(APIRoute):
    """A route whose handler gets strict requests."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler, wrapped."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


def _strict_json(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.") from None
    if text.lstrip()[:1] not in {"{", "["}:
        raise MalformedBody("The body must be a JSON object.")
    try:
        return read_text(text, "body.json").data
    except DefinitionRefused as refused:
        first = refused.diagnostics[0]
        raise MalformedBody(first.message, first.code) from None
    except json.JSONDecodeError:
        raise MalformedBody("The body is not JSON.") from None
