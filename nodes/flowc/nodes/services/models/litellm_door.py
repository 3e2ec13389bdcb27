"""Imports litellm: without logs and downloads, and with the guard under every connection."""

import asyncio
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from flowc.compiler.quick_imports import quick_imports

if TYPE_CHECKING:
    from flowc.nodes.services.egress.transport import GuardedBackend

# A connection pool that is made while this is set connects through the guard.
GUARD: ContextVar["GuardedBackend | None"] = ContextVar("litellm_guard", default=None)

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


async def load_litellm(model: str | None = None) -> Any:
    """Return the litellm module; import it and what calls of a model need in a thread, if needed.

    litellm itself would import the client at the first call, and hold up the event loop.
    """
    if _set_up.cache_info().currsize == 0:
        await asyncio.to_thread(litellm)
    if model is not None and _uses_openai(model) and _load_openai.cache_info().currsize == 0:
        await asyncio.to_thread(_load_openai)
    return litellm()


@contextmanager
def unreported() -> Iterator[None]:
    """Call a model within this block: litellm prepares nothing for loggers, and has none.

    For its own logs, litellm computes the cost of each call a second time, and copies it.
    """
    from litellm._internal_context import is_internal_call  # noqa: PLC0415 - as litellm itself

    token = is_internal_call.set(True)
    try:
        yield
    finally:
        is_internal_call.reset(token)


def _uses_openai(model: str) -> bool:
    """Return whether litellm calls a model with OpenAI's client, by its name.

    >>> _uses_openai("gpt-4o"), _uses_openai("openai/gpt-4o"), _uses_openai("mistral/small")
    (True, True, False)
    """
    provider, separator, _ = model.partition("/")
    return not separator or provider in {"openai", "azure"}


@cache
def _load_openai() -> None:
    with quick_imports():
        import openai.resources  # noqa: F401, PLC0415 - some 470 modules


@cache
def _set_up() -> Any:
    os.environ.update(_BEFORE_IMPORT)
    with quick_imports():
        import litellm as module  # noqa: PLC0415 - it takes seconds and 100 MB

    from flowc.nodes.services.models.guarded_pools import (  # noqa: PLC0415 - as above
        guard_new_pools,
        require_guarded_pools,
    )

    # litellm's types make pydantic warn when they are first used.
    warnings.filterwarnings("ignore", "Item .* on TypedDict class", UserWarning)
    # Its types expect vectors as numbers; as base64, which we ask for, they are ten times faster.
    # They expect the arguments of calls as texts; some services send objects.
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
    module.suppress_debug_info = True
    module.redact_messages_in_exceptions = True
    module.redact_user_api_key_info = True
    module.drop_params = True
    module.disable_aiohttp_transport = True
    guard_new_pools()
    require_guarded_pools()
    return module


@contextmanager
def guarded(backend: "GuardedBackend") -> Iterator[None]:
    """Put the guard under every connection pool that is made in this context."""
    token = GUARD.set(backend)
    try:
        yield
    finally:
        GUARD.reset(token)
