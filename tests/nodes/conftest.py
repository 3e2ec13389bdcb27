"""What all tests of node types share."""

import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from inspect import isawaitable

import pytest


@pytest.fixture(autouse=True)
async def kept_clients() -> AsyncIterator[None]:
    """Close what litellm keeps connections in: the loop of a test ends long before it would."""
    yield
    kept = getattr(sys.modules.get("litellm"), "in_memory_llm_clients_cache", None)
    for client in list(kept.cache_dict.values()) if kept is not None else ():
        close = getattr(client, "aclose", None) or getattr(client, "close", None)
        # A client of another loop cannot be closed any more.
        with suppress(RuntimeError):
            done = close() if close is not None else None
            if isawaitable(done):
                await done
    if kept is not None:
        kept.flush_cache()
