"""Speaks HTTP with clients that may be slow, many or hostile."""

import asyncio
import resource
from collections.abc import Callable, Collection
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from flowc.server.api.errors import RETRY_SECONDS, ErrorBody, ErrorResponse
from flowc.server.edge.security_headers import ALWAYS

# A client that sends its body more slowly than this, in bytes a second, is too slow.
_SLOWEST = 1_000
# A connection that is one too many is answered when its request begins, so that its client gets the
# answer, or after a second. If there are more of them than this, or than an eighth of all, it is
# answered, and closed, at once.
_PATIENCE_SECONDS, _MOST_REFUSED = 1.0, 50
# File descriptors for files, databases, services and sandboxes.
_RESERVED = 256
_MOST_BY_DEFAULT = 10_000


class ConnectionLimits(NamedTuple):
    """How long and how large the parts of a request may be, and how many connections there are."""

    header_seconds: float
    body_seconds: float
    header_bytes: int
    connections: int
    per_address: int


def most_connections() -> int:
    """Return how many connections leave enough file descriptors for everything else."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return _MOST_BY_DEFAULT
    return min(_MOST_BY_DEFAULT, max(descriptors - _RESERVED, descriptors // 2))


class _Refusal(NamedTuple):
    status: HTTPStatus
    code: str
    message: str


_TIMEOUT = HTTPStatus.REQUEST_TIMEOUT
_SLOW_HEADERS = _Refusal(_TIMEOUT, "request-timeout", "The headers of the request took too long.")
_SLOW_BODY = _Refusal(_TIMEOUT, "request-timeout", "The body of the request took too long.")
_LARGE_HEADERS = _Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers-too-large",
    "The headers of the request are too large.",
)
_MALFORMED = _Refusal(HTTPStatus.BAD_REQUEST, "bad-request", "The request is not valid HTTP.")
_TOO_MANY = _Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "too-many-connections", "There are too many connections."
)


class GuardedProtocol(HttpToolsProtocol):
    """A connection that is closed if its client is too slow, sends too much, or is one too many.

    It is idle until the headers of a request are complete, and again after the answer. If there is
    no room for a further connection, the one that has been idle for the longest is closed.
    """

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None
        self._is_in_headers = self._is_in_body = False
        # What has arrived of headers, and what is complete of them: both can be more.
        self._header_bytes = self._complete_bytes = 0
        self._body_until = 0.0
        self._refusal = _MALFORMED
        self.is_refused = False
        self.idle_since: float | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request, if there is room for the connection."""
        super().connection_made(transport)
        if not self._is_too_many():
            self.idle_since = self.loop.time()
            self._wait(self._limits.header_seconds, self._headers_are_late)
            return
        refused = sum(getattr(each, "is_refused", False) for each in self.connections)
        if refused >= min(_MOST_REFUSED, self._limits.connections // 8):
            self._refuse(_TOO_MANY)
        else:
            self.is_refused = True
            self._wait(_PATIENCE_SECONDS, partial(self._refuse, _TOO_MANY))

    def _is_too_many(self) -> bool:
        others: list[Any] = [
            each
            for each in self.connections
            if each is not self and not getattr(each, "is_refused", False)
        ]
        address = self.client[0] if self.client else None
        same = [each for each in others if each.client and each.client[0] == address]
        if len(same) >= self._limits.per_address:
            return not _close_idle(same)
        return len(others) >= self._limits.connections and not _close_idle(others)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request; begin to wait for the rest, if there is more to come."""
        if self.transport.is_closing():
            return
        if self.is_refused:
            self._refuse(_TOO_MANY)
            return
        # The packet in which headers begin may hold the end of another request.
        self._header_bytes += len(data) if self._is_in_headers else 0
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_headers and self._header_bytes > self._limits.header_bytes:
            self._refuse(_LARGE_HEADERS)
        elif self._timer is None and self.idle_since is not None:
            self._wait(self._limits.header_seconds, self._headers_are_late)
        elif self._timer is None and self._is_in_body:
            self._wait(self._limits.body_seconds, self._body_is_late)

    def on_message_begin(self) -> None:
        """Begin to read the headers of a request."""
        super().on_message_begin()
        self._is_in_headers, self._header_bytes, self._complete_bytes = True, 0, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read a header; all of them may be in the first packet."""
        super().on_header(name, value)
        self._complete_bytes += len(name) + len(value) + len(": \r\n")
        if self._complete_bytes > self._limits.header_bytes:
            self._refusal = _LARGE_HEADERS
            raise ValueError(self._refusal.message)

    def on_headers_complete(self) -> None:
        """Begin to answer; the body may be still to come."""
        self._stop_waiting()
        self.idle_since, self._is_in_headers, self._is_in_body = None, False, True
        self._body_until = self.loop.time() + self._limits.body_seconds
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Read a part of the body, which gives its client more time for the rest."""
        self._body_until += len(body) / _SLOWEST
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing more of this request."""
        self._is_in_body = False
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Be idle, unless further requests have arrived already."""
        if not self.pipeline:
            self.idle_since = self.loop.time()
        super().on_response_complete()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = self.loop.call_later(seconds, then)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _headers_are_late(self) -> None:
        if self._is_in_headers:
            self._refuse(_SLOW_HEADERS)
        else:
            self.transport.close()

    def _body_is_late(self) -> None:
        left = self._body_until - self.loop.time()
        if self.flow.read_paused:
            # The client waits for the server, which has not read what there is.
            self._wait(self._limits.body_seconds, self._body_is_late)
        elif left > 0:
            self._wait(left, self._body_is_late)
        else:
            self._refuse(_SLOW_BODY)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not a request, or has headers that are too large."""
        self._refuse(self._refusal)

    def _refuse(self, refusal: "_Refusal") -> None:
        """Answer, unless another answer has begun, and close the connection."""
        self._stop_waiting()
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if not (is_answering and (self.cycle.response_started or self.pipeline)):
            self.transport.write(_answer_of(refusal))
        if is_answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def _close_idle(connections: Collection[Any]) -> bool:
    """Close the connection that has been idle for the longest; return whether there is one."""
    idle = [each for each in connections if getattr(each, "idle_since", None) is not None]
    if not idle:
        return False
    oldest = min(idle, key=lambda each: each.idle_since)
    # At once: its end is noticed only after other connections of the same moment.
    oldest.connections.discard(oldest)
    oldest.transport.abort()
    return True


def _answer_of(refusal: _Refusal) -> bytes:
    error = ErrorBody(code=refusal.code, message=refusal.message, details=[], request_id=None)
    body = ErrorResponse(error=error).model_dump_json().encode()
    headers = {
        **ALWAYS,
        b"content-type": b"application/json",
        b"content-length": str(len(body)).encode(),
        b"connection": b"close",
    }
    if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers[b"retry-after"] = str(RETRY_SECONDS).encode()
    lines = [name + b": " + value + b"\r\n" for name, value in headers.items()]
    return b"".join([STATUS_LINE[refusal.status], *lines, b"\r\n", body])
