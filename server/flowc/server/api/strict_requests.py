"""Limits and strict reading of requests: their ids, their size, and their JSON."""

import re
import uuid
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, NamedTuple

from anyio import to_thread
from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.reading.documents import Document, from_data, read_text
from flowc.compiler.reading.large_values import LARGE_TEXT, in_worker
from flowc.server.api.admission import AdmittedRoute
from flowc.server.api.refused_requests import MalformedBody, RequestTooLarge, UnsupportedBody
from flowc.server.logs.log_context import LOG_CONTEXT

# `application/yaml` is registered; the others are in use.
_YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Gives each request an id, which the response repeats in `x-request-id`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the id to the request, to its response, and to what is logged meanwhile."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope["flowc.request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                own = (b"x-request-id", request_id.encode())
                message["headers"] = [*message.get("headers", []), own]
            await send(message)

        token = LOG_CONTEXT.set({"request": request_id})
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            LOG_CONTEXT.reset(token)


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
    """A request whose JSON is strict: no NaN, duplicate keys, lone surrogates or deep nesting.

    A body of YAML is read as the same values of JSON; `sent` is that body, with its lines.
    """

    is_yaml = False
    sent: Document | None = None

    async def json(self) -> Any:
        """Return the body's value; raise MalformedBody."""
        if not hasattr(self, "_strict"):
            self._strict = await self._read(await self.body())
        return self._strict

    async def _read(self, body: bytes) -> Any:
        if self.is_yaml:
            # It is read a hundred times slower than JSON.
            self.sent = await to_thread.run_sync(_strict_yaml, body)
            return self.sent.data
        return await strict_json(body)


async def strict_json(body: bytes) -> Any:
    """Return the object or array in a body; raise MalformedBody."""
    if len(body) > LARGE_TEXT:
        return await in_worker(partial(_strict_json, body))
    return _strict_json(body)


def sent_definition(request: Request) -> Document | None:
    """Return the definition in a body of YAML, with its lines; None if the body is JSON."""
    sent = request.sent if isinstance(request, StrictRequest) else None
    if sent is None or not isinstance(sent.data, dict):
        return None
    return sent if is_definition(sent.data) else sent.inside(("definition",))


async def sent_document(request: Request) -> Document:
    """Return the body as a document; it has its text and lines if it is YAML."""
    sent = request.sent if isinstance(request, StrictRequest) else None
    return sent if sent is not None else from_data(await request.json())


SentDocument = Annotated[Document, Depends(sent_document)]
SentDefinition = Annotated[Document | None, Depends(sent_definition)]


class SentText(NamedTuple):
    """The text of a definition that is a body alone; its format is `yaml` or `json`."""

    text: str
    format: str


async def sent_text(request: Request) -> SentText | None:
    """Return the text of a body that is a definition; None if it is around one."""
    if not isinstance(request, StrictRequest) or not is_definition(await request.json()):
        return None
    text = (await request.body()).decode("utf-8")
    return SentText(text, "yaml" if request.is_yaml else "json")


def is_definition(data: Any) -> bool:
    """Return whether data is a definition, and not an object around one."""
    return isinstance(data, dict) and (
        "definition" not in data or "nodes" in data or "steps" in data
    )


class StrictRoute(AdmittedRoute):
    """A route whose handler gets strict requests, with a body of JSON or YAML."""

    async def readable(self, request: Request) -> Request:
        """Return the request as a strict one."""
        strict = StrictRequest(request.scope, request.receive)
        return strict if self.body_field is None else await _typed(strict)


def with_yaml_bodies(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description of the API in which each body of JSON can be YAML, too."""
    for operations in description["paths"].values():
        for operation in operations.values():
            bodies = operation.get("requestBody", {}).get("content", {})
            if "application/json" in bodies:
                bodies["application/yaml"] = bodies["application/json"]
    return description


async def _typed(request: StrictRequest) -> StrictRequest:
    """Return the request as one with JSON; raise UnsupportedBody for other bodies."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return request
    if kind in _YAML:
        others = [pair for pair in request.scope["headers"] if pair[0] != b"content-type"]
        headers = [*others, (b"content-type", b"application/json")]
        found = StrictRequest({**request.scope, "headers": headers}, request.receive)
        found.is_yaml = True
        return found
    if await request.body():
        raise UnsupportedBody(kind)
    return request


def _strict_json(body: bytes) -> Any:
    text = _text_of(body)
    if text.lstrip()[:1] not in {"{", "["}:
        raise MalformedBody("The body must be a JSON object.")
    return _read(text, "body.json").data


def _strict_yaml(body: bytes) -> Document:
    found = _read(_text_of(body), "body.yaml")
    if not isinstance(found.data, (dict, list)):
        raise MalformedBody("The body must be an object: a line `key: value` for each field.")
    # The client's file has another name.
    return replace(found, file=None)


def _text_of(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.") from None


def _read(text: str, name: str) -> Document:
    try:
        return read_text(text, name)
    except DefinitionRefused as refused:
        first = refused.diagnostics[0]
        where = (
            f"{first.message.removesuffix('.')} (line {first.at.line}, column {first.at.column})."
        )
        message = first.message if first.at.line is None else where
        raise MalformedBody(f"{message} {first.hint or ''}".rstrip(), first.code) from None
