"""How is work done in a thread, without leaving it behind?"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(threads: ThreadPoolExecutor | None, work: Callable[[], T]) -> T:
    """Run work in a thread; who is cancelled leaves when it is done, since it cannot be stopped."""
    doing = asyncio.get_running_loop().run_in_executor(threads, work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise
