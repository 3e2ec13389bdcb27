"""Imports litellm: without logs and downloads, and with the guard under every connection."""

import asyncio
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from threading import Lock
from typing import Any

import httpcore
import httpx

from flowc.nodes.services.egress import EgressPolicy, GuardedBackend

# A connection pool that is made while this is set connects through the guard.
_guard: ContextVar[GuardedBackend | None] = ContextVar("litellm_guard", default=None)

_BEFORE_IMPORT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_MODE": "PRODUCTION",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
}


_importing = Lock()


def litellm() -> Any:
    """Return the litellm module; the first call imports it, which takes some seconds."""
    with _importing:
        return _set_up()


async def load_litellm() -> Any:
    """Return the litellm module, and import it in a thread if it is not there yet."""
    is_loaded = _set_up.cache_info().currsize > 0
    return litellm() if is_loaded else await asyncio.to_thread(litellm)


@cache
def _set_up() -> Any:
    os.environ.update(_BEFORE_IMPORT)
    import litellm as module  # noqa: PLC0415 - it takes seconds and 100 MB

    # litellm's types make pydantic warn when they are first used.
    warnings.filterwarnings("ignore", "Item .* on TypedDict class", UserWarning)
    # Its types expect vectors as numbers; as base64, which we ask for, they are ten times faster.
    warnings.filterwarnings("ignore", "(?s)Pydantic serializer.*'embedding'", UserWarning)
    module.suppress_debug_info = True
    module.redact_messages_in_exceptions = True
    module.redact_user_api_key_info = True
    module.drop_params = True
    module.disable_aiohttp_transport = True
    _guard_new_pools()
    _require_guarded_pools()
    return module


@contextmanager
def guarded(backend: GuardedBackend) -> Iterator[None]:
    """Put the guard under every connection pool that is made in this context."""
    token = _guard.set(backend)
    try:
        yield
    finally:
        _guard.reset(token)


def _guard_new_pools() -> None:
    """Make httpcore's pools take the guard when they are made.

    litellm makes its clients itself, in many places, and no setting reaches all of them.
    """
    make = httpcore.AsyncConnectionPool.__init__

    def make_guarded(self: Any, *args: Any, **kwargs: Any) -> None:
        if _guard.get() is not None:
            kwargs["network_backend"] = _CurrentGuard()
            kwargs["proxy"] = None
        make(self, *args, **kwargs)

    httpcore.AsyncConnectionPool.__init__ = make_guarded  # type: ignore[method-assign] # see above
    make_sync = httpcore.ConnectionPool.__init__

    def refuse_unguarded(self: Any, *args: Any, **kwargs: Any) -> None:
        if _guard.get() is not None:
            kwargs["network_backend"] = _NoBackend()
        make_sync(self, *args, **kwargs)

    httpcore.ConnectionPool.__init__ = refuse_unguarded  # type: ignore[method-assign] # see above


def _require_guarded_pools() -> None:
    """Raise RuntimeError if a client that is made under the guard would connect without it."""
    backend = GuardedBackend(EgressPolicy())
    with guarded(backend):
        pool = getattr(httpx.AsyncHTTPTransport(), "_pool", None)
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
        guard = _guard.get()
        if guard is None:
            raise httpcore.ConnectError("connections without a guard are not allowed")
        return guard


class _NoBackend(httpcore.NetworkBackend):
    """Refuses to connect: model calls are asynchronous, and a blocking one would have no guard."""

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("blocking connections are not available")

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("unix sockets are not available")
