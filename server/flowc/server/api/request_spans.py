"""The spans of HTTP requests, which continue the trace that a client names in `traceparent`."""

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowc.server.api.admission import caller_of, handler_of

_TRACER = trace.get_tracer("flowc")
_PROPAGATOR = TraceContextTextMapPropagator()
_HEADERS = {b"traceparent": "traceparent", b"tracestate": "tracestate"}
# What watches the server asks for these again and again.
_UNTRACED = frozenset({"/ping", "/health", "/metrics"})


class RequestSpans:
    """Continues the traces of clients; if it `is_on`, in a span until the answer begins.

    A stream may last for hours. Without spans, what a request does is part of the client's span.
    """

    def __init__(self, app: ASGIApp, *, is_on: bool) -> None:
        self._app, self._is_on = app, is_on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        context = _context_in(scope)
        if self._is_on:
            await self._traced(context, scope, receive, send)
        elif context is None:
            await self._app(scope, receive, send)
        else:
            token = attach(context)
            try:
                await self._app(scope, receive, send)
            finally:
                detach(token)

    async def _traced(
        self, context: Context | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        method = scope["method"]
        span = _TRACER.start_span(
            method,
            context or Context(),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "url.path": scope["path"]},
        )

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note(span, scope, message["status"])
                span.end()
            await send(message)

        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            try:
                await self._app(scope, receive, send_noted)
            finally:
                # Of a client that went away, the answer never begins.
                if span.is_recording():
                    span.end()


def _context_in(scope: Scope) -> Context | None:
    """Return the context of the client's trace, if it names one."""
    found = {
        _HEADERS[name]: value.decode("latin-1")
        for name, value in scope["headers"]
        if name in _HEADERS
    }
    if "traceparent" not in found:
        return None
    context = _PROPAGATOR.extract(found, Context())
    is_valid = trace.get_current_span(context).get_span_context().is_valid
    return context if is_valid else None


def _note(span: Span, scope: Scope, status: int) -> None:
    """Note what a request was, which is known once it has been routed, and how it was answered."""
    span.set_attribute("http.response.status_code", status)
    if (route := _route_of(scope)) is not None:
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.route", route)
    if (handler := handler_of(scope)) is not None:
        span.set_attribute("flowc.handler", handler)
    if (caller := caller_of(scope)) is not None:
        span.set_attribute("flowc.tenant", caller.tenant)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
        span.set_attribute("error.type", str(status))


def _route_of(scope: Scope) -> str | None:
    """Return the path of the route that was found, with the part under which it is mounted."""
    route = getattr(scope.get("route"), "path_format", None)
    if not isinstance(route, str):
        return None
    asked = scope["path"].split("/")
    mounted = asked[: len(asked) + 1 - len(route.split("/"))]
    prefix = "/".join(mounted)
    return route if route.startswith(f"{prefix}/") else f"{prefix}{route}"
