"""Rates: how often something may happen, counted by all processes that share a Redis."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from redis.exceptions import RedisError
from throttled.asyncio import (
    BaseStore,
    MemoryStore,
    RateLimiterType,
    RedisStore,
    Throttled,
    per_min,
)
from throttled.exceptions import StoreUnavailableError

log = logging.getLogger(__name__)

_Question = Callable[[Throttled, str], Awaitable[float]]

# As many names are counted at a time; the one that was asked for longest ago is forgotten first.
_MOST_NAMES = 10_000
# How long Redis may take to answer, and how long it is left alone if it does not.
_REDIS_SECONDS, _ALONE_SECONDS = 1.0, 10.0


class Rates:
    """The rates of what is limited, each a number a minute; all processes of a Redis share them."""

    def __init__(self, limits: Mapping[str, int], redis_url: str | None) -> None:
        self._shared = SharedCounts(redis_url) if redis_url is not None else None
        self.of = {what: Rate(what, limit, self._shared) for what, limit in limits.items()}

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        if self._shared is not None:
            await self._shared.store.aclose()


class SharedCounts:
    """The counts in Redis, which all its processes share."""

    def __init__(self, url: str) -> None:
        self.store = _RedisStore(url)
        self._asked_again_at = 0.0

    async def ask(self, question: Callable[[], Awaitable[float]]) -> float | None:
        """Return what Redis answers; return None if it cannot be asked now."""
        if time.monotonic() < self._asked_again_at:
            return None
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                return await question()
        except (StoreUnavailableError, RedisError, OSError) as problem:
            self._asked_again_at = time.monotonic() + _ALONE_SECONDS
            name = type(problem.__cause__ or problem).__name__
            log.warning("Redis does not answer (%s): each process counts its own rates", name)
            return None


class Rate:
    """Lets something happen a number of times a minute for each name, also all of them at once.

    Without shared counts, and while they cannot be asked, this process counts alone.
    """

    def __init__(self, what: str, per_minute: int, shared: SharedCounts | None = None) -> None:
        self._alone = _limiter(what, per_minute, MemoryStore(options={"MAX_SIZE": _MOST_NAMES}))
        self._together = (
            (shared, _limiter(what, per_minute, shared.store)) if shared is not None else None
        )

    async def take(self, name: str) -> float:
        """Count it once more and return 0, or return the seconds until that is possible."""
        return await self._ask(_take, name)

    async def wait(self, name: str) -> float:
        """Return the seconds until it may happen once more, without counting it."""
        return await self._ask(_wait, name)

    async def _ask(self, question: _Question, name: str) -> float:
        if self._together is not None:
            shared, limiter = self._together
            found = await shared.ask(partial(question, limiter, name))
            if found is not None:
                return found
        return await question(self._alone, name)


async def _take(limiter: Throttled, name: str) -> float:
    return (await limiter.limit(name)).state.retry_after


async def _wait(limiter: Throttled, name: str) -> float:
    return (await limiter.peek(name)).retry_after


def _limiter(what: str, per_minute: int, store: BaseStore) -> Throttled:
    return Throttled(
        using=RateLimiterType.GCRA.value,
        quota=per_min(per_minute),
        store=store,
        key_prefix=f"flowc:rates:{what}",
    )


class _RedisStore(RedisStore):
    """The library's store, which can be closed."""

    async def aclose(self) -> None:
        await self._backend.get_client().aclose(close_connection_pool=True)  # type: ignore[attr-defined]
