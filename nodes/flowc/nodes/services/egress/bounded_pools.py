"""Bounds the responses of clients that read them on their own: those of litellm and of MCP."""

from collections.abc import AsyncIterator
from typing import Any

import httpcore

from flowc.nodes.services.egress.client import MAX_ANSWER_BYTES
from flowc.nodes.services.egress.codings import CODINGS, unpacked

_CODING, _LENGTH, _TYPE = b"content-encoding", b"content-length", b"content-type"
_ACCEPT = b"accept-encoding"


def bound(pool: httpcore.AsyncConnectionPool) -> None:
    """Make a pool unpack its responses, up to MAX_ANSWER_BYTES."""
    handle = pool.handle_async_request

    async def handle_bounded(request: httpcore.Request) -> httpcore.Response:
        others = [header for header in request.headers if header[0].lower() != _ACCEPT]
        request.headers = [*others, (_ACCEPT, CODINGS.encode())]
        return _bounded(await handle(request))

    pool.handle_async_request = handle_bounded  # type: ignore[method-assign] # no setting does it


def _bounded(response: httpcore.Response) -> httpcore.Response:
    named = {name.lower(): value for name, value in response.headers}
    coding = named.get(_CODING, b"").decode("latin-1")
    hidden = {_CODING, _LENGTH} if coding else set()
    return httpcore.Response(
        response.status,
        headers=[header for header in response.headers if header[0].lower() not in hidden],
        content=_Body(response, coding, is_by_line=b"event-stream" in named.get(_TYPE, b"")),
        extensions=response.extensions,
    )


class _Body:
    """The pieces of a response, which is closed with them."""

    def __init__(self, response: httpcore.Response, coding: str, *, is_by_line: bool) -> None:
        self._response, self._coding, self._is_by_line = response, coding, is_by_line

    def __aiter__(self) -> AsyncIterator[bytes]:
        stream: Any = self._response.stream
        return unpacked(stream, self._coding, MAX_ANSWER_BYTES, is_by_line=self._is_by_line)

    async def aclose(self) -> None:
        await self._response.aclose()
