"""Measures requests: how many each handler answers, how, and how long they wait."""

from time import perf_counter

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowc.server.api.admission import handler_of
from flowc.server.numbers.metrics import Metrics

_NO_HANDLER, _OTHER = "none", "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestNumbers:
    """Measures each HTTP request until its answer begins: a stream may last for hours."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._seconds = app, metrics.request_seconds
        self._series: dict[tuple[str | None, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                series = self._series_of(handler_of(scope), scope["method"], message["status"])
                series.observe(perf_counter() - started)
            await send(message)

        await self._app(scope, receive, send_measured)

    def _series_of(self, handler: str | None, method: str, status: int) -> Histogram:
        key = handler, method if method in _METHODS else _OTHER, status // 100
        if key not in self._series:
            labels = (handler or _NO_HANDLER, key[1], f"{key[2]}xx")
            self._series[key] = self._seconds.labels(*labels)
        return self._series[key]
