"""Runs blocking work in a thread, and waits for its end even when the caller is cancelled."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(threads: ThreadPoolExecutor | None, work: Callable[[], T]) -> T:
    """Return what the work returns; a cancelled caller still waits until the work has ended.

    A thread cannot be stopped. Returning earlier would release locks, files and connections that
    the work still uses. Without `threads`, the event loop's own pool is used.
    """
    future = asyncio.get_running_loop().run_in_executor(threads, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise
