"""Puts the guard, bounds, and the run's trace under the pools of connections that litellm makes."""

import asyncio
from typing import Any

import httpcore
import httpx

from flowc.nodes.services.egress import EgressPolicy
from flowc.nodes.services.egress.bounded_pools import bound
from flowc.nodes.services.egress.transport import GuardedBackend
from flowc.nodes.services.models.litellm_door import GUARD, guarded
from flowc.nodes.services.trace_headers import trace_headers


def guard_new_pools() -> None:
    """Make httpcore's pools take the guard when they are made.

    litellm makes its clients itself, in many places, and no setting reaches all of them.
    """
    make = httpcore.AsyncConnectionPool.__init__

    def make_guarded(self: Any, *args: Any, **kwargs: Any) -> None:
        if GUARD.get() is not None:
            kwargs["network_backend"] = _CurrentGuard()
            kwargs["proxy"] = None
        make(self, *args, **kwargs)
        if GUARD.get() is not None:
            bound(self)
            _continue_traces(self)

    httpcore.AsyncConnectionPool.__init__ = make_guarded  # type: ignore[method-assign] # see above
    make_sync = httpcore.ConnectionPool.__init__

    def refuse_unguarded(self: Any, *args: Any, **kwargs: Any) -> None:
        if GUARD.get() is not None:
            kwargs["network_backend"] = _NoBackend()
        make_sync(self, *args, **kwargs)

    httpcore.ConnectionPool.__init__ = refuse_unguarded  # type: ignore[method-assign] # see above


def _continue_traces(pool: Any) -> None:
    """Send with each request the trace of the call: not all providers take headers from litellm."""
    send = pool.handle_async_request

    async def send_in_trace(request: httpcore.Request) -> httpcore.Response:
        named = {name.lower() for name, _ in request.headers}
        if b"traceparent" not in named:
            more = [(name.encode(), value.encode()) for name, value in trace_headers().items()]
            request.headers = [*request.headers, *more]
        response: httpcore.Response = await send(request)
        return response

    pool.handle_async_request = send_in_trace


def require_guarded_pools() -> None:
    """Raise RuntimeError if a client that is made under the guard would connect without it."""
    backend = GuardedBackend(EgressPolicy())
    with guarded(backend):
        # Without certificates, which take some milliseconds to load: it connects to nothing.
        pool = getattr(httpx.AsyncHTTPTransport(verify=False), "_pool", None)
    if not isinstance(getattr(pool, "_network_backend", None), _CurrentGuard):
        raise RuntimeError(
            "this version of httpx makes connections in another way, without the guard"
        )


class _CurrentGuard(httpcore.AsyncNetworkBackend):
    """Connects through the guard of the current call: litellm shares clients between calls."""

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        return await self._guard().connect_tcp(*args, **kwargs)

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        return await self._guard().connect_unix_socket(*args, **kwargs)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _guard(self) -> GuardedBackend:
        guard = GUARD.get()
        if guard is None:
            raise httpcore.ConnectError("connections without a guard are not allowed")
        return guard


class _NoBackend(httpcore.NetworkBackend):
    """Refuses to connect: model calls are asynchronous, and a blocking one would have no guard."""

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("blocking connections are not available")

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("unix sockets are not available")
